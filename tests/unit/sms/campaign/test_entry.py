"""A whole entry into a campaign: who counts for its caps, and who is left out at the last moment."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import pytest

from sinch_provider.sms.campaign.budget import Budget
from sinch_provider.sms.campaign.campaign import Campaign
from sinch_provider.sms.campaign.check import check
from sinch_provider.sms.campaign.entry import Entry, Outcome
from sinch_provider.sms.campaign.exclusions import Exclusions
from sinch_provider.sms.campaign.journal import CampaignJournal
from sinch_provider.sms.campaign.layout import Layout
from sinch_provider.sms.campaign.rows import rows_of
from sinch_provider.sms.campaign.sending import Sending
from sinch_provider.sms.client import SinchClient
from sinch_provider.sms.errors import SinchValidationError
from sinch_provider.sms.sending.lookup import Settling
from sinch_provider.sms.sending.memory import Memory
from sinch_sandbox.client import SandboxClient
from tests.unit.sms.sending.attempts import NOW, MemoryStore, sandbox_account

PEOPLE = [f"+99950100{number:03}" for number in range(10)]
REFERENCE = "af-campaign"


class Task:
    """A task that is entered again and again."""

    def __init__(self, sandbox: SandboxClient) -> None:
        self._account = sandbox_account(sandbox)
        self._store = MemoryStore()

    def enter(
        self, people: Sequence[str], *, excluding: Sequence[Sequence[str]] = (), **options: Any
    ) -> Outcome:
        """:param excluding: Who is excluded, at one reading after the other."""
        journal = CampaignJournal(self._store, self._account, REFERENCE)
        settling = Settling(self._account, Memory())
        readings = iter(excluding)

        async def exclusions(were_there: Collection[str]) -> Exclusions:
            return Exclusions(
                {"exclude": lambda use: use(rows_of(next(readings)))}, max_age=0, were_there=were_there
            )

        with check(rows_of(people), Layout(body="Hi")) as audience, SinchClient(self._account) as client:
            entry = Entry(
                Campaign(self._account, REFERENCE, NOW, journal, settling, lambda empty: empty),
                Sending(self._account, REFERENCE, journal, settling),
                journal,
                audience,
                seed="seed",
                exclusions=exclusions if excluding else None,
                **options,
            )
            return client.follow(entry.steps())


@pytest.fixture
def entered(sinch_sandbox: SandboxClient) -> Task:
    return Task(sinch_sandbox)


def texted(sandbox: SandboxClient) -> list[str]:
    return sorted(f"+{message['to']}" for message in sandbox.messages())


@pytest.mark.parametrize("begin", [0, 2, 5], ids=["all rows", "some rows gone", "all rows gone"])
def test_whoever_was_reached_counts_for_a_cap(
    entered: Task, sinch_sandbox: SandboxClient, begin: int
) -> None:
    entered.enter(PEOPLE[:5])
    with pytest.raises(SinchValidationError, match="allows 6 people, and the campaign has 7"):
        entered.enter(PEOPLE[begin:7], budget=Budget(max_recipients=6, max_parts=7))
    with pytest.raises(SinchValidationError, match="allows 6 SMS parts, and the campaign has 7"):
        entered.enter(PEOPLE[begin:7], budget=Budget(max_recipients=7, max_parts=6))
    assert texted(sinch_sandbox) == PEOPLE[:5]
    outcome = entered.enter(PEOPLE[begin:7], budget=Budget(max_recipients=7, max_parts=7))
    assert (outcome.before, outcome.reached) == (5, 7)
    assert texted(sinch_sandbox) == PEOPLE[:7]


def test_whoever_is_excluded_does_not_count_unless_reached(
    entered: Task, sinch_sandbox: SandboxClient
) -> None:
    entered.enter(PEOPLE[:2])
    out = [PEOPLE[1], PEOPLE[2]]
    with pytest.raises(SinchValidationError, match="allows 3 people, and the campaign has 4"):
        entered.enter(PEOPLE[:5], excluding=[out], budget=Budget(max_recipients=3))
    entered.enter(PEOPLE[:5], excluding=[out, out], budget=Budget(max_recipients=4))
    assert texted(sinch_sandbox) == [PEOPLE[0], PEOPLE[1], PEOPLE[3], PEOPLE[4]]


def test_whoever_is_excluded_at_the_last_moment_is_not_texted(
    entered: Task, sinch_sandbox: SandboxClient
) -> None:
    outcome = entered.enter(PEOPLE[:4], excluding=[PEOPLE[:1], [PEOPLE[0], PEOPLE[2]]])
    assert texted(sinch_sandbox) == [PEOPLE[1], PEOPLE[3]]
    assert outcome.selection is not None
    assert outcome.selection.excluded == 2
