"""A sandbox for tests: ``def test_something(sinch_sandbox): ...``.

pytest loads this module wherever the package is installed, so it imports the sandbox only where it is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from sinch_sandbox.client import SandboxClient


@pytest.fixture(scope="session")
def _sinch_sandbox_server() -> Iterator[SandboxClient]:
    """One server for the session, on a port of its own, so that parallel workers do not meet."""
    try:
        from sinch_sandbox.core.sandbox import Options
        from sinch_sandbox.server import RunningSandbox
    except ModuleNotFoundError as missing:
        pytest.fail(
            f"The fixture sinch_sandbox needs {missing.name}, which comes with the extra:"
            " pip install 'airflow-provider-sinch[sandbox]'",
            pytrace=False,
        )
    with RunningSandbox(Options(clock="manual")) as client:
        yield client


@pytest.fixture
def sinch_sandbox(_sinch_sandbox_server: SandboxClient) -> SandboxClient:
    """A Sinch of your own whose clock moves only by ``advance``; empty and undisturbed for every test."""
    _sinch_sandbox_server.reset()
    return _sinch_sandbox_server
