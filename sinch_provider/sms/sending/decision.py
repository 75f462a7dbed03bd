"""
The rules of sending once, as data.

``docs/guarantees.md`` shows the same tables; a test compares them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

import pendulum

#: The beginning of every reference that this package makes.
OWN_LABEL: Final = "af-"


class OnClear(Enum):
    """What a cleared task does about the batch that it sent before the clear."""

    ADOPT = "adopt"
    RESEND = "resend"


class Found(Enum):
    """What an attempt finds of earlier attempts."""

    SAME = "all recipients, same text"
    OTHER_TEXT = "all recipients, other text"
    SOME = "some of the recipients"
    NONE = "none of the recipients"
    CANCELLED = "only cancelled batches"
    NOTHING = "no batch"


class Scope(Enum):
    """Which sends use a reference."""

    OWN = "single send, or with send_key"
    SHARED = "mapped, or inside another task, without send_key"


class Action(Enum):
    """What an attempt does about what it finds."""

    SEND = "send"
    KEEP = "keep it"
    KEEP_AND_WARN = "keep it and warn"
    FAIL = "fail"
    SEND_IF_NOTHING_LEFT = "send if nothing of it has left, otherwise fail"


#: The action for each finding: after a retry, and after a clear.
RULES: Final[Mapping[tuple[Found, Scope], tuple[Action, Action]]] = {
    (Found.SAME, Scope.OWN): (Action.KEEP, Action.KEEP),
    (Found.SAME, Scope.SHARED): (Action.KEEP, Action.KEEP),
    (Found.OTHER_TEXT, Scope.OWN): (Action.KEEP_AND_WARN, Action.KEEP_AND_WARN),
    (Found.OTHER_TEXT, Scope.SHARED): (Action.FAIL, Action.FAIL),
    (Found.SOME, Scope.OWN): (Action.FAIL, Action.FAIL),
    (Found.SOME, Scope.SHARED): (Action.FAIL, Action.FAIL),
    (Found.NONE, Scope.OWN): (Action.FAIL, Action.FAIL),
    (Found.NONE, Scope.SHARED): (Action.SEND, Action.SEND),
    (Found.CANCELLED, Scope.OWN): (Action.FAIL, Action.SEND_IF_NOTHING_LEFT),
    (Found.CANCELLED, Scope.SHARED): (Action.FAIL, Action.SEND_IF_NOTHING_LEFT),
    (Found.NOTHING, Scope.OWN): (Action.SEND, Action.SEND),
    (Found.NOTHING, Scope.SHARED): (Action.SEND, Action.SEND),
}


def decide(found: Found, scope: Scope, *, cleared: bool) -> Action:
    """Return the action for what was found."""
    return RULES[found, scope][cleared]


@dataclass(frozen=True)
class Send:
    """
    Which send this is, and what Airflow says about its earlier attempts.

    :param reference: The ``client_reference`` of the send: the same over retries and clears.
    :param since: A time before which no attempt of this run began.
    :param single: Whether the task is not mapped, and the operator is the task itself, executed once in it.
    :param keyed: Whether it has a ``send_key``: then one key is one send.
    :param mapped: Whether other task instances may have the same reference.
    :param first: Whether no attempt of this task instance came before this one.
    :param in_loop: Whether a loop may create the task instance again.
    :param cleared: Whether something in the run was cleared since it began.
    :param try_number: The number of this attempt.
    :param max_tries: Airflow's ``max_tries``: a clear changes it, a retry does not.
    :param retries: The ``retries`` that the task has now.
    :param journal_outlives_clears: Whether a clear keeps the journal, as on Airflow 3.3.
    """

    reference: str
    since: pendulum.DateTime
    single: bool = True
    keyed: bool = False
    mapped: bool = False
    first: bool = True
    in_loop: bool = False
    cleared: bool = False
    try_number: int = 1
    max_tries: int = 0
    retries: int = 0
    journal_outlives_clears: bool = False

    @property
    def scope(self) -> Scope:
        """Which sends use the reference."""
        return Scope.OWN if self.single or self.keyed else Scope.SHARED


class Proof(Enum):
    """Why it is certain that no earlier attempt has sent anything."""

    FIRST = "the first execution of a single send, outside loops"
    FIRST_UNCLEARED = "the first execution of any send, if nothing in the run was cleared"
    EMPTY_JOURNAL = "an empty journal of a single send, outside loops, where a clear keeps the journal"
    EMPTY_JOURNAL_UNCLEARED = (
        "an empty journal of any send, where a clear keeps the journal, if nothing in the run was cleared"
    )


def proof(send: Send, *, empty_journal: bool) -> Proof | None:
    """
    Return why an attempt may send without looking first; None if it has to look.

    :param empty_journal: Whether there is a journal and it is empty.
    """
    if send.first and send.single and not send.in_loop:
        return Proof.FIRST
    if send.first and not send.cleared:
        return Proof.FIRST_UNCLEARED
    # A running attempt does not learn of a clear. Where a clear deletes the journal, it may have done so just
    # before this attempt read it.
    if not (empty_journal and send.journal_outlives_clears):
        return None
    if send.single and not send.in_loop:
        return Proof.EMPTY_JOURNAL
    return None if send.cleared else Proof.EMPTY_JOURNAL_UNCLEARED


class Cycle(Enum):
    """Whether the task was cleared since its journal was written."""

    SAME = "not cleared since"
    NEW = "cleared since"
    UNCLEAR = "cannot be determined"


def cycle(send: Send, *, try_number: int, max_tries: int, retries: int) -> Cycle:
    """
    Compare an attempt with the first attempt of the journal's cycle.

    A clear sets ``max_tries`` to the number of attempts so far plus ``retries``. So ``max_tries`` stays the
    same over a clear only if ``retries`` has changed too.

    :param try_number: The value of that first attempt; so are ``max_tries`` and ``retries``.
    """
    if send.max_tries != max_tries:
        return Cycle.NEW
    if send.retries == retries or send.max_tries - send.retries < try_number:
        return Cycle.SAME
    return Cycle.UNCLEAR
