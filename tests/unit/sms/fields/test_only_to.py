"""The connection's ``only_to``: nobody else is texted, whichever operation would do it."""

from __future__ import annotations

from typing import Any

import pytest

from sinch_provider.sms.errors import SinchValidationError
from tests.unit.sms.calls import BATCH, CANCEL, DRY_RUN, FEEDBACK, GET, GOOD, ID, TEXT
from tests.unit.sms.conftest import Player, plan_account, project_account
from tests.unit.sms.scripted import ScriptedServer, reply

US, THEM, THEIRS = "+44 7700-900 222", "+46701740605", "+12125550100"
GROUP = "01J8ZC4M7T2Q9KX5RVBW3NHYDP"
FAR = "2999-01-01T00:00:00Z"


def calls(*to: str) -> list[tuple[str, dict[str, Any]]]:
    return [
        ("batches.send", {"body": TEXT, "to": list(to)}),
        (
            "batches.send",
            {"body": {"url": "https://media.example.test/x"}, "type_": "mt_media", "to": list(to)},
        ),
        ("batches.replace", {"batch_id": ID, "body": TEXT, "to": list(to)}),
        ("batches.replace", {"batch_id": ID, "body": TEXT, "to": list(to), "send_at": FAR}),
        ("batches.update", {"batch_id": ID, "to_add": list(to)}),
    ]


@pytest.mark.parametrize("index", range(len(calls())))
def test_nobody_else_is_texted(do: Player, server: ScriptedServer, index: int) -> None:
    operation, arguments = calls(US, THEM, THEIRS)[index]
    with pytest.raises(SinchValidationError, match="extra only_to") as caught:
        do(project_account(server.url, only_to="+44770090"), operation, **arguments)
    field = "to_add" if "update" in operation else "to"
    assert [(fault.field, fault.shown) for fault in caught.value.faults] == [
        (f"{field}[1]", "+4670***0605"),
        (f"{field}[2]", "+1212***0100"),
    ]
    # Not even for a token.
    assert server.received == []
    assert do.pauses == []
    assert "Nothing was" in str(caught.value)
    assert "46701740605" not in str(caught.value)


@pytest.mark.parametrize("index", range(len(calls())))
def test_a_group_could_be_anybody(do: Player, server: ScriptedServer, index: int) -> None:
    operation, arguments = calls(US, GROUP)[index]
    with pytest.raises(SinchValidationError, match=r"members cannot be checked.*extra only_to") as caught:
        do(plan_account(server.url, only_to=["+44"]), operation, **arguments)
    assert len(caught.value.faults) == 1
    assert server.received == []


@pytest.mark.parametrize("only_to", [(), "", "+44770090", ["+4", "46"], "+447700900222"])
@pytest.mark.parametrize("index", range(len(calls())))
def test_those_who_may_be_texted_are(do: Player, server: ScriptedServer, index: int, only_to: Any) -> None:
    operation, arguments = calls(US)[index]
    server.script = [reply(200, BATCH), reply(200, BATCH)]
    do(plan_account(server.url, only_to=only_to), operation, **arguments)
    # Before an update it has to be known whom the batch goes to.
    assert len(server.received) == (2 if only_to and operation == "batches.update" else 1)


CHANGES: list[dict[str, Any]] = [{"body": TEXT}, {"send_at": FAR}, {"to_add": [US]}, {"to_remove": [THEIRS]}]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: next(iter(change)))
def test_nor_is_anybody_whom_a_batch_goes_to_already(
    do: Player, server: ScriptedServer, change: dict[str, Any]
) -> None:
    server.script = [reply(200, {**BATCH, "to": ["447700900222", "46701740605"]}), reply(200, BATCH)]
    with pytest.raises(SinchValidationError, match="extra only_to") as caught:
        do(plan_account(server.url, only_to="+44770090"), "batches.update", ID, **change)
    assert [(fault.field, fault.shown) for fault in caught.value.faults] == [("to[1]", "+4670***0605")]
    assert server.paths() == [f"GET /batches/{ID}"]


@pytest.mark.parametrize("to", [[], ["447700900222", GROUP]])
def test_a_batch_that_cannot_be_checked_is_not_updated(
    do: Player, server: ScriptedServer, to: list[str]
) -> None:
    server.script = [reply(200, {**BATCH, "to": to}), reply(200, BATCH)]
    with pytest.raises(SinchValidationError, match="extra only_to"):
        do(plan_account(server.url, only_to="+44770090"), "batches.update", ID, body=TEXT)
    assert server.paths() == [f"GET /batches/{ID}"]


def test_whom_the_update_takes_off_does_not_count(do: Player, server: ScriptedServer) -> None:
    server.script = [reply(200, {**BATCH, "to": ["447700900222", "46701740605"]}), reply(200, BATCH)]
    account = plan_account(server.url, only_to="+44770090")
    do(account, "batches.update", ID, body=TEXT, to_remove=[THEM])
    assert server.paths() == [f"GET /batches/{ID}", f"POST /batches/{ID}"]


@pytest.mark.parametrize("call", [DRY_RUN, GET, CANCEL, FEEDBACK])
def test_what_texts_nobody_is_allowed(do: Player, server: ScriptedServer, call: tuple[Any, ...]) -> None:
    server.script = [GOOD[call[0]]]
    do(plan_account(server.url, only_to="+46"), *call)
    assert len(server.received) == 1
