"""The ledger's verdict against a naive model of it."""

from __future__ import annotations

import http.client
import re
from collections import Counter
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sinch_sandbox.client import SandboxClient, SandboxError
from tests.unit.sandbox.wire import TO, Api, in_

A, B, C = "447700900001", "447700900002", "447700900003"


def test_the_four_classes(api: Api, sinch_sandbox: SandboxClient) -> None:
    first = api.sent(to=[A, B], client_reference="x")["id"]
    second = api.sent(to=[B, C])["id"]
    verdict = sinch_sandbox.verdict([f"+{A}", B, TO])
    assert verdict.ok == {A}
    assert set(verdict.lost) == {"447700900222"}
    assert set(verdict.duplicated) == {B}
    assert set(verdict.unexpected) == {C}
    assert not verdict.valid
    twice = verdict.duplicated[B]
    assert (twice.expected, twice.accepted, twice.batch_ids) == (1, 2, (first, second))
    assert twice.client_references == ("x",)
    assert sinch_sandbox.verdict([A, B, B, C]).valid


def test_filters_say_which_messages_count(api: Api, project: Api, sinch_sandbox: SandboxClient) -> None:
    first = api.sent(to=[A], client_reference="x")["id"]
    project.sent(to=[A], client_reference="y")
    assert sinch_sandbox.verdict([A], client_reference="x").valid
    assert sinch_sandbox.verdict([A], batch_id=first).valid
    assert sinch_sandbox.verdict([A], account="sandbox-project").valid
    assert set(sinch_sandbox.verdict([A]).duplicated) == {A}
    assert set(sinch_sandbox.verdict([A], client_reference="z").lost) == {A}
    assert set(sinch_sandbox.verdict([], client_reference="x").unexpected) == {A}
    sinch_sandbox.advance(3)
    assert sinch_sandbox.verdict([A, A], status=["Delivered", "Failed"]).valid
    assert sinch_sandbox.verdict([], status=["Aborted", "Failed"]).valid


def test_references_tell_recipients_apart(api: Api, sinch_sandbox: SandboxClient) -> None:
    api.sent(to=[A], client_reference="x")
    api.sent(to=[A], client_reference="x")
    api.sent(to=[A], client_reference="z")
    api.sent(to=[A])
    verdict = sinch_sandbox.verdict([(A, "x"), (f"+{A}", "y"), (A, "z")])
    assert verdict.ok == {(A, "z")}
    assert set(verdict.duplicated) == {(A, "x")}
    assert set(verdict.lost) == {(A, "y")}
    assert set(verdict.unexpected) == {(A, None)}


def test_a_batch_cancelled_before_its_time_reached_nobody(api: Api, sinch_sandbox: SandboxClient) -> None:
    scheduled = api.sent(to=[A], send_at=in_(sinch_sandbox, hours=1))["id"]
    assert sinch_sandbox.verdict([A]).valid
    api.cancel(scheduled)
    assert set(sinch_sandbox.verdict([A]).lost) == {A}
    sinch_sandbox.advance(7200)
    assert set(sinch_sandbox.verdict([A]).lost) == {A}
    assert sinch_sandbox.verdict([]).valid


def test_a_cancel_counts_only_what_had_left(api: Api, sinch_sandbox: SandboxClient) -> None:
    slow, fast = "447700900012", "447700900000"
    batch = api.sent(to=[slow, fast])["id"]
    sinch_sandbox.advance(1)
    api.cancel(batch)
    verdict = sinch_sandbox.verdict([slow, fast])
    assert (set(verdict.ok), set(verdict.lost)) == ({fast}, {slow})


def test_a_cancel_that_came_too_late_takes_nothing_back(api: Api, sinch_sandbox: SandboxClient) -> None:
    batch = api.sent(to=[A])["id"]
    sinch_sandbox.advance(1)
    api.cancel(batch)
    assert sinch_sandbox.verdict([A]).valid


def test_a_message_that_failed_was_accepted(api: Api, sinch_sandbox: SandboxClient) -> None:
    numbers = ["447700900402", "447700900150", "447700900400", "447700900401"]
    sinch_sandbox.script({"prefix": A, "status": "Aborted", "code": 407})
    api.sent(to=[*numbers, A])
    sinch_sandbox.advance(4 * 86_400)
    assert sinch_sandbox.verdict([*numbers, A]).valid


def test_a_code_of_its_own_does_not_pass_for_a_cancel(api: Api, sinch_sandbox: SandboxClient) -> None:
    slow = "447700900012"
    sinch_sandbox.script({"prefix": A, "status": "Failed", "code": 407})
    batch = api.sent(to=[slow, A])["id"]
    sinch_sandbox.advance(5)
    api.cancel(batch)
    assert sinch_sandbox.verdict([A]).valid


def test_many_batches_are_counted_once_each(
    api: Api, sinch_sandbox: SandboxClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sinch_sandbox.control.verdict._BATCHES_AT_ONCE", 2)
    for _ in range(5):
        api.sent(to=[A])
    assert sinch_sandbox.verdict([A] * 5).valid
    assert sinch_sandbox.verdict([A] * 4).duplicated[A].accepted == 5


def post(sandbox: SandboxClient, body: Any, query: str = "", **kwargs: Any) -> requests.Response:
    return requests.post(f"{sandbox.url}/sandbox/ledger{query}", json=body, timeout=10, **kwargs)


def test_the_answer_in_full(api: Api, sinch_sandbox: SandboxClient) -> None:
    batch = api.sent(to=[A, B], client_reference="x")["id"]
    answer = post(sinch_sandbox, {"expected": [A, {"to": f"+{C}"}], "client_reference": "x"}).json()

    def row(to: str, verdict: str, expected: int, accepted: int) -> dict[str, Any]:
        found = {"batch_ids": [batch], "client_references": ["x"]}
        nothing: dict[str, Any] = {"batch_ids": [], "client_references": []}
        return {
            "to": to,
            "verdict": verdict,
            "expected": expected,
            "accepted": accepted,
            **(found if accepted else nothing),
        }

    assert answer == {
        "valid": False,
        "totals": {"ok": 1, "lost": 1, "duplicated": 0, "unexpected": 1, "expected": 2, "accepted": 2},
        "recipients": [row(A, "ok", 1, 1), row(B, "unexpected", 0, 1), row(C, "lost", 1, 0)],
    }
    problems = post(sinch_sandbox, {"expected": [A, C], "show": "problems"}).json()
    assert [each["to"] for each in problems["recipients"]] == [B, C]
    assert post(sinch_sandbox, {"expected": [A, C], "show": "none"}).json()["recipients"] == []
    assert (
        post(sinch_sandbox, {"expected": [A, B]}, "?client_reference=y&show=none").json()["totals"]["lost"]
        == 2
    )


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "expected"),
        ({"expected": "447700900001"}, "expected"),
        ({"expected": [A, "soon"]}, r"expected\[1\]: 'soon' is not a phone number"),
        ({"expected": [{"to": A}, {"to": A, "client_reference": "x"}]}, r"expected\[1\]: either all"),
        ({"expected": [{"to": A, "client_reference": ""}]}, "client_reference"),
        ({"expected": [{"too": A}]}, "too"),
        ({"expected": [5]}, "expected"),
        ({"expected": [], "reference": "x"}, "reference"),
        ({"expected": [], "show": "some"}, "show"),
        ({"expected": [], "\ud800": 1}, "a lone surrogate"),
        ([A], "not a JSON object"),
    ],
)
def test_questions_that_make_no_sense_are_refused(
    sinch_sandbox: SandboxClient, body: Any, words: str
) -> None:
    answer = post(sinch_sandbox, body)
    assert answer.status_code == 422
    assert re.search(words, str(answer.json()))


def by_line(sandbox: SandboxClient, body: Any, query: str = "") -> requests.Response:
    return requests.post(
        f"{sandbox.url}/sandbox/ledger{query}",
        data=body,
        headers={"Content-Type": "application/x-ndjson; charset=utf-8"},
        timeout=60,
    )


def test_lines_come_in_any_pieces(api: Api, sinch_sandbox: SandboxClient) -> None:
    api.sent(to=[A, B])
    lines = f'"{A}"\r\n\n{{"to": "+{B}"}}\n"{C}"'.encode()
    for pieces in ([lines], [bytes([each]) for each in lines]):
        totals = by_line(sinch_sandbox, iter(pieces)).json()["totals"]
        assert (totals["ok"], totals["lost"]) == (2, 1)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (f'"{A}"\n\n447700900001', "line 3 is neither"),
        (f'"{A}"\n"x"', "line 2: 'x' is not a phone number"),
        ('"' + "1" * 70_000, "line 1 is longer than 65536 bytes"),
        (b'"\xff"', "line 1 is neither"),
    ],
)
def test_lines_that_make_no_sense_are_refused(
    sinch_sandbox: SandboxClient, lines: str | bytes, words: str
) -> None:
    answer = by_line(sinch_sandbox, lines)
    assert answer.status_code == 422
    assert words in answer.text


def test_lines_are_read_as_they_come_in(sinch_sandbox: SandboxClient) -> None:
    connection = http.client.HTTPConnection(sinch_sandbox.url.removeprefix("http://"), timeout=30)
    connection.putrequest("POST", "/sandbox/ledger")
    connection.putheader("Content-Type", "application/x-ndjson")
    connection.putheader("Transfer-Encoding", "chunked")
    connection.endheaders()
    line = b'"soon"\n'
    connection.send(b"%x\r\n%b\r\n" % (len(line), line))
    # The rest of the body never comes.
    assert connection.getresponse().status == 422
    connection.close()


def test_only_lines_may_be_large(sinch_sandbox: SandboxClient) -> None:
    blank = b" " * 1023 + b"\n"
    assert by_line(sinch_sandbox, (blank * 1024 for _ in range(12))).status_code == 200
    answer = requests.post(
        f"{sinch_sandbox.url}/sandbox/ledger", data=(blank * 1024 for _ in range(12)), timeout=60
    )
    assert answer.status_code == 413


def test_a_bad_number_is_named(sinch_sandbox: SandboxClient) -> None:
    with pytest.raises(SandboxError, match="line 2: 'soon' is not a phone number"):
        sinch_sandbox.verdict([A, "soon"])


# Against a naive model

NUMBERS = st.sampled_from([A, B, C, "447700900012"])
REFERENCES = st.sampled_from([None, "x", "y"])
BATCHES = st.lists(
    st.tuples(
        st.lists(NUMBERS, min_size=1, max_size=4),
        REFERENCES,
        st.sampled_from(["keep", "keep", "schedule", "cancel at once", "cancel in time", "cancel later"]),
    ),
    max_size=6,
)


def send_all(
    api: Api, sandbox: SandboxClient, batches: list[tuple[list[str], str | None, str]]
) -> list[tuple[str, str | None]]:
    """Send them; number and reference of every message that left or will leave, by plain reasoning."""
    accepted = []
    for numbers, reference, fate in batches:
        fields = {"to": numbers, "client_reference": reference or ...}
        if fate in ("schedule", "cancel in time"):
            fields["send_at"] = in_(sandbox, hours=1)
        batch = api.sent(**fields)["id"]
        if fate == "cancel later":
            sandbox.advance(2)
        if fate.startswith("cancel"):
            api.cancel(batch)
        for number in dict.fromkeys(numbers):
            # Only the slow number still waits two seconds later.
            left = fate == "cancel later" and number != "447700900012"
            if left or not fate.startswith("cancel"):
                accepted.append((number, reference))
    return accepted


def classes(expected: Counter[Any], accepted: Counter[Any]) -> dict[str, set[Any]]:
    everyone = set(expected) | set(accepted)
    return {
        "ok": {each for each in everyone if expected[each] == accepted[each]},
        "lost": {each for each in everyone if accepted[each] < expected[each]},
        "duplicated": {each for each in everyone if accepted[each] > expected[each] > 0},
        "unexpected": {each for each in everyone if expected[each] == 0},
    }


PROPERTY = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@PROPERTY
@given(batches=BATCHES, expected=st.lists(NUMBERS, max_size=8), only=REFERENCES)
def test_by_number_as_the_model(
    api: Api,
    sinch_sandbox: SandboxClient,
    batches: list[tuple[list[str], str | None, str]],
    expected: list[str],
    only: str | None,
) -> None:
    sinch_sandbox.reset()
    accepted = send_all(api, sinch_sandbox, batches)
    counted = Counter(number for number, reference in accepted if only in (None, reference))
    verdict = sinch_sandbox.verdict(expected, **({"client_reference": only} if only else {}))
    model = classes(Counter(expected), counted)
    assert {name: set(getattr(verdict, name)) for name in model} == model
    for name in ("lost", "duplicated", "unexpected"):
        for number, found in getattr(verdict, name).items():
            assert (found.expected, found.accepted) == (Counter(expected)[number], counted[number])


@PROPERTY
@given(
    batches=BATCHES,
    expected=st.lists(st.tuples(NUMBERS, st.sampled_from(["x", "y"])), min_size=1, max_size=8),
)
def test_by_reference_as_the_model(
    api: Api,
    sinch_sandbox: SandboxClient,
    batches: list[tuple[list[str], str | None, str]],
    expected: list[tuple[str, str]],
) -> None:
    sinch_sandbox.reset()
    accepted = send_all(api, sinch_sandbox, batches)
    verdict = sinch_sandbox.verdict(expected)
    model = classes(Counter(expected), Counter(accepted))
    assert {name: set(getattr(verdict, name)) for name in model} == model
