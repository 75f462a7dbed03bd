"""When both clients repeat a call, and when they must not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from sinch_provider.sms.account import Account, ServicePlanCredentials
from sinch_provider.sms.errors import (
    Effect,
    SinchAlreadyDispatchedError,
    SinchConnectionError,
    SinchError,
    SinchRateLimitError,
    SinchServerError,
    SinchUncertainError,
    SinchUnexpectedAnswerError,
)
from sinch_provider.sms.wire import request
from sinch_provider.sms.wire.encoding import encode
from sinch_provider.sms.wire.retry import ATTEMPTS, LONGEST_PAUSE
from tests.unit.sms.calls import (
    BATCH,
    CANCEL,
    GET,
    GOOD,
    ID,
    NOT_IDEMPOTENT,
    REPEATABLE,
    REPLACE,
    REPLACE_NOW,
    SEND,
    UPDATE,
    by_operation,
)
from tests.unit.sms.conftest import Player, plan_account
from tests.unit.sms.scripted import (
    CLOSED,
    HANGING,
    NO_HTTP,
    RESET,
    Reply,
    ScriptedServer,
    half,
    reply,
)


@pytest.mark.parametrize(
    "trouble", [CLOSED, RESET, half(BATCH), NO_HTTP], ids=["closed", "reset", "half", "no-http"]
)
class TestLostAnswers:
    @pytest.mark.parametrize("call", NOT_IDEMPOTENT, ids=by_operation)
    def test_a_call_that_could_be_done_twice_is_not_repeated(
        self, do: Player, server: ScriptedServer, call: tuple[Any, ...], trouble: Reply
    ) -> None:
        server.script = [trouble, GOOD[call[0]]]
        with pytest.raises(SinchUncertainError) as caught:
            do(plan_account(server.url), *call)
        assert len(server.received) == 1
        assert do.pauses == []
        assert caught.value.effect is Effect.UNKNOWN
        assert "may or may not have been" in str(caught.value)

    @pytest.mark.parametrize("call", REPEATABLE, ids=by_operation)
    def test_a_call_that_comes_to_the_same_is_repeated(
        self, do: Player, server: ScriptedServer, call: tuple[Any, ...], trouble: Reply
    ) -> None:
        server.script = [trouble, trouble, GOOD[call[0]]]
        do(plan_account(server.url), *call)
        assert len(server.received) == 3
        # By our own policy: aiohttp would repeat GET, PUT and DELETE once without a pause.
        assert len(do.pauses) == 2

    def test_five_attempts_are_enough(self, do: Player, server: ScriptedServer, trouble: Reply) -> None:
        server.script = [trouble] * (ATTEMPTS + 1)
        with pytest.raises(SinchConnectionError, match="the connection broke") as caught:
            do(plan_account(server.url), *CANCEL)
        assert len(server.received) == ATTEMPTS
        assert len(do.pauses) == ATTEMPTS - 1
        assert caught.value.effect is Effect.UNKNOWN


def test_a_repeat_is_the_same_request(
    do: Player, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A batch of a thousand takes longer to write as JSON than to send.
    written: list[Any] = []

    def counting(value: Any) -> bytes:
        written.append(value)
        return encode(value)

    monkeypatch.setattr(request, "encode", counting)
    server.script = [reply(429), reply(429), GOOD["batches.send"]]
    do(plan_account(server.url), *SEND)
    assert len({received.body for received in server.received}) == 1
    assert len(written) == 1


def test_an_answer_that_does_not_come_in_time_is_a_lost_one(do: Player, server: ScriptedServer) -> None:
    server.script = [HANGING, HANGING, GOOD["batches.get"]]
    account = plan_account(server.url, timeout=0.3)
    with pytest.raises(SinchUncertainError):
        do(account, *SEND)
    do(account, *GET)
    assert len(server.received) == 3


@pytest.mark.parametrize("call", [*NOT_IDEMPOTENT, *REPEATABLE], ids=by_operation)
def test_a_refused_connection_is_tried_again_even_for_a_send(do: Player, call: tuple[Any, ...]) -> None:
    server = ScriptedServer([GOOD[call[0]]])
    do.on_pause = server.start
    try:
        do(plan_account(server.url), *call)
        assert len(server.received) == 1
        assert len(do.pauses) == 1
    finally:
        server.stop()


def test_no_connection_at_all_says_that_nothing_was_sent(do: Player) -> None:
    server = ScriptedServer()
    try:
        with pytest.raises(
            SinchConnectionError, match=r"no connection to Sinch .*Nothing was sent\."
        ) as caught:
            do(plan_account(server.url), *SEND)
    finally:
        server.stop()
    assert caught.value.effect is Effect.NONE
    assert len(do.pauses) == ATTEMPTS - 1


def test_a_host_that_does_not_exist_is_no_connection(do: Player) -> None:
    account = Account(credentials=ServicePlanCredentials("plan", "t"), base_url="https://sms.invalid")
    with pytest.raises(SinchConnectionError, match="no connection"):
        do(account, *SEND)


@pytest.mark.parametrize("call", [*NOT_IDEMPOTENT, *REPEATABLE], ids=by_operation)
def test_too_many_requests_are_tried_again_when_the_server_says(
    do: Player, server: ScriptedServer, call: tuple[Any, ...]
) -> None:
    server.script = [reply(429, **{"Retry-After": "7"}), reply(429), GOOD[call[0]]]
    do(plan_account(server.url), *call)
    asked, own = do.pauses
    assert 7 <= asked <= 7.25
    assert 0 <= own <= 2


def test_retry_after_may_be_a_date(do: Player, server: ScriptedServer) -> None:
    until = datetime.now(UTC) + timedelta(seconds=50)
    server.script = [reply(429, **{"Retry-After": format_datetime(until, usegmt=True)}), GOOD["batches.send"]]
    do(plan_account(server.url), *SEND)
    assert 0 < do.pauses[0] <= 50.25


@pytest.mark.parametrize("status", [429, 503])
def test_who_asks_for_too_long_a_pause_is_told_to_the_caller(
    do: Player, server: ScriptedServer, status: int
) -> None:
    server.script = [reply(status, **{"Retry-After": str(LONGEST_PAUSE + 1)})]
    kind = SinchRateLimitError if status == 429 else SinchServerError
    with pytest.raises(kind) as caught:
        do(plan_account(server.url), *GET)
    assert caught.value.retry_after == LONGEST_PAUSE + 1
    assert do.pauses == []
    server.script = [reply(status, **{"Retry-After": str(LONGEST_PAUSE)}), GOOD["batches.get"]]
    do(plan_account(server.url), *GET)
    assert len(do.pauses) == 1


def test_too_many_requests_to_the_end(do: Player, server: ScriptedServer) -> None:
    server.script = [reply(429)] * ATTEMPTS
    with pytest.raises(SinchRateLimitError, match=r"Nothing was sent\."):
        do(plan_account(server.url), *SEND)
    ceilings = (1, 2, 4, 8)
    assert all(0 <= pause <= ceiling for pause, ceiling in zip(do.pauses, ceilings, strict=True))


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_failing_server_is_asked_again_but_not_to_send(
    do: Player, server: ScriptedServer, status: int
) -> None:
    for call in NOT_IDEMPOTENT:
        server.script = [reply(status), GOOD[call[0]]]
        with pytest.raises(SinchUncertainError):
            do(plan_account(server.url), *call)
    server.received.clear()
    for call in REPEATABLE:
        server.script = [reply(status), GOOD[call[0]]]
        do(plan_account(server.url), *call)
    assert len(server.received) == 2 * len(REPEATABLE)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 415])
@pytest.mark.parametrize("call", [SEND, GET, CANCEL], ids=by_operation)
def test_a_refusal_is_final(do: Player, server: ScriptedServer, call: tuple[Any, ...], status: int) -> None:
    server.script = [reply(status, {"code": "no", "text": "No."}), GOOD[call[0]]]
    with pytest.raises(SinchError) as caught:
        do(plan_account(server.url), *call)
    assert caught.value.status == status
    lost = status == 409 and call is SEND
    assert caught.value.effect is (Effect.UNKNOWN if lost else Effect.NONE)
    assert len(server.received) == 1
    assert do.pauses == []


@pytest.mark.parametrize("status", [302, 303, 400, 403, 404, 407, 408, 409, 413, 425])
@pytest.mark.parametrize("call", NOT_IDEMPOTENT, ids=by_operation)
def test_a_page_that_may_be_a_proxys_is_a_lost_answer(
    do: Player, server: ScriptedServer, call: tuple[Any, ...], status: int
) -> None:
    server.script = [reply(status, b"<html>no</html>"), GOOD[call[0]]]
    with pytest.raises(SinchUncertainError, match="may or may not") as caught:
        do(plan_account(server.url), *call)
    assert caught.value.status == status
    assert len(server.received) == 1
    assert do.pauses == []


@pytest.mark.parametrize("call", [UPDATE, REPLACE, REPLACE_NOW, CANCEL], ids=by_operation)
@pytest.mark.parametrize(
    ("status", "code"), [(403, "batch_already_dispatched"), (403, "conflict_send_at"), (409, "conflict")]
)
def test_a_change_that_comes_too_late_is_told(
    do: Player, server: ScriptedServer, call: tuple[Any, ...], status: int, code: str
) -> None:
    server.script = [reply(status, {"code": code, "text": "Too late."}), GOOD[call[0]]]
    with pytest.raises(SinchAlreadyDispatchedError, match="Nothing was changed"):
        do(plan_account(server.url), *call)
    assert len(server.received) == 1


@pytest.mark.parametrize(
    "body", [b"", b"<html>log in</html>", b'{"id": ', {"id": None}, ["x"], {"id": ID, "canceled": "no"}]
)
def test_an_answer_that_makes_no_sense_leaves_a_send_uncertain(
    do: Player, server: ScriptedServer, body: Any
) -> None:
    server.script = [reply(201, body), reply(200, body)]
    with pytest.raises(SinchUncertainError, match="is not usable"):
        do(plan_account(server.url), *SEND)
    with pytest.raises(SinchUnexpectedAnswerError, match="is not usable"):
        do(plan_account(server.url), *GET)
    assert do.pauses == []
