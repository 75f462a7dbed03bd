"""A second opinion on groups: Sinch's own SDK, unchanged, against the sandbox."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sinch import SinchClient
from sinch.domains.sms.api.v1.exceptions import SmsException
from sinch.domains.sms.models.v1.types.auto_update_dict import AutoUpdateDict

from sinch_sandbox.client import SandboxClient

ANNA, BOB, CARL, DORA = (f"+447700900{index:03}" for index in range(201, 205))
NUMBER = "447700900100"
UNKNOWN = "01J8ZC4M7T2Q9KX5RVBW3NHYDP"
KEYWORDS: AutoUpdateDict = {
    "to": NUMBER,
    "add": {"first_word": "Acme", "second_word": "JOIN"},
    "remove": {"first_word": "LEAVE"},
}


def refusal(error: pytest.ExceptionInfo[SmsException]) -> tuple[int, str | None]:
    response = error.value.http_response
    return response.status_code, (response.body or {}).get("code")


def test_a_group_from_the_cradle_to_the_grave(
    official_client: SinchClient, sinch_sandbox: SandboxClient
) -> None:
    groups = official_client.sms.groups
    now = datetime.fromisoformat(sinch_sandbox.now())
    child = groups.create(members=[DORA])
    made = groups.create(
        name="on call", members=[ANNA, BOB], child_groups=[str(child.id)], auto_update=KEYWORDS
    )
    assert (made.name, made.size, made.child_groups) == ("on call", 3, [child.id])
    assert (made.created_at, made.modified_at) == (now, now)
    assert made.auto_update is not None
    assert made.auto_update.model_dump(exclude_none=True) == KEYWORDS
    group_id = str(made.id)
    assert groups.get(group_id) == made
    assert list(groups.list_members(group_id).iterator()) == [DORA[1:], ANNA[1:], BOB[1:]]

    sinch_sandbox.advance(1)
    changed = groups.update(group_id, name="ops", add=[CARL], remove=[ANNA], remove_from_group=str(child.id))
    assert (changed.name, changed.size) == ("ops", 3)
    assert (changed.created_at, changed.modified_at) == (now, now + timedelta(seconds=1))
    assert changed.auto_update == made.auto_update
    copied = groups.create(name="copy")
    assert groups.update(str(copied.id), add_from_group=group_id).size == 3

    replaced = groups.replace(group_id, members=[BOB])
    assert (replaced.id, replaced.name, replaced.size, replaced.child_groups) == (group_id, None, 1, [])
    assert replaced.auto_update is None

    groups.delete(group_id)
    with pytest.raises(SmsException) as error:
        groups.get(group_id)
    assert refusal(error) == (404, None)


def test_an_update_without_a_name_takes_it_away(official_client: SinchClient) -> None:
    """The SDK sends null for all that is not given."""
    made = official_client.sms.groups.create(name="ops", members=[ANNA])
    changed = official_client.sms.groups.update(str(made.id), add=[BOB])
    assert (changed.name, changed.size) == (None, 2)


def test_the_list_over_several_pages(official_client: SinchClient) -> None:
    made = [official_client.sms.groups.create(name=f"group {index}").id for index in range(5)]
    pages = official_client.sms.groups.list(page_size=2)
    assert pages.result.count == 5
    assert [group.id for group in pages.iterator()] == made[::-1]


def test_refusals_reach_the_caller(official_client: SinchClient) -> None:
    groups = official_client.sms.groups
    groups.create(name="ops")
    with pytest.raises(SmsException) as error:
        groups.create(name="ops")
    assert refusal(error) == (403, "conflict_group_name")
    with pytest.raises(SmsException) as error:
        groups.create(child_groups=[UNKNOWN])
    assert refusal(error) == (403, "unknown_group")
    with pytest.raises(SmsException) as error:
        groups.create(members=["+12"])
    assert refusal(error) == (400, "syntax_invalid_parameter_format")
    with pytest.raises(SmsException) as error:
        official_client.sms.batches.send_sms(to=[ANNA, UNKNOWN], from_=NUMBER, body="Hi")
    assert refusal(error) == (403, "unknown_group")


def test_a_batch_to_a_group_reaches_who_is_in_it_when_it_is_sent(
    official_client: SinchClient, sinch_sandbox: SandboxClient
) -> None:
    sms = official_client.sms
    group_id = str(sms.groups.create(members=[BOB], auto_update=KEYWORDS).id)
    assert sms.batches.dry_run_sms(to=[ANNA, group_id], from_=NUMBER, body="Hi").number_of_recipients == 2
    send_at = datetime.fromisoformat(sinch_sandbox.now()) + timedelta(hours=1)
    batch = sms.batches.send_sms(
        to=[ANNA, group_id], from_=NUMBER, body="Hi", send_at=send_at, feedback_enabled=True
    )
    assert batch.to == [ANNA[1:], group_id]
    account = official_client.configuration.service_plan_id or official_client.configuration.project_id
    sinch_sandbox.inbound(CARL, "Acme JOIN", NUMBER, account=account)
    sinch_sandbox.inbound(BOB, "LEAVE", NUMBER, account=account)
    sinch_sandbox.advance(3603)
    report = sms.delivery_reports.get(batch.id, report_type="full")
    assert report.total_message_count == 2
    assert report.statuses[0].recipients == [ANNA[1:], CARL[1:]]
    with pytest.raises(SmsException) as error:
        sms.batches.send_delivery_feedback(batch.id, [])
    assert refusal(error) == (400, "syntax_constraint_violation")
    sms.batches.send_delivery_feedback(batch.id, [CARL])
