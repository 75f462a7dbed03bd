"""What an answer means for its call: every envelope, every status, and what may not be quoted."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinch_provider.sms import endpoints
from sinch_provider.sms.errors import (
    Effect,
    SinchAlreadyDispatchedError,
    SinchAuthError,
    SinchBadRequestError,
    SinchConnectionError,
    SinchError,
    SinchForbiddenError,
    SinchNotFoundError,
    SinchRateLimitError,
    SinchServerError,
    SinchUncertainError,
    SinchUnexpectedAnswerError,
)
from sinch_provider.sms.wire.answers import (
    code_and_text,
    connect_error,
    lost_answer_error,
    masked_excerpt,
    read_answer,
    status_error,
)
from sinch_provider.sms.wire.call import Call
from sinch_provider.sms.wire.http import Answer
from sinch_provider.sms.wire.tokens import read_grant

ID = "01J8ZC4M7T2Q9KX5RVBW3NHYDP"
TEXT = "Hi Maria, your table for two is booked."
SEND = endpoints.send(
    body=TEXT + " ${name}", to=["+447700900222"], parameters={"name": {"447700900222": "Maria Svensson"}}
)
UPDATE = endpoints.update(ID, body=TEXT)
REPLACE = endpoints.replace(ID, body=TEXT, to=["+447700900222"], send_at="2999-01-01")
CANCEL = endpoints.cancel(ID)
FEEDBACK = endpoints.send_delivery_feedback(ID, recipients=["+447700900222"])
GET = endpoints.get(ID)
DRY_RUN = endpoints.send_dry_run(body=TEXT, to=["+447700900222"])
LIST = endpoints.list_batches()
ALL: list[Call[Any]] = [SEND, UPDATE, REPLACE, CANCEL, FEEDBACK, GET, DRY_RUN, LIST]
SAFE = [GET, DRY_RUN, LIST]
IDEMPOTENT = [REPLACE, CANCEL, FEEDBACK]
NOT_IDEMPOTENT = [SEND, UPDATE]

HTML = b"<html><body><h1>502 Bad Gateway</h1></body></html>"


def by_operation(call: Call[Any]) -> str:
    return call.operation


def answer(status: int, body: Any = b"", **headers: str) -> Answer:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status, {name.replace("_", "-"): value for name, value in headers.items()}, raw)


def test_fields_that_nobody_needs_are_left_out() -> None:
    call: Call[Any] = replace(GET, parse=lambda data: data, unread=frozenset({"parameters"}))
    body = {"id": ID, "parameters": {"name": {"447700900222": "Maria"}}}
    assert read_answer(call, answer(200, body)) == {"id": ID}
    with pytest.raises(SinchUnexpectedAnswerError, match="not JSON"):
        read_answer(call, answer(200, b'{"id": "x", "parameters": {"name"}}'))
    with pytest.raises(SinchUnexpectedAnswerError, match="not JSON"):
        read_answer(call, answer(200, b'{"parameters": [' + b"[]," * (4 << 20) + b"0]}"))


# --- envelopes


@pytest.mark.parametrize(
    ("body", "code", "text"),
    [
        ({"code": "syntax_invalid_json", "text": "Not JSON."}, "syntax_invalid_json", "Not JSON."),
        ({"code": "syntax_invalid_json", "description": "Not JSON."}, "syntax_invalid_json", "Not JSON."),
        ({"code": 42, "text": "x"}, "42", "x"),
        ({"code": "only_a_code"}, "only_a_code", None),
        ({"timestamp": "t", "status": 400, "error": "Bad Request", "path": "/x"}, None, "Bad Request"),
        (
            {"error": {"code": 400, "message": "Wrong.", "status": "INVALID_ARGUMENT", "details": []}},
            "INVALID_ARGUMENT",
            "Wrong.",
        ),
        ({"error": {}}, None, None),
        ({"error": "invalid_client", "error_description": "No such key."}, "invalid_client", "No such key."),
        ({"error": "Forbidden", "message": "Go away."}, "Forbidden", "Go away."),
        ({"type": "about:blank", "title": "Bad", "status": 400, "detail": "Worse."}, None, "Worse."),
        ({"type": "about:blank", "title": "Bad", "status": 400}, None, "Bad"),
        ({"code": None, "text": {"nested": 1}}, None, None),
        ({"code": True, "text": ["x"]}, None, None),
        ({"text": "  ", "description": "Second choice."}, None, "Second choice."),
        ({}, None, None),
        ([], None, None),
        ("text", None, None),
        (None, None, None),
        (HTML, None, HTML.decode()),
        (b"Unauthorized\n", None, "Unauthorized"),
        (b"", None, None),
        (b"   ", None, None),
        (b"\xff\xfe", None, "\ufffd\ufffd"),
        (b"[" * 100_000, None, "[" * 8192),
    ],
)
def test_every_envelope_is_understood(body: Any, code: str | None, text: str | None) -> None:
    assert code_and_text(answer(400, body)) == (code, text)


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode), st.integers(100, 599))
def test_no_answer_is_too_strange_to_be_an_error(body: bytes, status: int) -> None:
    for call in (SEND, GET):
        if 200 <= status < 300:
            with pytest.raises(SinchError):
                read_answer(call, answer(status, body))
        else:
            assert isinstance(status_error(call, answer(status, body)), SinchError)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(
    st.dictionaries(
        st.sampled_from(["code", "text", "error", "message", "id", "status", "count", "batches", "canceled"]),
        json_values,
    )
)
def test_no_json_is_too_strange_to_be_an_error_or_a_result(body: Any) -> None:
    for call in ALL:
        assert isinstance(status_error(call, answer(400, body)), SinchError)
        with contextlib.suppress(SinchError):
            read_answer(call, answer(200, body))


# --- statuses


OWN = {"code": "some_code", "text": "No."}
REFUSALS: list[tuple[int, Any, type[SinchError]]] = [
    (400, {"code": "syntax_constraint_violation", "text": "x"}, SinchBadRequestError),
    (401, b"", SinchAuthError),
    (401, HTML, SinchAuthError),
    (403, {"code": "unknown_group", "text": "x"}, SinchForbiddenError),
    (403, {"code": "missing_callback_url", "text": "x"}, SinchForbiddenError),
    (403, {"code": "llegal_number_type", "text": "x"}, SinchForbiddenError),
    (403, {"code": "blocked_account", "text": "x"}, SinchForbiddenError),
    (403, {"code": "batch_already_dispatched", "text": "x"}, SinchAlreadyDispatchedError),
    (403, {"code": "conflict_send_at", "text": "x"}, SinchAlreadyDispatchedError),
    (404, OWN, SinchNotFoundError),
    (405, OWN, SinchBadRequestError),
    (415, OWN, SinchBadRequestError),
    (429, b"", SinchRateLimitError),
    (429, HTML, SinchRateLimitError),
]
#: What need not come from Sinch: a proxy, a gateway or a login page may say it too.
STRANGE: list[tuple[int, Any, type[SinchError]]] = [
    (301, HTML, SinchUnexpectedAnswerError),
    (302, b"", SinchUnexpectedAnswerError),
    (303, OWN, SinchUnexpectedAnswerError),
    (307, b"", SinchUnexpectedAnswerError),
    (400, HTML, SinchBadRequestError),
    (400, {"timestamp": "t", "status": 400, "error": "Bad Request", "path": "/x"}, SinchBadRequestError),
    (403, b"", SinchForbiddenError),
    (403, HTML, SinchForbiddenError),
    (403, {"message": "Forbidden"}, SinchForbiddenError),
    (403, {"code": 1020, "text": "Access denied"}, SinchForbiddenError),
    (404, b"", SinchNotFoundError),
    (404, HTML, SinchNotFoundError),
    (404, {"type": "about:blank", "title": "Not Found", "status": 404}, SinchNotFoundError),
    (404, {"type": "t", "title": "Gone", "detail": "x", "status": 410}, SinchNotFoundError),
    (404, {"error": {"code": 5, "status": "NOT_FOUND", "message": "x"}}, SinchNotFoundError),
    (405, b"", SinchBadRequestError),
    (407, b"", SinchBadRequestError),
    (413, HTML, SinchBadRequestError),
    (415, b"", SinchBadRequestError),
    (425, OWN, SinchBadRequestError),
]


@pytest.mark.parametrize(("status", "body", "kind"), REFUSALS)
@pytest.mark.parametrize("call", ALL, ids=by_operation)
def test_a_refusal_has_a_class_and_no_effect(
    call: Call[Any], status: int, body: Any, kind: type[SinchError]
) -> None:
    error = status_error(call, answer(status, body))
    assert type(error) is kind
    assert (error.status, error.operation, error.effect) == (status, call.operation, Effect.NONE)
    assert f"HTTP {status}" in str(error)
    assert error.repeatable is (status == 429)


@pytest.mark.parametrize(("status", "body", "kind"), STRANGE)
@pytest.mark.parametrize("call", ALL, ids=by_operation)
def test_what_need_not_be_sinchs_is_no_refusal_of_what_could_be_done_twice(
    call: Call[Any], status: int, body: Any, kind: type[SinchError]
) -> None:
    error = status_error(call, answer(status, body))
    assert type(error) is (SinchUncertainError if call in NOT_IDEMPOTENT else kind)
    unknown = call in NOT_IDEMPOTENT or (status < 400 and call not in SAFE)
    assert error.effect is (Effect.UNKNOWN if unknown else Effect.NONE)
    assert (error.status, error.repeatable) == (status, False)


@pytest.mark.parametrize(
    "body",
    [
        OWN,
        {"code": "some_code", "description": "No."},
        {"error": {"code": 422, "status": "INVALID_ARGUMENT", "message": "No.", "details": []}},
        {
            "type": "https://developers.sinch.com/docs/errors/x",
            "title": "Bad",
            "detail": "No.",
            "status": 422,
        },
        {"type": "https://developers.sinch.com/docs/errors/x", "title": "Bad", "detail": "No."},
    ],
)
@pytest.mark.parametrize("call", NOT_IDEMPOTENT, ids=by_operation)
def test_every_style_of_sinchs_own_errors_is_a_refusal(call: Call[Any], body: Any) -> None:
    assert type(status_error(call, answer(422, body))) is SinchBadRequestError
    assert type(status_error(call, answer(302, body))) is SinchUncertainError
    assert type(status_error(call, answer(502, body))) is SinchUncertainError


@pytest.mark.parametrize(
    ("call", "kind"),
    [(call, SinchAlreadyDispatchedError) for call in (CANCEL, UPDATE, REPLACE)]
    + [(call, SinchBadRequestError) for call in (GET, FEEDBACK)]
    + [(SEND, SinchUncertainError)],
    ids=str,
)
def test_a_conflict_is_too_late_for_changes_only(call: Call[Any], kind: type[SinchError]) -> None:
    assert type(status_error(call, answer(409, OWN))) is kind


def test_a_conflict_that_need_not_be_sinchs_leaves_a_change_uncertain() -> None:
    assert type(status_error(UPDATE, answer(409, HTML))) is SinchUncertainError
    assert type(status_error(CANCEL, answer(409))) is SinchAlreadyDispatchedError


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504, 599])
@pytest.mark.parametrize("call", ALL, ids=by_operation)
def test_a_failure_of_the_server_leaves_a_send_uncertain(call: Call[Any], status: int) -> None:
    error = status_error(call, answer(status, HTML, retry_after="7"))
    assert error.retry_after == 7
    assert error.status == status
    if call in NOT_IDEMPOTENT:
        assert type(error) is SinchUncertainError
        assert (error.effect, error.repeatable) == (Effect.UNKNOWN, False)
    else:
        assert type(error) is SinchServerError
        assert error.repeatable
        assert error.effect is (Effect.NONE if call in SAFE else Effect.UNKNOWN)


def test_the_advice_after_an_uncertain_call_fits_the_call() -> None:
    assert "list the batches by client_reference" in str(status_error(SEND, answer(500)))
    assert str(status_error(UPDATE, answer(500))).endswith(
        "The change may or may not have been made. Read the batch (get) to see whether it was changed."
    )


def test_a_batch_not_there_yet_may_be_looked_for_again() -> None:
    lagging = Call("get", "GET", f"/batches/{ID}", GET.parse, may_lag=True)
    assert status_error(lagging, answer(404)).repeatable
    assert not status_error(GET, answer(404)).repeatable


@pytest.mark.parametrize("call", ALL, ids=by_operation)
def test_no_connection_is_no_effect_whatever_the_call(call: Call[Any]) -> None:
    error = connect_error(call, ConnectionRefusedError("to +447700900222"))
    assert type(error) is SinchConnectionError
    assert (error.effect, error.repeatable) == (Effect.NONE, True)
    assert "ConnectionRefusedError" in str(error)
    assert "4477" not in str(error)


def test_what_the_system_said_is_named_not_what_a_library_made_of_it() -> None:
    error = connect_error(GET, RuntimeError("aborted", ConnectionRefusedError("to +447700900222")))
    assert "(ConnectionRefusedError)" in str(error)


@pytest.mark.parametrize("call", ALL, ids=by_operation)
def test_a_lost_connection_leaves_a_send_uncertain(call: Call[Any]) -> None:
    error = lost_answer_error(call, ConnectionResetError("to +447700900222"))
    assert type(error) is (SinchUncertainError if call in NOT_IDEMPOTENT else SinchConnectionError)
    assert error.repeatable is (call not in NOT_IDEMPOTENT)
    assert error.effect is (Effect.NONE if call in SAFE else Effect.UNKNOWN)
    assert "4477" not in str(error)


# --- what may not be quoted


@pytest.mark.parametrize(
    "quote",
    [
        "Parameter 'to[0]' has a bad format: '{number}' is not a valid MSISDN",
        "{number}: unreachable",
        "recipient:{number}",
        "'{text}' is too long",
        "${{name}} became {value}",
    ],
)
@pytest.mark.parametrize(
    "envelope", ["text", "description", "message", "title", "error", "html", "code", "nested"]
)
def test_numbers_and_texts_of_the_request_are_masked(quote: str, envelope: str) -> None:
    said = quote.format(number="+44 7700-900 222", text=TEXT, value="Maria Svensson")
    body: Any = {envelope: said}
    if envelope == "html":
        body = f"<html>{said}</html>".encode()
    elif envelope == "nested":
        body = {"error": {"message": said, "status": said}}
    elif envelope == "error":
        body = {"error": said, "message": "Bad Request"}
    error = status_error(SEND, answer(400, body))
    for part in (str(error), error.text or "", error.code or "", repr(vars(error))):
        assert "000" not in part
        assert "Maria" not in part


@pytest.mark.parametrize("as_json", [True, False])
def test_a_text_is_masked_before_it_is_cut(as_json: bool) -> None:
    # Cut first, neither a long text nor a number on the edge would be recognised any more.
    long_text = "Hi Maria, " + "your table is booked, " * 30
    call = endpoints.send(body=long_text, to=["+447700900222"])
    said = "x" * 150 + long_text
    error = status_error(call, answer(400, {"text": said} if as_json else said.encode()))
    assert error.text == "x" * 150 + "***"
    on_the_edge = status_error(call, answer(400, {"text": "x" * 193 + " 447700900222"}))
    assert "447700" not in str(on_the_edge)
    assert masked_excerpt("x" * 500) == "x" * 200
    assert masked_excerpt(None) is None


# --- successes


def test_successes_are_parsed() -> None:
    assert read_answer(SEND, answer(201, {"id": ID})).id == ID
    assert read_answer(GET, answer(200, {"id": ID, "canceled": True})).canceled
    # 202 of feedback comes without a body.
    assert read_answer(FEEDBACK, answer(202)) is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        HTML,
        b'{"id": "01J8',
        b"[]",
        b"null",
        b"{}",
        b'{"id": 5}',
        b"[" * 100_000,
        b'"447700900222"',
    ],
)
@pytest.mark.parametrize("call", [SEND, GET, CANCEL], ids=by_operation)
def test_a_useless_success_is_uncertain_for_a_send(call: Call[Any], body: bytes) -> None:
    with pytest.raises(SinchError) as caught:
        read_answer(call, answer(200, body, content_type="text/html"))
    error = caught.value
    assert type(error) is (SinchUncertainError if call is SEND else SinchUnexpectedAnswerError)
    assert "the answer is not usable" in str(error)
    assert f"(HTTP 200, text/html, {len(body)} bytes)" in str(error)
    assert not error.repeatable
    assert "447700900222" not in str(error)
    assert error.__cause__ is None
    assert error.__context__ is None


# --- lines of a log


@pytest.mark.parametrize("mark", ["\n", "\x1b[31m", "\u202e", "\u2028", "\u200b"])
def test_nothing_of_a_server_breaks_the_line_of_a_log(mark: str) -> None:
    said = f"one{mark}two"
    errors = [
        status_error(SEND, answer(400, {"code": said, "text": said})),
        status_error(SEND, answer(500, said.encode())),
        status_error(GET, answer(400, {"error": said, "message": said})),
    ]
    for call in (SEND, GET):
        with pytest.raises(SinchError) as caught:
            read_answer(call, answer(200, b"no JSON", content_type=said))
        errors.append(caught.value)
    with pytest.raises(SinchError) as caught:
        read_grant("send", answer(400, {"error": said, "error_description": said}))
    errors.append(caught.value)
    for error in errors:
        assert str(error).isprintable()
        assert (error.text or "").isprintable()
        assert (error.code or "").isprintable()


@pytest.mark.parametrize(("status", "kind"), [(103, SinchUnexpectedAnswerError), (407, SinchBadRequestError)])
def test_what_is_no_answer_of_sinch_s_blames_no_field(status: int, kind: type[Exception]) -> None:
    error = status_error(GET, answer(status, b"<html>"))
    assert type(error) is kind
    assert "field" not in str(error)
    assert "proxy" in str(error)
    assert isinstance(status_error(SEND, answer(status, b"<html>")), SinchUncertainError)
