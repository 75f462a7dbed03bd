"""
Mutations: each switches off one rule, and a schedule must notice it.

``python -m tests.crash.mutations`` searches for such schedules. ``NOTICED_BY`` in ``test_mutations.py`` lists
those that were found.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import replace
from typing import Any
from unittest import mock

Mutation = Callable[[], AbstractContextManager[Any]]


# Which send it is


def _unnamed(position: int) -> Mutation:
    """Leave one of the names out of references."""

    def mutation() -> AbstractContextManager[Any]:
        from sinch_provider.task import identity

        named = identity.reference_of

        def without(*names: Any) -> str:
            return named(*(name for n, name in enumerate(names) if n != position or names[0] == "callback"))

        return mock.patch.object(identity, "reference_of", without)

    return mutation


def _mapped_is_a_loop() -> AbstractContextManager[Any]:
    from sinch_provider.task import identity

    def region_index(context: Any) -> int | None:
        ti = context["ti"]
        return int(ti.region_index) if ti.region_id.int else None

    return mock.patch.object(identity, "_loop_index", region_index)


def _one_journal_for_both() -> AbstractContextManager[Any]:
    from sinch_provider.task.state import one_of_several

    def never_guessed(*args: Any, **kwargs: Any) -> Any:
        journal = one_of_several(*args, **kwargs)
        if journal is not None:
            journal.guessed = False
        return journal

    return mock.patch("sinch_provider.task.sending.one_of_several", never_guessed)


# When it is proved that nothing was sent


def _proved(**untrue: Any) -> Mutation:
    """Give the proof a send with untrue fields."""

    def mutation() -> AbstractContextManager[Any]:
        from sinch_provider.sms.sending.decision import proof

        def generous(send: Any, *, empty_journal: bool) -> Any:
            return proof(replace(send, **untrue), empty_journal=empty_journal)

        return mock.patch("sinch_provider.sms.sending.earlier.proof", generous)

    return mutation


def _rescheduled_is_first() -> AbstractContextManager[Any]:
    from sinch_provider.task import identity

    return mock.patch.object(identity, "is_first", lambda context: context["ti"].try_number <= 1)


def _uncleared_for_mapped() -> AbstractContextManager[Any]:
    from sinch_provider.sms.sending.decision import proof

    def generous(send: Any, *, empty_journal: bool) -> Any:
        if send.first and not send.single:
            send = replace(send, cleared=False)
        return proof(send, empty_journal=empty_journal)

    return mock.patch("sinch_provider.sms.sending.earlier.proof", generous)


# Looking


def _no_look() -> AbstractContextManager[Any]:
    from sinch_provider.sms.sending.decision import Found
    from sinch_provider.sms.sending.lookup import LookUp
    from sinch_provider.sms.sending.matching import Candidates

    async def nothing(*args: Any, **kwargs: Any) -> Candidates:
        return Candidates(Found.NOTHING)

    return mock.patch.object(LookUp, "steps", nothing)


def _settled_at_once() -> AbstractContextManager[Any]:
    from sinch_provider.sms.sending.lookup import Settling

    return mock.patch.object(Settling, "seconds_left", return_value=0.0)


def _pauses_count() -> AbstractContextManager[Any]:
    from sinch_provider.sms.sending.lookup import Settling

    return mock.patch.object(Settling, "lose_answer", return_value=None)


def _settled_after_the_lag() -> AbstractContextManager[Any]:
    from sinch_provider.sms.sending.lookup import Settling

    left = Settling.seconds_left
    # Without the longest exchange: a batch that was accepted late is missed.
    return mock.patch.object(Settling, "seconds_left", lambda self, entry: left(self, entry) - 90.0)


def _a_day_at_most() -> AbstractContextManager[Any]:
    from sinch_provider.sms import endpoints

    listed = endpoints.list_batches

    def of_the_last_day(*args: Any, **kwargs: Any) -> Any:
        return listed(*args, **{**kwargs, "start_date": None})

    return mock.patch.object(endpoints, "list_batches", of_the_last_day)


def _any_label() -> AbstractContextManager[Any]:
    from sinch_provider.sms.sending import listing

    read = listing._read_page

    def unlabelled(data: Any) -> Any:
        for entry in data["batches"]:
            entry.pop("client_reference", None)
        return read(data)

    return mock.patch.object(listing, "_read_page", unlabelled)


def _any_listing_is_complete() -> AbstractContextManager[Any]:
    from sinch_provider.sms.sending import matching

    made = matching.Candidates.__init__

    def complete(self: Any, *args: Any, **kwargs: Any) -> None:
        made(self, *args, **kwargs)
        object.__setattr__(self, "complete", True)

    return mock.patch.object(matching.Candidates, "__init__", complete)


def _never_too_old() -> AbstractContextManager[Any]:
    from datetime import timedelta

    from sinch_provider.sms.sending import lookup

    return mock.patch.object(lookup, "LISTED_FOR", timedelta(days=1000))


# The table of actions


def _ruled(found: str, scope: str, action: str) -> Mutation:
    """Change one row of the table."""

    def mutation() -> AbstractContextManager[Any]:
        from sinch_provider.sms.sending import decision

        key = decision.Found[found], decision.Scope[scope]
        both = decision.Action[action], decision.Action[action]
        return mock.patch.object(decision, "RULES", {**decision.RULES, key: both})

    return mutation


# Cycles of on_clear="resend"


def _only_max_tries() -> AbstractContextManager[Any]:
    from sinch_provider.sms.sending import record
    from sinch_provider.sms.sending.decision import Cycle

    def told(send: Any, *, max_tries: int, **_: Any) -> Cycle:
        return Cycle.SAME if send.max_tries == max_tries else Cycle.NEW

    return mock.patch.object(record, "cycle", told)


def _no_token() -> AbstractContextManager[Any]:
    return mock.patch("sinch_provider.sms.sending.earlier.secrets.token_hex", return_value="")


def _others_are_forgotten() -> AbstractContextManager[Any]:
    from sinch_provider.sms.sending.earlier import EarlierRequests

    begins = EarlierRequests._begins_cycle

    def without_others(self: Any, entry: Any) -> bool:
        self._record.journal.others = ()
        return begins(self, entry)

    return mock.patch.object(EarlierRequests, "_begins_cycle", without_others)


# The journal and the fence


def _no_intent() -> AbstractContextManager[Any]:
    from sinch_provider.sms.sending import journal

    write = journal.Journal.write

    def only_outcomes(self: Any, entry: Any) -> None:
        if entry.state is not journal.State.INTENT:
            write(self, entry)

    return mock.patch.object(journal.Journal, "write", only_outcomes)


def _refusal_ignored() -> AbstractContextManager[Any]:
    from sinch_provider.sms.errors import SinchNotSentError
    from sinch_provider.sms.sending import journal

    write = journal.Journal.write

    def all_the_same(self: Any, entry: Any) -> None:
        with suppress(SinchNotSentError):
            write(self, entry)

    return mock.patch.object(journal.Journal, "write", all_the_same)


def _stale_permission() -> AbstractContextManager[Any]:
    from sinch_provider.sms.sending import fence

    return mock.patch.object(fence, "FRESH_SECONDS", float("inf"))


def _not_asked_through_socks() -> AbstractContextManager[Any]:
    from urllib3.connection import HTTPConnection

    from sinch_provider.sms.wire import transport

    pool: Any = transport._socks_pools()["http"]
    return mock.patch.object(pool.ConnectionCls, "endheaders", HTTPConnection.endheaders, create=True)


def _any_account() -> AbstractContextManager[Any]:
    from sinch_provider.sms.sending.earlier import EarlierRequests

    return mock.patch.object(EarlierRequests, "_check_account", return_value=None)


# Answers


def _contradiction_believed() -> AbstractContextManager[Any]:
    from sinch_provider.sms.sending import send_once

    return mock.patch.object(send_once, "contradiction", return_value=None)


def _any_status_refuses() -> AbstractContextManager[Any]:
    from sinch_provider.sms.wire import answers

    return mock.patch.object(answers, "_is_refusal", return_value=True)


# Duplicates, and changes


def _duplicates_stay() -> AbstractContextManager[Any]:
    from sinch_provider.sms.sending import earlier, hold

    async def nothing(*args: Any) -> None:
        pass

    stack = ExitStack()
    for module in (earlier, hold):
        stack.enter_context(mock.patch.object(module, "cancel_duplicates", nothing))
    return stack


def _shared_ones_are_duplicates() -> AbstractContextManager[Any]:
    from sinch_provider.sms.sending.record import Record

    return mock.patch.object(Record, "owns_reference", True)


def _label_lost() -> AbstractContextManager[Any]:
    from sinch_provider.sms.sending import change_once

    return mock.patch.object(change_once, "_keep_reference", lambda call, batch: call)


def _own_label_is_proof() -> AbstractContextManager[Any]:
    from sinch_provider.sms.sending.matching import LabelMatcher
    from sinch_provider.sms.sending.payload import Match, Payload

    def explains(self: Any, batch: Any, listing: Any) -> bool | None:
        same = self._payload.compare(Payload.of_batch(batch)) is Match.SAME
        return True if same else None

    return mock.patch.object(LabelMatcher, "_explains", explains)


# Callbacks


def _alerts_do_not_look() -> AbstractContextManager[Any]:
    from sinch_provider.sms.sending.alert import Alert

    async def nothing(self: Any) -> None:
        pass

    return mock.patch.object(Alert, "_find", nothing)


def _alerts_without(position: int) -> Mutation:
    """Leave one of the names out of the reference of a callback."""

    def mutation() -> AbstractContextManager[Any]:
        from sinch_provider.task import identity

        told = identity.callback_of

        def without(context: Any) -> Any:
            names = told(context)
            return names and tuple(name for n, name in enumerate(names) if n != position)

        return mock.patch.object(identity, "callback_of", without)

    return mutation


#: Named as the rules of sending once are: identity, proof, look, table, cycle, fence, answers, duplicates,
#: label, callbacks.
MUTATIONS: dict[str, Mutation] = {
    "identity: loop index left out": _unnamed(4),
    "identity: mapped items taken for a loop": _mapped_is_a_loop,
    "identity: own task id, or how many-th send, left out": _unnamed(3),
    "identity: send_key left out": _unnamed(5),
    "identity: namespace left out": _unnamed(6),
    "identity: journal of another text taken": _one_journal_for_both,
    "proof: first execution, also in loops": _proved(in_loop=False),
    "proof: first execution, also rescheduled": _rescheduled_is_first,
    "proof: first execution of a mapped send, also cleared": _uncleared_for_mapped,
    "proof: empty journal, also where clears delete it": _proved(journal_outlives_clears=True),
    "proof: empty journal, also of mapped sends that move": _proved(single=True),
    "look: none": _no_look,
    "look: one, without time to settle": _settled_at_once,
    "look: settled before the longest exchange has ended": _settled_after_the_lag,
    "look: settled while the process was paused": _pauses_count,
    "look: only the last day": _a_day_at_most,
    "look: another label in the listing counts": _any_label,
    "look: an incomplete listing counts": _any_listing_is_complete,
    "look: never too long ago": _never_too_old,
    "table: another text is sent": _ruled("OTHER_TEXT", "OWN", "SEND"),
    "table: another text beside others is kept": _ruled("OTHER_TEXT", "SHARED", "KEEP"),
    "table: sent where some were reached": _ruled("SOME", "OWN", "SEND"),
    "table: sent where some were reached, mapped": _ruled("SOME", "SHARED", "SEND"),
    "table: others' batch is kept": _ruled("NONE", "SHARED", "KEEP"),
    "table: a cancelled batch is sent again by a retry": _ruled("CANCELLED", "OWN", "SEND_IF_NOTHING_LEFT"),
    "cycle: max_tries only": _only_max_tries,
    "cycle: no token": _no_token,
    "cycle: other people, so a new one": _others_are_forgotten,
    "fence: no intent is written": _no_intent,
    "fence: a refusal is ignored": _refusal_ignored,
    "fence: old permissions are not renewed": _stale_permission,
    "fence: not asked through SOCKS": _not_asked_through_socks,
    "fence: another account is ignored": _any_account,
    "answers: a contradiction is believed": _contradiction_believed,
    "answers: any status is a refusal": _any_status_refuses,
    "duplicates: left alone": _duplicates_stay,
    "duplicates: also of mapped sends": _shared_ones_are_duplicates,
    "duplicates: replace loses the label": _label_lost,
    "label: adopted without an intent": _own_label_is_proof,
    "callbacks: no look": _alerts_do_not_look,
    "callbacks: identity without the attempt": _alerts_without(5),
    "callbacks: identity without the loop index": _alerts_without(6),
}


def main(names: list[str], harness: str = "sends") -> int:
    """Print the schedule that catches each mutation whose name begins with one of the names."""
    from tests.crash.catching import catching
    from tests.crash.harnesses import HARNESSES
    from tests.crash.workers import hush, player, prepare_airflow

    prepare_airflow()
    hush()
    parts = HARNESSES[harness]()
    chosen = [each for each in parts.mutations if not names or each.startswith(tuple(names))]
    survived = 0
    with player(harness) as play:
        for name in chosen:
            played, schedule = catching(parts, name, play)
            if schedule is None:
                survived += 1
                print(f"{name}: SURVIVED {played} schedules", flush=True)
                continue
            with parts.mutations[name]():
                verdict = play(schedule).verdict
            print(
                f"{name}: caught by schedule {played}\n    {schedule.to_json()}\n    {verdict.faults[0]}",
                flush=True,
            )
    print(f"{len(chosen) - survived} of {len(chosen)} mutations caught")
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
