"""Callers of the sandbox, one for each kind of account."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sinch_sandbox.client import SandboxClient

from .receiver import Receiver
from .wire import Api, access_token


@pytest.fixture
def api(sinch_sandbox: SandboxClient) -> Iterator[Api]:
    """The service plan."""
    api = Api(sinch_sandbox.url)
    yield api
    api.session.close()


@pytest.fixture
def project(sinch_sandbox: SandboxClient) -> Iterator[Api]:
    """The project, with a fresh access token."""
    api = Api(sinch_sandbox.url, "sandbox-project", access_token(sinch_sandbox.url))
    yield api
    api.session.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A web server that takes callbacks."""
    with Receiver() as receiver:
        yield receiver
