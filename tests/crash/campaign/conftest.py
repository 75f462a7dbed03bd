"""The same as in ``tests/crash``, with campaigns."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

import tests.integration.conftest  # noqa: F401  # Airflow's home, before Airflow is imported
from tests.crash.play import Played
from tests.crash.schedules import Schedule
from tests.crash.workers import player


@pytest.fixture(scope="module")
def play() -> Iterator[Callable[[Schedule], Played]]:
    with player("campaigns") as play:
        yield play
