"""Both clients behind one interface, so that every scenario is written once and played twice."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest

from sinch_provider.sms.account import Account, ProjectCredentials, ServicePlanCredentials
from sinch_provider.sms.aio import AsyncSinchClient
from sinch_provider.sms.client import SinchClient
from sinch_provider.sms.runtime import current, using
from sinch_provider.sms.wire.call import Procedure
from tests.unit.sms.scripted import ScriptedServer

_keys = itertools.count()

Do = tuple[Any, ...]


class Player:
    """
    Plays scenarios with one of the clients. Pauses are recorded and take no time.

    ``on_pause`` is called at each pause.
    """

    asynchronous = False

    def __init__(self) -> None:
        self.pauses: list[float] = []
        self.concealed: list[str] = []
        self.on_pause: Callable[[], object] = lambda: None

    def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.on_pause()

    def _unpaused(self) -> AbstractContextManager[None]:
        async def pause(seconds: float) -> None:
            self._pause(seconds)

        return using(replace(current(), sleep=self._pause, async_sleep=pause))

    def __call__(self, account: Account, operation: str, *args: Any, **kwargs: Any) -> Any:
        """Make one call. Keyword arguments may also be given as a mapping at the end."""
        if args and isinstance(args[-1], dict):
            args, kwargs = args[:-1], {**args[-1], **kwargs}
        return self.play(account, (operation, args, kwargs))[0]

    def play(self, account: Account, *calls: tuple[str, tuple[Any, ...], dict[str, Any]]) -> list[Any]:
        """Make calls one after the other with one client."""
        with self._unpaused(), SinchClient(account, conceal=self.concealed.append) as client:
            return [attrgetter(operation)(client)(*args, **kwargs) for operation, args, kwargs in calls]

    def follow(self, account: Account, procedure: Procedure[Any]) -> Any:
        """Follow a procedure."""
        with self._unpaused(), SinchClient(account, conceal=self.concealed.append) as client:
            return client.follow(procedure)

    def entries(self, account: Account, operation: str, **kwargs: Any) -> list[Any]:
        """Return all entries of a listing."""
        with self._unpaused(), SinchClient(account, conceal=self.concealed.append) as client:
            return list(attrgetter(operation)(client)(**kwargs))

    def pages(self, account: Account, operation: str, **kwargs: Any) -> list[Any]:
        """Return all pages of a listing."""
        with self._unpaused(), SinchClient(account, conceal=self.concealed.append) as client:
            return list(attrgetter(operation)(client)(**kwargs).auto_paging_iter())


class AsyncPlayer(Player):
    asynchronous = True

    async def _conceal(self, secret: str) -> None:
        self.concealed.append(secret)

    def play(self, account: Account, *calls: tuple[str, tuple[Any, ...], dict[str, Any]]) -> list[Any]:
        async def play() -> list[Any]:
            async with AsyncSinchClient(account, conceal=self._conceal) as client:
                return [
                    await attrgetter(operation)(client)(*args, **kwargs) for operation, args, kwargs in calls
                ]

        with self._unpaused():
            return asyncio.run(play())

    def follow(self, account: Account, procedure: Procedure[Any]) -> Any:
        async def follow() -> Any:
            async with AsyncSinchClient(account, conceal=self._conceal) as client:
                return await client.follow(procedure)

        with self._unpaused():
            return asyncio.run(follow())

    def entries(self, account: Account, operation: str, **kwargs: Any) -> list[Any]:
        async def entries() -> list[Any]:
            async with AsyncSinchClient(account, conceal=self._conceal) as client:
                return [entry async for entry in await attrgetter(operation)(client)(**kwargs)]

        with self._unpaused():
            return asyncio.run(entries())

    def pages(self, account: Account, operation: str, **kwargs: Any) -> list[Any]:
        async def pages() -> list[Any]:
            async with AsyncSinchClient(account, conceal=self._conceal) as client:
                first = await attrgetter(operation)(client)(**kwargs)
                return [page async for page in first.auto_paging_iter()]

        with self._unpaused():
            return asyncio.run(pages())


@pytest.fixture(params=[Player, AsyncPlayer], ids=["sync", "async"])
def do(request: pytest.FixtureRequest) -> Player:
    """``do(account, "batches.get", "...")`` makes a call with either client."""
    player: Player = request.param()
    return player


@pytest.fixture(autouse=True)
def _undisturbed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Ignore the proxies, certificates and .netrc of this machine."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name in {
            "REQUESTS_CA_BUNDLE",
            "CURL_CA_BUNDLE",
            "SSL_CERT_FILE",
        }:
            monkeypatch.delenv(name)
    monkeypatch.setenv("NETRC", str(tmp_path / "no-netrc"))


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as server:
        yield server


def plan_account(url: str, **settings: Any) -> Account:
    return Account(credentials=ServicePlanCredentials("plan", "plan-token"), base_url=url, **settings)


def project_account(url: str, **settings: Any) -> Account:
    """Make an account with a new key, because tokens are kept per key in this process."""
    credentials = ProjectCredentials("project", f"key-{next(_keys)}", "key-secret")
    return Account(credentials=credentials, base_url=url, **settings)
