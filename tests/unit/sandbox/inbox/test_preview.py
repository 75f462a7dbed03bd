"""What the page shows of a text while it is being written."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from sinch_sandbox.client import SandboxClient
from tests.unit.sandbox.wire import TO, Api, accepted


def preview(sandbox: SandboxClient, **batch: Any) -> dict[str, Any]:
    return accepted(requests.post(f"{sandbox.url}/sandbox/inbox/preview", json=batch, timeout=10))


@pytest.mark.parametrize(
    ("body", "encoding", "parts", "used", "room"),
    [
        ("Hello", "text", 1, 5, 160),
        ("x" * 160, "text", 1, 160, 160),
        ("x" * 161, "text", 2, 161, 306),
        ("10 €", "text", 1, 5, 160),
        ("“Hello”", "unicode", 1, 7, 70),
        ("👋", "unicode", 1, 2, 70),
        ("ж" * 71, "unicode", 2, 71, 134),
    ],
)
def test_parts_and_room(
    api: Api, sinch_sandbox: SandboxClient, body: str, encoding: str, parts: int, used: int, room: int
) -> None:
    shown = preview(sinch_sandbox, to=[TO], body=body)
    assert (shown["encoding"], shown["parts"], shown["used"], shown["room"]) == (encoding, parts, used, room)
    api.sent(body=body)
    sent = sinch_sandbox.messages()[0]
    assert (sent["encoding"], sent["parts"]) == (encoding, parts)


def test_the_longest_of_several_texts(sinch_sandbox: SandboxClient) -> None:
    shown = preview(
        sinch_sandbox,
        to=[TO, "+447700900333"],
        body="Hi ${name}",
        parameters={"name": {"default": "you", "+447700900333": "x" * 160}},
    )
    assert shown["text"] == "Hi " + "x" * 160
    assert (shown["parts"], shown["recipients"], shown["total_parts"]) == (2, 2, 3)


def test_what_makes_it_unicode(sinch_sandbox: SandboxClient) -> None:
    shown = preview(sinch_sandbox, to=[TO], body="“Hi” ${x}", parameters={"x": {"default": "–"}})
    assert [(each["character"], each["count"]) for each in shown["forced_by"]] == [
        ("“", 1), ("”", 1), ("–", 1),
    ]  # fmt: skip


@pytest.mark.parametrize("to", [[], ["nobody"], None])
def test_parts_are_shown_before_the_number_is_right(sinch_sandbox: SandboxClient, to: Any) -> None:
    shown = preview(sinch_sandbox, to=to, body="Hello")
    assert "'to" in shown["problem"]
    assert (shown["parts"], shown["recipients"]) == (1, None)


@pytest.mark.parametrize(
    "batch", [{}, {"to": [TO]}, {"to": [TO], "body": 5}, {"to": [TO], "body": "x", "parameters": 5}]
)
def test_a_batch_that_cannot_be_counted(sinch_sandbox: SandboxClient, batch: dict[str, Any]) -> None:
    shown = preview(sinch_sandbox, **batch)
    assert (shown["text"], bool(shown["problem"])) == (None, True)


def test_it_is_no_call_and_changes_nothing(sinch_sandbox: SandboxClient) -> None:
    sinch_sandbox.fault("server_error", count=None)

    def changes() -> str:
        with requests.get(f"{sinch_sandbox.url}/sandbox/events", stream=True, timeout=10) as stream:
            return next(line for line in stream.iter_lines(decode_unicode=True) if line.startswith("id: "))

    before = changes()
    preview(sinch_sandbox, to=[TO], body="Hello")
    # Otherwise all pages would look again at every letter.
    assert changes() == before
    assert (sinch_sandbox.calls(), sinch_sandbox.messages()) == ({}, [])
    assert sinch_sandbox.faults()[0]["struck"] == 0
