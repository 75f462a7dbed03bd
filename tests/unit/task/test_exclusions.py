"""Where exclusions come from, while they change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from sinch_provider.sms.campaign.exclusions import Exclusions
from sinch_provider.sms.client import SinchClient
from sinch_provider.sms.errors import SinchError, SinchNotSentError, SinchValidationError
from sinch_provider.sms.runtime import current, using
from sinch_provider.task.exclusions import exclusions_of
from sinch_sandbox.client import SandboxClient
from tests.unit.sms.sending.attempts import sandbox_account

ANN, BEN, CYD = "447700900222", "447700900333", "447700900444"
OTHER = "af-other"
UNKNOWN_GROUP = "01J8ZC4M7T2Q9KX5RVBW3NHYDP"


@pytest.fixture
def client(sinch_sandbox: SandboxClient) -> SinchClient:
    return SinchClient(sandbox_account(sinch_sandbox))


@pytest.fixture
def clock() -> Iterator[list[float]]:
    """Seconds that have passed."""
    passed = [0.0]
    with using(replace(current(), monotonic=lambda: passed[0])):
        yield passed


def made(client: SinchClient, **given: Any) -> Exclusions:
    nothing = {"exclude": None, "exclude_sql": None, "exclude_conn_id": None, "exclude_campaign": None}
    make = exclusions_of(
        client,
        **{**nothing, "exclude_max_age": timedelta(seconds=60), "default_country": None, **given},
    )
    assert make is not None

    async def steps() -> Exclusions:
        return await make(())

    exclusions = client.follow(steps())
    exclusions.refresh()
    return exclusions


def members(sandbox: SandboxClient, group: str | None = None, **fields: Any) -> str:
    """Make a group, or change one; return its id."""
    plan, token = sandbox.credentials.service_plan_id, sandbox.credentials.api_token
    url = f"{sandbox.url}/xms/v1/{plan}/groups" + (f"/{group}" if group else "")
    answer = requests.post(url, json=fields, headers={"Authorization": f"Bearer {token}"}, timeout=10)
    return str(answer.json()["id"])


class TestAnotherCampaign:
    def test_it_is_read_again(self, client: SinchClient, clock: list[float]) -> None:
        client.batches.send(to=[ANN], body="Hi", client_reference=OTHER)
        exclusions = made(client, exclude_campaign=OTHER)
        client.batches.send(to=[BEN], body="Hi", client_reference=OTHER)
        clock[0] = 59
        exclusions.refresh()
        assert [each in exclusions for each in (ANN, BEN)] == [True, False]
        clock[0] = 60
        exclusions.refresh()
        assert [each in exclusions for each in (ANN, BEN, CYD)] == [True, True, False]

    def test_who_was_reached_stays_excluded(self, client: SinchClient, clock: list[float]) -> None:
        batch = client.batches.send(to=[ANN], body="Hi", client_reference=OTHER)
        exclusions = made(client, exclude_campaign=OTHER)
        client.batches.cancel(batch.id)
        clock[0] = 60
        exclusions.refresh()
        assert ANN in exclusions

    def test_one_that_cannot_be_read_any_more_stops_everything(
        self, client: SinchClient, sinch_sandbox: SandboxClient, clock: list[float]
    ) -> None:
        client.batches.send(to=[ANN], body="Hi", client_reference=OTHER)
        exclusions = made(client, exclude_campaign=OTHER)
        sinch_sandbox.fault("refused_by_proxy", "list", count=99)
        clock[0] = 60
        with pytest.raises(SinchError, match="list"):
            exclusions.refresh()

    def test_one_that_texted_nobody_so_far(self, client: SinchClient, clock: list[float]) -> None:
        exclusions = made(client, exclude_campaign={"reference": OTHER, "batches": 0})
        client.batches.send(to=[ANN], body="Hi", client_reference=OTHER)
        clock[0] = 60
        exclusions.refresh()
        assert ANN in exclusions


class TestGroups:
    def test_a_group_stands_for_its_members_now(
        self, client: SinchClient, sinch_sandbox: SandboxClient, clock: list[float]
    ) -> None:
        group = members(sinch_sandbox, members=[f"+{ANN}"])
        exclusions = made(client, exclude=f" {group} ")
        assert [each in exclusions for each in (ANN, BEN)] == [True, False]
        members(sinch_sandbox, group, add=[f"+{BEN}"], remove=[f"+{ANN}"])
        clock[0] = 60
        exclusions.refresh()
        assert [each in exclusions for each in (ANN, BEN)] == [False, True]

    def test_groups_among_numbers(self, client: SinchClient, sinch_sandbox: SandboxClient) -> None:
        groups = [members(sinch_sandbox, members=[f"+{each}"]) for each in (ANN, BEN)]
        exclusions = made(client, exclude=[groups[0], "+44 7700 900444", (groups[1]), groups[0]])
        assert len(exclusions) == 3
        assert all(each in exclusions for each in (ANN, BEN, CYD))

    def test_one_that_is_suddenly_empty(
        self, client: SinchClient, sinch_sandbox: SandboxClient, clock: list[float]
    ) -> None:
        group = members(sinch_sandbox, members=[f"+{ANN}"])
        exclusions = made(client, exclude=[group, BEN])
        members(sinch_sandbox, group, remove=[f"+{ANN}"])
        clock[0] = 60
        with pytest.raises(SinchNotSentError, match=f"group {group} was not empty before, and now it is"):
            exclusions.refresh()

    @pytest.mark.parametrize("exclude", [UNKNOWN_GROUP, [ANN, UNKNOWN_GROUP]])
    def test_an_unknown_one(self, client: SinchClient, exclude: Any) -> None:
        with pytest.raises(SinchNotSentError, match=f"The group {UNKNOWN_GROUP} is to be left out"):
            made(client, exclude=exclude)

    def test_a_list_of_nothing_but_groups_is_suddenly_empty(
        self, client: SinchClient, sinch_sandbox: SandboxClient, clock: list[float]
    ) -> None:
        rows = [members(sinch_sandbox, members=[f"+{ANN}"])]
        exclusions = made(client, exclude=rows)
        rows.clear()
        clock[0] = 60
        with pytest.raises(SinchNotSentError, match="exclude was not empty before, and now it is"):
            exclusions.refresh()

    def test_numbers_may_become_a_group(
        self, client: SinchClient, sinch_sandbox: SandboxClient, clock: list[float]
    ) -> None:
        rows = [ANN]
        exclusions = made(client, exclude=rows)
        rows[:] = [members(sinch_sandbox, members=[f"+{ANN}", f"+{BEN}"])]
        clock[0] = 60
        exclusions.refresh()
        assert [each in exclusions for each in (ANN, BEN)] == [True, True]

    def test_members_are_of_their_own_country(
        self, client: SinchClient, sinch_sandbox: SandboxClient
    ) -> None:
        # Without its plus, it would be read as a number in China.
        group = members(sinch_sandbox, members=["+13055550123"])
        assert "13055550123" in made(client, exclude=group, default_country="CN")

    def test_a_file_that_begins_with_a_group(self, client: SinchClient, tmp_path: Path) -> None:
        (tmp_path / "groups.csv").write_text(f"{UNKNOWN_GROUP}\n")
        with pytest.raises(SinchNotSentError, match="must begin with a line of names"):
            made(client, exclude=f"file://{tmp_path / 'groups.csv'}")

    def test_an_id_that_lacks_a_letter(self, client: SinchClient) -> None:
        with pytest.raises(SinchNotSentError, match="have an id that is not that of a group"):
            made(client, exclude=[*[f"+44770090{number:04}" for number in range(500)], UNKNOWN_GROUP[:-1]])


@pytest.mark.parametrize("nothing", [None, "NULL", " "])
def test_rows_of_nothing_are_no_list_of_nobody(client: SinchClient, nothing: Any) -> None:
    with pytest.raises(SinchNotSentError, match="have 1000 of 1000 rows without a phone number"):
        made(client, exclude=[nothing] * 1000)


def test_a_dry_run_has_texted_nobody(client: SinchClient) -> None:
    given = {"reference": None, "batches": 0, "people": 6}
    with pytest.raises(SinchValidationError, match="is what a dry run has returned"):
        made(client, exclude_campaign=given)
