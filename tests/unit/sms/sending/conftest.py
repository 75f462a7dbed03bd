"""One attempt of a send against the sandbox, played with both clients."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pendulum
import pytest

from sinch_provider.sms import endpoints
from sinch_provider.sms.account import Account, ServicePlanCredentials
from sinch_provider.sms.sending.decision import OnClear, Send
from sinch_provider.sms.sending.journal import Journal
from sinch_provider.sms.sending.memory import Memory
from sinch_provider.sms.sending.send_once import SendOnce
from sinch_provider.sms.sending.sent import Sent
from sinch_sandbox.client import SandboxClient
from tests.unit.sms.conftest import Player
from tests.unit.sms.sending.attempts import LUKASZ, MARIA, NOW, RETRIES, SECRET, MemoryStore, sandbox_account


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def send(do: Player, sinch_sandbox: SandboxClient, store: MemoryStore) -> Callable[..., Sent]:
    """Makes one attempt of a send. Its pauses move the sandbox's clock."""
    account = sandbox_account(sinch_sandbox)
    pauses = do._pause

    def pause(seconds: float) -> None:
        pauses(seconds)
        sinch_sandbox.advance(seconds)

    do._pause = pause  # type: ignore[method-assign]

    def one_attempt(
        try_number: int = 1,
        *,
        cleared_after: int = 0,
        single: bool = True,
        keyed: bool = False,
        mapped: bool = False,
        cleared: bool = False,
        in_loop: bool = False,
        retries: int = RETRIES,
        max_tries: int | None = None,
        keeps: bool = False,
        name: str = "task",
        to: Any = (MARIA, LUKASZ),
        body: str = "Hi",
        journal: bool = True,
        secret: str = SECRET,
        plan: str | None = None,
        on_clear: str = "adopt",
        hold: timedelta | None = None,
        since: pendulum.DateTime = NOW,
        stopped: Callable[[], bool] = lambda: False,
        memory: Memory | None = None,
        place: MemoryStore = store,
        **fields: Any,
    ) -> Sent:
        highest = cleared_after + retries if max_tries is None else max_tries
        once = SendOnce(
            endpoints.send(body=body, to=list(to), **fields),
            Send(
                f"af-{name}",
                since,
                single=single,
                keyed=keyed,
                mapped=mapped,
                first=try_number == 1,
                in_loop=in_loop,
                cleared=cleared or highest != retries,
                try_number=try_number,
                max_tries=highest,
                retries=retries,
                journal_outlives_clears=keeps,
            ),
            Account(
                credentials=ServicePlanCredentials(plan or account.credentials.owner, secret),
                base_url=account.base_url,
                timeout=account.timeout,
            ),
            memory=memory,
            journal=Journal(place) if journal else None,
            on_clear=OnClear(on_clear),
            hold=hold,
            stopped=stopped,
        )
        sent: Sent = do.follow(account, once.steps())
        return sent

    return one_attempt
