"""An answer that contradicts its request is a lost answer; one that leaves things out is not."""

from __future__ import annotations

from typing import Any

import pendulum
import pytest

from sinch_provider.sms import endpoints
from sinch_provider.sms.errors import SinchUnsettledError
from sinch_provider.sms.models import Batch
from sinch_provider.sms.sending.decision import Send
from sinch_provider.sms.sending.listing import Listing
from sinch_provider.sms.sending.matching import LabelMatcher, contradiction
from sinch_provider.sms.sending.payload import Payload
from sinch_provider.sms.sending.send_once import SendOnce
from tests.unit.sms.conftest import Player, plan_account
from tests.unit.sms.scripted import Received, Reply, ScriptedServer, reply
from tests.unit.sms.sending.attempts import LUKASZ, MARIA, NOW

ID, OTHER = "01HZZZZZZZZZZZZZZZZZZZZZZA", "01HZZZZZZZZZZZZZZZZZZZZZZB"
REQUEST = {"to": [MARIA, LUKASZ], "body": "Hi “you”", "client_reference": "af-task"}
NUMBERS = [MARIA[1:], LUKASZ[1:]]


def batch(**fields: Any) -> Batch:
    return Batch.from_json({"id": ID, **fields})


@pytest.mark.parametrize(
    "fields",
    [
        {"client_reference": "af-task"},
        {"client_reference": None, "to": NUMBERS},
        {"to": NUMBERS[::-1]},
        {"client_reference": "af-task", "to": []},
        {"to": NUMBERS, "body": ' Hi "you"\n'},
        {"client_reference": "af-task", "to": NUMBERS, "body": "Hi “you”"},
        {"to": NUMBERS, "created_at": "2026-01-01T11:59:59.000Z"},
    ],
)
def test_no_contradiction(fields):
    intended = pendulum.datetime(2026, 1, 1, 12)
    assert contradiction(batch(**fields), REQUEST, set(), intended) is None


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"client_reference": "af-other"}, "another reference"),
        ({"to": NUMBERS[:1]}, "other recipients"),
        ({"to": [*NUMBERS, "447700900444"]}, "other recipients"),
        ({"body": "Hi there"}, "another text"),
        ({"body": {"message": "Hi"}}, "another text"),
        ({"created_at": "2026-01-01T11:59:00.000Z"}, "older than the request"),
        ({}, "neither reference nor recipients"),
        ({"body": "Hi “you”"}, "neither reference nor recipients"),
    ],
)
def test_contradiction(fields, reason):
    intended = pendulum.datetime(2026, 1, 1, 12)
    assert reason in (contradiction(batch(**fields), REQUEST, set(), intended) or "")


SPELT = [
    f"a{MARIA[1:]}",
    f"01HZZZ{LUKASZ[1:]}ZZZZZZZZ",
    "a" + "-".join(MARIA[1:]),
    f"a_{MARIA[1:7]}_{MARIA[7:]}",
    "0" * 4 + MARIA[1:],
]
PLAIN = [MARIA[1:], "-".join(MARIA[1:]), "447700900999", f"{MARIA[1:7]}_{MARIA[7:]}-"]


@pytest.mark.parametrize("spelt", SPELT)
def test_an_id_with_a_number_contradicts_and_is_not_shown(spelt):
    found = contradiction(batch(id=spelt, to=NUMBERS), REQUEST, {spelt}, None) or ""
    assert "has a recipient's number in it" in found
    assert spelt not in found


@pytest.mark.parametrize("spelt", SPELT + PLAIN)
def test_an_id_with_a_number_is_never_logged(do, server, caplog, spelt):
    with caplog.at_level("DEBUG"):
        sent = send(do, server, [reply(201, shown(id=spelt))], listing(shown()))
        assert (sent.batch_id, posts(server)) == (ID, 1)
        with pytest.raises(SinchUnsettledError, match="not complete") as caught:
            send(do, server, [], listing(shown(id=spelt)), first=False)
    for said in (caplog.text, str(caught.value)):
        assert spelt not in said


@pytest.mark.parametrize("spelt", SPELT + PLAIN)
def test_a_batch_of_the_listing_is_found_beside_an_id_with_a_number(do, server, spelt):
    sent = send(do, server, [], listing(shown(id=spelt), shown()), first=False)
    assert sent.batch_id == ID


@pytest.mark.parametrize("spelt", SPELT)
def test_nor_is_it_one_that_may_be_the_users(spelt):
    matcher = LabelMatcher(Payload.of_request(REQUEST), "secret", None)
    found = matcher.match(Listing((batch(id=spelt, to=NUMBERS, body="Hi “you”"),), complete=True), ())
    assert (found.unexplained, found.complete) == (None, False)
    found = matcher.match(Listing((batch(to=NUMBERS, body="Hi “you”"),), complete=True), ())
    assert found.unexplained is not None


def test_the_batch_of_another_send_contradicts():
    assert "another send" in (contradiction(batch(), REQUEST, {ID}, None) or "")


def shown(**fields: Any) -> dict[str, Any]:
    """A batch as the server shows it: by default ours."""
    return {"id": ID, "canceled": False, "client_reference": "af-task", "to": NUMBERS, "body": "Hi", **fields}


def listing(*batches: Any, count: int | None = None) -> Reply:
    return reply(200, {"count": len(batches) if count is None else count, "page": 0, "batches": batches})


def send(do: Player, server: ScriptedServer, post: list[Reply], listed: Reply, **facts: Any) -> Any:
    """Send, to a server that answers POSTs one after the other and each listing alike."""

    def script(request: Received) -> Reply:
        return post.pop(0) if request.method == "POST" else listed

    server.script = script
    account = plan_account(server.url)
    once = SendOnce(endpoints.send(body="Hi", to=[MARIA, LUKASZ]), Send("af-task", NOW, **facts), account)
    return do.follow(account, once.steps())


def posts(server: ScriptedServer) -> int:
    return sum(each.method == "POST" for each in server.received)


FOREIGN = reply(201, shown(id=OTHER, client_reference="af-other", to=["447700900444"], body="Bye"))


def test_the_batch_of_a_foreign_answer_is_not_believed(do, server):
    """A proxy answers with what it kept from another request; ours was accepted."""
    sent = send(do, server, [FOREIGN], listing(shown()))
    assert (sent.batch_id, sent.adopted, posts(server)) == (ID, True, 1)


def test_a_foreign_answer_and_nothing_accepted_sends_again(do, server):
    sent = send(do, server, [FOREIGN, reply(201, shown())], listing())
    assert (sent.batch_id, sent.adopted, posts(server)) == (ID, False, 2)


@pytest.mark.parametrize("missing", ["client_reference", "to"])
def test_an_answer_without_label_or_recipients_is_ours(do, server, missing):
    answer = {name: value for name, value in shown().items() if name != missing}
    sent = send(do, server, [reply(201, answer)], listing())
    assert (sent.batch_id, posts(server)) == (ID, 1)


def test_an_answer_without_both_is_looked_up(do, server):
    sent = send(do, server, [reply(201, {"id": OTHER, "canceled": False})], listing(shown()))
    assert (sent.batch_id, posts(server)) == (ID, 1)


def test_redirects_and_pages_of_a_proxy_are_lost_answers(do, server):
    lost = [reply(302, Location="https://proxy.example/login"), reply(404, b"<html>no such page</html>")]
    assert send(do, server, lost[:1], listing(shown())).adopted
    assert send(do, server, lost[1:], listing(shown())).adopted
    assert posts(server) == 2


# Listings that cannot be relied on


@pytest.mark.parametrize(
    "listed",
    [
        listing(shown(id=OTHER, client_reference="af-other")),
        listing(count=1),
        listing({"id": OTHER, "canceled": None}),
        listing({"canceled": False}),
        listing("nonsense"),
        listing(shown(id=OTHER, client_reference=None, body="Bye")),
    ],
    ids=["filter ignored", "too few", "canceled null", "no id", "no object", "no label, other text"],
)
def test_nothing_is_sent_where_the_listing_cannot_be_relied_on(do, server, listed):
    with pytest.raises(SinchUnsettledError, match="not complete") as caught:
        send(do, server, [], listed, first=False)
    assert caught.value.transient
    assert posts(server) == 0


@pytest.mark.parametrize(
    "listed",
    [
        listing(shown(id=OTHER, client_reference="af-other"), shown()),
        listing({"id": OTHER, "canceled": None}, shown()),
        listing(shown(client_reference=None)),
        listing(shown(), count=7),
        listing({**shown(), "client_reference": "af-task", "to": [f"+{each}" for each in NUMBERS]}),
    ],
    ids=["filter ignored", "unreadable", "no label", "too few", "numbers with a plus"],
)
def test_our_batch_is_found_in_any_listing(do, server, listed):
    assert send(do, server, [], listed, first=False).batch_id == ID
    assert posts(server) == 0
