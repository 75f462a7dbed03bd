"""A sandbox in its own process, and the real code instrumented with the points."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

import tests.integration.conftest  # noqa: F401  # Airflow's home, before Airflow is imported
from tests.crash.play import Played
from tests.crash.sandbox import Sandbox
from tests.crash.schedules import Schedule
from tests.crash.workers import player


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def play() -> Iterator[Callable[[Schedule], Played]]:
    # The tests of other folders must not run instrumented code.
    with player() as play:
        yield play
