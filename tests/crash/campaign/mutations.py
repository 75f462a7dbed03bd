"""
Mutations: each switches off one safeguard of campaigns, and a schedule must notice it.

``python -m tests.crash.campaign.mutations`` searches for such schedules. ``NOTICED_BY`` in
``test_mutations.py`` lists those that were found.
"""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, suppress
from datetime import timedelta
from typing import Any
from unittest import mock

from tests.crash import mutations as sends
from tests.crash.mutations import Mutation

_CAMPAIGN = "sinch_provider.sms.campaign"


def _returning(target: str, value: Any) -> Mutation:
    return lambda: mock.patch(target, return_value=value)


def _instead(target: str, value: Any) -> Mutation:
    return lambda: mock.patch(target, value)


async def _nothing(*args: Any) -> None:
    pass


# Who is texted


def _doubles_stay() -> AbstractContextManager[Any]:
    from sinch_provider.sms.campaign.seen import Seen

    class Forgetful(Seen):
        def add(self, numbers: Any) -> None:
            super().add(numbers)

    return mock.patch(f"{_CAMPAIGN}.check.Seen", Forgetful)


def _nobody_was_reached() -> AbstractContextManager[Any]:
    from sinch_provider.sms.campaign.reached import reached

    async def without_people(*args: Any, **kwargs: Any) -> Any:
        found = await reached(*args, **kwargs)
        found.people.clear()
        return found

    return mock.patch(f"{_CAMPAIGN}.campaign.reached", without_people)


# Looking


def _open_ones_do_not_matter() -> AbstractContextManager[Any]:
    return mock.patch(
        f"{_CAMPAIGN}.reached._explained", lambda entry, found: len(found.batches) >= entry.accepted
    )


def _accepted_ones_do_not_matter() -> AbstractContextManager[Any]:
    def explained(entry: Any, found: Any) -> bool:
        return all(each.people in found.requests for each in entry.open)

    return mock.patch(f"{_CAMPAIGN}.reached._explained", explained)


def _open_ones_count_as_accepted() -> AbstractContextManager[Any]:
    def explained(entry: Any, found: Any) -> bool:
        known = all(each.people in found.requests for each in entry.open)
        return known and len(found.batches) >= entry.accepted

    return mock.patch(f"{_CAMPAIGN}.reached._explained", explained)


def _none_is_missing_in_the_end() -> AbstractContextManager[Any]:
    from sinch_provider.sms.campaign.reached import _look, reached
    from sinch_provider.sms.errors import SinchUnsettledError

    async def content(entry: Any, reference: str, since: Any, secret: str, *args: Any, **kwargs: Any) -> Any:
        try:
            return await reached(entry, reference, since, secret, *args, **kwargs)
        except SinchUnsettledError as error:
            if "are missing" not in error.what:
                raise
        found, _ = await _look(reference, since, secret)
        return found

    return mock.patch(f"{_CAMPAIGN}.campaign.reached", content)


def _any_listing_is_complete() -> AbstractContextManager[Any]:
    from sinch_provider.sms.campaign import reached

    look = reached._look

    async def complete(*args: Any) -> Any:
        found, _ = await look(*args)
        return found, True

    return mock.patch.object(reached, "_look", complete)


# When it is proved that nothing was sent


def _empty_journal_is_proof() -> AbstractContextManager[Any]:
    from dataclasses import replace

    from sinch_provider.sms.sending.decision import proof
    from sinch_provider.task.campaigns import TaskCampaign

    def proved(self: Any, send: Any, empty_journal: bool) -> bool:
        kept = replace(send, journal_outlives_clears=True)
        return empty_journal and proof(kept, empty_journal=True) is not None

    return mock.patch.object(TaskCampaign, "_is_proved_empty", proved)


def _resumed_is_first() -> AbstractContextManager[Any]:
    from dataclasses import replace

    from sinch_provider.sms.sending.decision import proof
    from sinch_provider.task.campaigns import TaskCampaign

    def proved(self: Any, send: Any, empty_journal: bool) -> bool:
        return proof(replace(send, first=True), empty_journal=empty_journal) is not None

    return mock.patch.object(TaskCampaign, "_is_proved_empty", proved)


def _any_plan() -> AbstractContextManager[Any]:
    import hmac
    from types import SimpleNamespace

    agreeable = SimpleNamespace(new=hmac.new, compare_digest=lambda *_: True)
    return mock.patch(f"{_CAMPAIGN}.plan.hmac", agreeable)


# The journal and the fence


def _no_intent() -> AbstractContextManager[Any]:
    from sinch_provider.sms.campaign.journal import CampaignJournal

    intend = CampaignJournal.intend

    def in_memory(self: Any, people: str) -> None:
        store, self._store = self._store, None
        try:
            intend(self, people)
        finally:
            self._store = store

    return mock.patch.object(CampaignJournal, "intend", in_memory)


def _refusal_ignored() -> AbstractContextManager[Any]:
    from sinch_provider.sms.campaign.journal import CampaignJournal
    from sinch_provider.sms.errors import SinchNotSentError

    write = CampaignJournal._write

    def all_the_same(self: Any, entry: Any) -> None:
        with suppress(SinchNotSentError):
            write(self, entry)
        self.entry = entry

    return mock.patch.object(CampaignJournal, "_write", all_the_same)


def _sends_on() -> AbstractContextManager[Any]:
    from sinch_provider.sms.sending.fence import Fence

    begin = Fence.__init__

    def relentless(self: Any, write_intent: Any, stopped: Any) -> None:
        begin(self, write_intent, lambda: False)

    return mock.patch.object(Fence, "__init__", relentless)


def _acceptance_not_counted() -> AbstractContextManager[Any]:
    from sinch_provider.sms.campaign.journal import CampaignJournal

    note = CampaignJournal.note
    return mock.patch.object(
        CampaignJournal, "note", lambda self, people, accepted: note(self, people, accepted=False)
    )


def _begins_at_zero() -> AbstractContextManager[Any]:
    from sinch_provider.sms.campaign.journal import CampaignJournal

    settle = CampaignJournal.settle

    def only_an_entry(self: Any, batches: int) -> None:
        settle(self, batches)
        self._listed = 0

    return mock.patch.object(CampaignJournal, "settle", only_an_entry)


def _any_account() -> AbstractContextManager[Any]:
    from sinch_provider.sms.campaign.journal import CampaignJournal

    begin = CampaignJournal.__init__

    def nameless(self: Any, *args: Any) -> None:
        begin(self, *args)
        self._account = ""

    return mock.patch.object(CampaignJournal, "__init__", nameless)


# Answers


def _lost_is_accepted() -> AbstractContextManager[Any]:
    from sinch_provider.sms.campaign.sending import Sending
    from sinch_provider.sms.errors import SinchUncertainError

    post = Sending._post

    async def hopeful(self: Any, message: Any) -> Any:
        error = await post(self, message)
        return None if isinstance(error, SinchUncertainError) else error

    return mock.patch.object(Sending, "_post", hopeful)


def _given_up_is_done() -> AbstractContextManager[Any]:
    from sinch_provider.sms.campaign.campaign import Campaign
    from sinch_provider.sms.campaign.sending import Round
    from sinch_provider.sms.errors import SinchUnsettledError

    send = Campaign.send

    async def content(self: Any, found: Any, *args: Any) -> Any:
        try:
            return await send(self, found, *args)
        except SinchUnsettledError:
            return found, Round()

    return mock.patch.object(Campaign, "send", content)


# Exclusions


def _nobody_is_excluded() -> AbstractContextManager[Any]:
    from sinch_provider.sms.campaign.exclusions import Exclusions

    return mock.patch.multiple(
        Exclusions, __contains__=lambda self, number: False, among=lambda self, numbers: set()
    )


def _unreadable_ones_are_none() -> AbstractContextManager[Any]:
    from sinch_provider.sms.campaign.exclusions import Exclusions
    from sinch_provider.sms.campaign.seen import Seen
    from sinch_provider.sms.errors import SinchNotSentError

    find = Exclusions._found

    def found(self: Any, name: str) -> Any:
        try:
            return find(self, name)
        except SinchNotSentError:
            self.were_there = frozenset()
            return Seen(), 0

    return mock.patch.object(Exclusions, "_found", found)


def _gone_ones_are_none() -> AbstractContextManager[Any]:
    from sinch_provider.sms.campaign.exclusions import Exclusions

    refresh = Exclusions.refresh

    def forgetful(self: Any) -> None:
        self.were_there = frozenset()
        refresh(self)

    return mock.patch.object(Exclusions, "refresh", forgetful)


def _made_early() -> AbstractContextManager[Any]:
    from sinch_provider.sms.campaign.cut import messages_for

    def early(*args: Any) -> Any:
        for make in messages_for(*args):
            message = make()
            yield lambda message=message: message

    return mock.patch("tests.crash.campaign.points.messages_for", early)


def _any_hour() -> AbstractContextManager[Any]:
    from sinch_provider.sms.campaign.selection import Selection

    begin = Selection.__init__

    def sleepless(self: Any, *args: Any) -> None:
        begin(self, *args)
        self._window = None

    return mock.patch.object(Selection, "__init__", sleepless)


MUTATIONS: dict[str, Mutation] = {
    "people: the same number twice": _doubles_stay,
    "reached: nobody": _nobody_was_reached,
    "reached: nobody by cancelled batches": _instead(
        f"{_CAMPAIGN}.reached._add_who_was_reached_before_a_cancel", _nothing
    ),
    "reached: everybody by cancelled batches": _instead(f"{_CAMPAIGN}.reached._CANCELLED", frozenset()),
    "look: open requests do not matter": _open_ones_do_not_matter,
    "look: accepted batches do not matter": _accepted_ones_do_not_matter,
    "look: a batch of an open request is one of the accepted": _open_ones_count_as_accepted,
    "look: none is missing in the end": _none_is_missing_in_the_end,
    "look: without time to settle": sends.MUTATIONS["look: one, without time to settle"],
    "look: settled before the longest exchange has ended": sends.MUTATIONS[
        "look: settled before the longest exchange has ended"
    ],
    "look: settled while the process was paused": sends.MUTATIONS[
        "look: settled while the process was paused"
    ],
    "look: only the last day": sends.MUTATIONS["look: only the last day"],
    "look: another label in the listing counts": sends.MUTATIONS["look: another label in the listing counts"],
    "look: an incomplete listing counts": _any_listing_is_complete,
    "look: never too long ago": _instead(f"{_CAMPAIGN}.reached.LISTED_FOR", timedelta(days=1000)),
    "proof: an empty journal of a later attempt": _empty_journal_is_proof,
    "proof: what follows a wait": _resumed_is_first,
    "journal: no intent is written": _no_intent,
    "journal: accepted batches are not counted": _acceptance_not_counted,
    "journal: begins at zero where it was lost": _begins_at_zero,
    "fence: a refusal is ignored": _refusal_ignored,
    "fence: old permissions are not renewed": sends.MUTATIONS["fence: old permissions are not renewed"],
    "fence: a task that was asked to end sends on": _sends_on,
    "fence: another account is ignored": _any_account,
    "answers: a contradiction is believed": _returning(f"{_CAMPAIGN}.sending.contradiction", None),
    "answers: any status is a refusal": sends.MUTATIONS["answers: any status is a refusal"],
    "answers: a lost one means accepted": _lost_is_accepted,
    "answers: lost again and again means done": _given_up_is_done,
    "exclusions: nobody": _nobody_is_excluded,
    "exclusions: never read again": _returning(f"{_CAMPAIGN}.exclusions.Exclusions._age", 0.0),
    "exclusions: unreadable ones are none": _unreadable_ones_are_none,
    "exclusions: suddenly empty ones are none": _gone_ones_are_none,
    "exclusions: later entries do not know that there were some": _instead(
        f"{_CAMPAIGN}.journal.CampaignJournal.exclude", lambda *_: None
    ),
    "exclusions: batches are made before they may leave": _made_early,
    "plan: its HMAC is not compared": _any_plan,
    "window: any hour will do": _any_hour,
    "window: not asked again when a batch leaves": _instead(
        f"{_CAMPAIGN}.selection.Selection.still", lambda self, people, fields: people
    ),
    "cap: none": _returning(f"{_CAMPAIGN}.entry.Entry._check_budget", None),
    "exclusions: not asked again when a batch leaves": _instead(
        f"{_CAMPAIGN}.selection.Selection.still", lambda self, people, fields: people
    ),
}


if __name__ == "__main__":
    sys.exit(sends.main(sys.argv[1:], "campaigns"))
