"""A sandbox for tests: ``def test_something(sinch_sandbox): ...``.

pytest loads this module wherever the package is installed, so it imports the sandbox only when one is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from sinch_sandbox.client import SandboxClient


@pytest.fixture(scope="session")
def _sinch_sandbox_server() -> Iterator[SandboxClient]:
    """One server per test process, on its own port, so that parallel workers do not share one."""
    from sinch_sandbox.server import Options, RunningSandbox

    with RunningSandbox(Options(clock="manual")) as client:
        yield client


@pytest.fixture
def sinch_sandbox(_sinch_sandbox_server: SandboxClient) -> SandboxClient:
    """A sandbox whose clock moves only by ``advance``; every test starts with an empty one without faults."""
    _sinch_sandbox_server.reset()
    return _sinch_sandbox_server
