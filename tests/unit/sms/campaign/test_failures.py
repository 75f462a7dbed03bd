"""Who failed for a passing reason, and what they were to get: from nothing but Sinch's own batches."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sinch_provider.sms import endpoints
from sinch_provider.sms.campaign.audience import Person
from sinch_provider.sms.campaign.cut import messages_for
from sinch_provider.sms.campaign.failures import FailedAudience, failures_of
from sinch_provider.sms.delivery.kinds import Kind
from sinch_provider.sms.errors import SinchUnsettledError, SinchValidationError
from tests.unit.sms.campaign.test_results import (
    ABSENT,
    BARRED,
    DELIVERED,
    NEVER,
    REFERENCE,
    UNREADABLE,
    Sinch,
)

FULL = "447700900158"


@pytest.fixture
def sinch(do, sinch_sandbox):
    return Sinch(do, sinch_sandbox)


def found(sinch: Sinch, **options: Any) -> FailedAudience:
    failures: FailedAudience = sinch.do.follow(sinch.account, failures_of(REFERENCE, **options))
    return failures


def messages(failures: FailedAudience, *unwanted: str, most: int = 1000) -> list[dict[str, Any]]:
    def choose(person: Person) -> dict[str, Any] | None:
        return None if person.number in unwanted else {}

    made = (make() for make in messages_for(failures, choose, most))
    return [message for message in made if message is not None]


def numbers(failures: FailedAudience) -> list[str]:
    return [person.number for portion in failures.portions() for person in portion]


def test_only_who_failed_for_a_passing_reason(sinch, sinch_sandbox):
    sinch.send(DELIVERED, ABSENT, BARRED)
    sinch.send(NEVER, UNREADABLE, "447700900300", "447700900403", "447700900060")
    sinch_sandbox.advance(60)
    failures = found(sinch)
    assert numbers(failures) == [ABSENT]
    assert (len(failures), failures.batches) == (1, 2)
    assert failures.tally.kinds[Kind.PERMANENT] == 4


def test_with_the_text_that_they_were_to_get(sinch, sinch_sandbox):
    sinch.send(
        ABSENT,
        DELIVERED,
        body="Hi ${name}, « ${when} »",
        from_="Bistro",
        parameters={"name": {f"+{ABSENT}": "Maria", "default": "you"}, "when": {"default": "19:30"}},
        max_number_of_message_parts=3,
    )
    sinch_sandbox.advance(60)
    assert messages(found(sinch)) == [
        {
            "to": [ABSENT],
            "body": "Hi ${name}, « ${when} »",
            "from_": "Bistro",
            "parameters": {"name": {ABSENT: "Maria"}, "when": {"default": "19:30"}},
            "max_number_of_message_parts": 3,
        }
    ]


def test_whoever_has_no_value_gets_the_default(sinch, sinch_sandbox):
    sinch.send(
        ABSENT,
        FULL,
        body="Hi ${name}",
        parameters={"name": {ABSENT: "Maria", "default": "you"}},
        from_="Bistro",
    )
    sinch_sandbox.advance(60)
    (message,) = messages(found(sinch))
    assert message["parameters"] == {"name": {ABSENT: "Maria", FULL: "you"}}


def test_an_empty_value_is_a_value(sinch, sinch_sandbox):
    values = {ABSENT: "", FULL: "Johan", "default": "you"}
    sinch.send(ABSENT, FULL, body="Hi ${name}", parameters={"name": values})
    sinch_sandbox.advance(60)
    (message,) = messages(found(sinch))
    assert message["parameters"] == {"name": {ABSENT: "", FULL: "Johan"}}


def test_whoever_lacks_a_value_is_left_out(sinch, sinch_sandbox):
    # Sinch would fail this text again; our client would refuse the whole batch.
    values = {FULL: "Johan", "default": "you"}
    call = endpoints.send(
        to=[ABSENT, FULL], body="Hi ${name}", parameters={"name": values}, client_reference=REFERENCE
    )
    body = {**(call.body or {}), "parameters": {"name": {FULL: "Johan"}}}

    async def send() -> None:
        await replace(call, body=body)

    sinch.do.follow(sinch.account, send())
    sinch_sandbox.advance(60)
    assert numbers(found(sinch, temporary={158, 405})) == [FULL]


def test_parts_are_counted_anew(sinch, sinch_sandbox):
    sinch.send(ABSENT, FULL, body="${name}", parameters={"name": {ABSENT: "x" * 150, FULL: "ł" * 71}})
    sinch_sandbox.advance(60)
    counts = found(sinch).counts
    assert (counts.people, counts.all_parts) == (2, 3)
    assert counts.totals == {"GB": (2, 3)}


def test_people_of_several_batches_with_one_text_go_together(sinch, sinch_sandbox):
    for number, name in ((ABSENT, "Maria"), (FULL, "Johan")):
        sinch.send(number, body="Hi ${name}", parameters={"name": {number: name}})
    sinch.send("447700900360", body="Hej")
    sinch_sandbox.advance(60)
    failures = found(sinch)
    together, alone = sorted(messages(failures), key=lambda each: -len(each["to"]))
    assert together["parameters"] == {"name": {ABSENT: "Maria", FULL: "Johan"}}
    assert alone["to"] == ["447700900360"]
    assert len(messages(failures, most=1)) == 3
    assert [each["to"] for each in messages(failures, ABSENT, FULL)] == [["447700900360"]]


def test_whoever_got_another_batch_is_left_out(sinch, sinch_sandbox):
    sinch_sandbox.script({"prefix": DELIVERED, "status": "Failed", "code": 153})
    sinch.send(DELIVERED, ABSENT)
    sinch_sandbox.script()
    sinch.send(DELIVERED)
    sinch_sandbox.advance(60)
    assert numbers(found(sinch)) == [ABSENT]


def test_the_codes_can_be_chosen(sinch, sinch_sandbox):
    sinch.send(ABSENT, BARRED)
    sinch_sandbox.advance(60)
    assert numbers(found(sinch, temporary={150})) == [BARRED]


def test_what_is_no_text_is_refused(sinch, sinch_sandbox):
    sinch.send(ABSENT, type_="mt_binary", body="SGVsbG8=", udh="050003C40201")
    sinch_sandbox.advance(60)
    with pytest.raises(SinchValidationError, match="not texts"):
        found(sinch)


@pytest.mark.parametrize("kind", ["listing_partial", "listing_unlabelled", "listing_garbled"])
def test_a_listing_that_is_not_whole_is_unsettled(sinch, sinch_sandbox, kind):
    for _ in range(3):
        sinch.send(ABSENT)
    details: dict[str, Any] = {"items": 1} if kind == "listing_partial" else {}
    sinch_sandbox.fault(kind, "list", count=None, **details)
    with pytest.raises(SinchUnsettledError):
        found(sinch)


def test_a_batch_that_is_missing_is_unsettled(sinch, sinch_sandbox):
    sinch.send(ABSENT)
    assert found(sinch, least=1).batches == 1
    with pytest.raises(SinchUnsettledError, match="lists 1 batches of the campaign, and it may have more"):
        found(sinch, least=2)


def test_nobody_is_shown(sinch, sinch_sandbox):
    sinch.send(ABSENT, body="Secret")
    sinch_sandbox.advance(60)
    failures = found(sinch)
    assert "900153" not in repr(failures)
    assert "Secret" not in repr(failures) + repr(failures._said)
