"""What the tests of sending once share: numbers, a store in memory, and what the sandbox has."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pendulum

from sinch_provider.sms.account import Account, ServicePlanCredentials
from sinch_provider.sms.sending.sent import Sent
from sinch_sandbox.client import SandboxClient

MARIA, LUKASZ, ANNA = "+447700900222", "+447700900333", "+447700900444"
SECRET = "plan-secret"
NOW = pendulum.now("UTC")
RETRIES = 3
ONCE = [(MARIA[1:], "Hi"), (LUKASZ[1:], "Hi")]


class ReplacedError(Exception):
    """What a store raises in an attempt that Airflow has replaced."""


class MemoryStore:
    """Keeps a journal in memory, and can refuse."""

    def __init__(self) -> None:
        self.value: Any = None
        self.writes = 0
        self.refuse: Callable[[], bool] = lambda: False

    def get(self) -> Any:
        return json.loads(json.dumps(self.value))

    def set(self, value: Any) -> None:
        if self.refuse():
            raise ReplacedError
        self.writes += 1
        self.value = json.loads(json.dumps(value))


def sandbox_account(sandbox: SandboxClient) -> Account:
    plan = ServicePlanCredentials(sandbox.credentials.service_plan_id, sandbox.credentials.api_token)
    return Account(credentials=plan, base_url=sandbox.url)


def texts(sandbox: SandboxClient) -> list[tuple[str, str]]:
    """Number and text of every message, cancelled ones left out."""
    return sorted((each["to"], each["body"]) for each in sandbox.messages() if each["code"] != 407)


def two_batches(send: Callable[..., Sent], store: MemoryStore, **fields: Any) -> tuple[Sent, Sent]:
    """Two batches with one reference, as if the first process had been paused right before its request."""
    first = send(**fields)
    store.value = None
    second = send(**fields)
    store.value.update(state="intent", batch_id=None)
    return first, second
