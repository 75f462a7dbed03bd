"""What makes two batches the same, and what a journal keeps of that."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

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
        MARIA, ANNA[1:], body="Hi “${name}”", parameters={"name": {MARIA: "Maria", "default": "you"}}
    )
    assert personal.fingerprint(SECRET) == Fingerprint(
        key="3297e31a3f19156fead8ca7bc5f13260",
        recipients="689eab72af9c4b5664a688b671d2dfee",
        text="5cae95f4529755fe8e482a0de1dfe31f",
    )


def test_a_fingerprint_of_another_format_cannot_be_compared():
    """Otherwise the same text would count as another one after the format has changed."""
    of_before = Fingerprint("7d41fd8459c465112000b3578b6b5eac", "35df700cb4055abc9426d27896259a8c", "1da1")
    ours = payload(MARIA).fingerprint(SECRET)
    assert ours.same_recipients(of_before) is None
    assert ours.same_text(of_before) is None


people = st.sampled_from([MARIA, ANNA, LUKASZ, "01J8ZC4M7T2Q9KX5RVBW3NHYDP"])
said = st.text(alphabet="aé“\u00a0\0:,1t \ud83d", max_size=4) | st.sampled_from(["", "a\0b", "1:1::a"])
names = st.sampled_from(["a", "b", "a\0b"])
columns = st.dictionaries(
    people | st.just("default"), said | st.sampled_from([None, 1, "1", [1]]), max_size=3
)
payloads = st.builds(
    lambda to, body, parameters: payload(*to, body=body, parameters=parameters),
    st.lists(people, min_size=1, max_size=3, unique=True),
    said | st.dictionaries(st.sampled_from(["url", "message"]), said, max_size=2),
    st.dictionaries(names, columns, max_size=2),
)


@settings(max_examples=500, deadline=None)
@given(payloads, payloads)
@example(
    payload(MARIA, parameters={"a": {MARIA: "x\0y"}}),
    payload(MARIA, parameters={"a": {MARIA: "x", ANNA: "y"}}),
)
@example(payload(MARIA, parameters={"a": {MARIA: 1}}), payload(MARIA, parameters={"a": {MARIA: "1"}}))
@example(
    payload(MARIA, ANNA, parameters={"a": {MARIA: "x\0y", ANNA: "z"}}),
    payload(MARIA, ANNA, parameters={"a": {MARIA: "x", ANNA: "y\0z"}}),
)
def test_fingerprints_are_the_same_if_the_payloads_are(one, other):
    ours, theirs = one.fingerprint(SECRET), other.fingerprint(SECRET)
    assert ours.same_recipients(theirs) is (one.recipients == other.recipients)
    assert ours.same_text(theirs) is ((one.content, one.parameters) == (other.content, other.parameters))


def test_a_fingerprint_knows_no_order():
    people = [f"+{999000000000 + index}" for index in range(50)]
    ones = {"b": dict.fromkeys(people, "x"), "a": {each: each[-1] for each in people}}
    others = {name: dict(reversed(ones[name].items())) for name in reversed(ones)}
    ours, theirs = payload(*people, parameters=ones), payload(*people[::-1], parameters=others)
    assert ours.fingerprint(SECRET) == theirs.fingerprint(SECRET)
    shown = {"id": "01B", "to": [*people, people[0][1:]], "body": "Hi", "parameters": ones}
    twice = Payload.of_batch(Batch.from_json(shown))
    assert twice.fingerprint(SECRET) == ours.fingerprint(SECRET)
    assert twice == ours
    assert twice != payload(*people[1:], parameters=ones)


@pytest.mark.parametrize("others", [{}, {"default": "you"}, {LUKASZ: "Lukasz"}])
def test_similar_characters_and_outer_blanks_of_parameters_do_not_count(others):
    shown = payload(MARIA, parameters={"a": {MARIA[1:]: '"Maria"', **others}})
    for number, said in ((MARIA, " “Maria”\u00a0"), (MARIA[1:], ' "Maria"'), (MARIA[1:], "”Maria”")):
        ones = payload(MARIA, parameters={"a": {number: said, **others}})
        assert ones == shown
        assert ones.fingerprint(SECRET) == shown.fingerprint(SECRET)


def test_fingerprints_of_different_secrets_cannot_be_compared():
    ours, theirs = payload(MARIA).fingerprint(SECRET), payload(MARIA).fingerprint("rotated")
    assert ours.same_recipients(theirs) is None
    assert ours.same_text(theirs) is None
    other = payload(ANNA).fingerprint(SECRET)
    assert ours.same_recipients(other) is False
    assert ours.same_text(other) is True


def test_a_payload_shows_nothing_personal():
    assert repr(payload(MARIA)) == "Payload()"
