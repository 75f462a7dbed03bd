"""What makes two batches the same, and what a journal keeps of that."""

from __future__ import annotations

from typing import Any

import pytest

from sinch_provider.sms.models import Batch
from sinch_provider.sms.sending.payload import Fingerprint, Match, Payload
from tests.unit.sms.sending.attempts import ANNA, LUKASZ, MARIA, SECRET


def payload(*to: str, body: Any = "Hi", **fields: Any) -> Payload:
    return Payload.of_request({"to": list(to), "body": body, **fields})


@pytest.mark.parametrize(
    ("theirs", "match"),
    [
        (payload(MARIA, LUKASZ), Match.SAME),
        (payload(LUKASZ, MARIA, ANNA), Match.SAME),
        (payload(MARIA, LUKASZ, body=" Hi\n"), Match.SAME),
        (payload(MARIA, LUKASZ, send_at="2026-01-01T00:00:00Z", **{"from": "Shop"}), Match.SAME),
        (payload(MARIA, LUKASZ, body="Bye"), Match.OTHER_TEXT),
        (payload(MARIA, LUKASZ, type="mt_binary"), Match.OTHER_TEXT),
        (payload(MARIA, LUKASZ, udh="06050423F40000"), Match.OTHER_TEXT),
        (payload(MARIA, ANNA), Match.SOME),
        (payload(ANNA), Match.NONE),
    ],
)
def test_what_another_batch_has_in_common(theirs, match):
    assert payload(MARIA, LUKASZ).compare(theirs) is match


def test_only_the_parameters_of_our_recipients_count():
    ours = payload(MARIA, body="Hi ${name}", parameters={"name": {MARIA: "Maria", "default": "you"}})
    theirs = payload(
        MARIA, LUKASZ, body="Hi ${name}", parameters={"name": {MARIA[1:]: "Maria", LUKASZ: "Lukasz"}}
    )
    assert ours.compare(theirs) is Match.SAME
    changed = payload(MARIA, LUKASZ, body="Hi ${name}", parameters={"name": {MARIA: "Mary"}})
    assert ours.compare(changed) is Match.OTHER_TEXT


def test_a_batch_as_sinch_shows_it_is_the_same_as_its_request():
    shown = Batch.from_json({"id": "01B", "to": [MARIA[1:]], "body": 'Hi "you"', "type": "mt_text"})
    assert payload(MARIA, body="Hi “you”") == Payload.of_batch(shown)


def test_fingerprints_stay_the_same_over_versions_of_this_package():
    """The journal of an attempt before an upgrade has to match a retry after it."""
    personal = payload(
        MARIA, LUKASZ[1:], body="Hi “${name}”", parameters={"name": {MARIA: "Maria", "default": "you"}}
    )
    assert personal.fingerprint(SECRET) == Fingerprint(
        key="7d41fd8459c465112000b3578b6b5eac",
        recipients="35df700cb4055abc9426d27896259a8c",
        text="1da16bc94896fb1b79ed70bef49262a9",
    )


def test_fingerprints_of_different_secrets_cannot_be_compared():
    ours, theirs = payload(MARIA).fingerprint(SECRET), payload(MARIA).fingerprint("rotated")
    assert ours.same_recipients(theirs) is None
    assert ours.same_text(theirs) is None
    other = payload(ANNA).fingerprint(SECRET)
    assert ours.same_recipients(other) is False
    assert ours.same_text(other) is True


def test_a_payload_shows_nothing_personal():
    assert repr(payload(MARIA)) == "Payload()"
