"""Messages that say something else to each recipient."""

from __future__ import annotations

from sinch_sandbox.client import SandboxClient
from tests.unit.sandbox.wire import TO, Api

OTHERS = ["447700900333", "447700900444"]


def bodies(sandbox: SandboxClient) -> dict[str, str]:
    return {each["to"]: each["body"] for each in sandbox.messages()}


def test_each_recipient_gets_the_own_value_or_the_default(api: Api, sinch_sandbox: SandboxClient) -> None:
    api.sent(
        to=[TO, *OTHERS],
        body="Hi ${name}, see you at ${time}. ${name}!",
        parameters={
            "name": {"+447700900222": "Maria", "447700900333": "Åsa", "default": "guest"},
            "time": {"default": "19:30"},
        },
    )
    assert bodies(sinch_sandbox) == {
        "447700900222": "Hi Maria, see you at 19:30. Maria!",
        "447700900333": "Hi Åsa, see you at 19:30. Åsa!",
        "447700900444": "Hi guest, see you at 19:30. guest!",
    }


def test_who_lacks_a_value_ends_aborted_405_and_the_others_get_theirs(
    api: Api, sinch_sandbox: SandboxClient
) -> None:
    batch = api.sent(to=[TO, *OTHERS], body="Hi ${name}", parameters={"name": {"447700900333": "Åsa"}})
    sinch_sandbox.advance(3)
    assert sorted(api.statuses(batch["id"])) == [(0, "Delivered", 1), (405, "Aborted", 2)]
    assert [each["to"] for each in sinch_sandbox.messages() if each["received"]] == ["447700900333"]


def test_names_are_case_sensitive(api: Api, sinch_sandbox: SandboxClient) -> None:
    batch = api.sent(body="Hi ${Name}", parameters={"name": {"default": "you"}})
    sinch_sandbox.advance(3)
    assert api.statuses(batch["id"]) == [(405, "Aborted", 1)]


def test_an_undefined_placeholder_aborts_or_stays_as_set(api: Api, sinch_sandbox: SandboxClient) -> None:
    aborted = api.sent(body="Costs ${price}")
    sinch_sandbox.configure(undefined_parameter="verbatim")
    api.sent(body="Costs ${price}, ${name}", parameters={"name": {"default": "you"}})
    sinch_sandbox.advance(3)
    assert api.statuses(aborted["id"]) == [(405, "Aborted", 1)]
    assert sinch_sandbox.messages()[1]["body"] == "Costs ${price}, you"
    assert sinch_sandbox.messages()[1]["received"]


def test_values_are_not_expanded_again_and_other_dollars_stay(api: Api, sinch_sandbox: SandboxClient) -> None:
    api.sent(body="$5 ${a} ${} ${b c}", parameters={"a": {"default": "${a}"}})
    assert bodies(sinch_sandbox)["447700900222"] == "$5 ${a} ${} ${b c}"


def test_more_parts_than_allowed_end_aborted_411(api: Api, sinch_sandbox: SandboxClient) -> None:
    batch = api.sent(
        to=[TO, *OTHERS],
        body="A" * 155 + "${x}",
        parameters={"x": {"447700900222": "short", "default": "not so short"}},
        max_number_of_message_parts=1,
    )
    sinch_sandbox.advance(3)
    assert sorted(api.statuses(batch["id"])) == [(0, "Delivered", 1), (411, "Aborted", 2)]
    assert api.recipient(batch["id"], OTHERS[0])["number_of_message_parts"] == 2


def test_the_plan_can_limit_the_parts(api: Api, sinch_sandbox: SandboxClient) -> None:
    sinch_sandbox.configure(default_max_parts=1)
    batch = api.sent(body="A" * 161)
    allowed = api.sent(body="A" * 161, max_number_of_message_parts=2)
    sinch_sandbox.advance(3)
    assert api.statuses(batch["id"]) == [(411, "Aborted", 1)]
    assert api.statuses(allowed["id"]) == [(0, "Delivered", 1)]
