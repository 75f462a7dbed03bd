"""What the tests of the connection test share."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from sinch_provider.hooks.sinch import SinchHook
from sinch_provider.sms.runtime import Runtime, using
from sinch_provider.sms.wire import tokens

Test = Callable[..., tuple[bool, str]]

PLAN = {"conn_type": "sinch", "login": "plan", "password": "token-of-the-plan", "extra": {}}
PROJECT = {
    "conn_type": "sinch",
    "login": "key",
    "password": "secret-of-the-key",
    "extra": {"project_id": "project"},
}


def tester(monkeypatch: pytest.MonkeyPatch) -> Test:
    """Return what tests a connection; keyword arguments are extras, or replace its standard fields."""
    # Tokens of tests before.
    tokens._slots.clear()

    def tested(connection: dict[str, Any], **changes: Any) -> tuple[bool, str]:
        fields: dict[str, Any] = {
            name: changes.pop(name) for name in ("login", "password", "host", "port") if name in changes
        }
        changed: dict[str, Any] = {**connection, **fields, "extra": {**connection["extra"], **changes}}
        monkeypatch.setenv("AIRFLOW_CONN_SINCH_DEFAULT", json.dumps(changed))
        with using(Runtime(sleep=lambda _: pytest.fail("it paused"))):
            works, said = SinchHook().test_connection()
        assert not changed["password"] or changed["password"] not in said
        return works, said

    return tested
