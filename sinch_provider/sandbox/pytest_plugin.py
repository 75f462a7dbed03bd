"""A sandbox for tests: ``def test_something(sinch_sandbox): ...``."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sinch_provider.sandbox.client import SandboxClient
from sinch_provider.sandbox.server import RunningSandbox
from sinch_provider.sandbox.state import Options


@pytest.fixture(scope="session")
def _sinch_sandbox_server() -> Iterator[SandboxClient]:
    """One server for the session, on a port of its own, so that parallel workers do not meet."""
    with RunningSandbox(Options(clock="manual")) as client:
        yield client


@pytest.fixture
def sinch_sandbox(_sinch_sandbox_server: SandboxClient) -> SandboxClient:
    """A Sinch of your own whose clock moves only by ``advance``; empty and undisturbed for every test."""
    _sinch_sandbox_server.reset()
    return _sinch_sandbox_server
