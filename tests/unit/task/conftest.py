"""Airflow's home for these tests."""

from __future__ import annotations

import tests.integration.conftest  # noqa: F401  # Sets the environment before Airflow is imported.
