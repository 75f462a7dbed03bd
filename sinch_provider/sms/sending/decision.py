"""
The rules of sending once, as data.

``docs/guarantees.md`` shows the same tables; a test compares them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Final

import pendulum

#: What the references of this package begin with.
OWN_LABEL: Final = "af-"
#: How long a batch can be held back.
MIN_HOLD: Final = timedelta(minutes=2)
MAX_HOLD: Final = timedelta(days=1)


class OnClear(Enum):
    """What a cleared task does about the batch it sent before."""

    ADOPT = "adopt"
    RESEND = "resend"


class Found(Enum):
    """What an attempt finds of earlier ones."""

    SAME = "all our people, same text"
    OTHER_TEXT = "all our people, other text"
    SOME = "some of our people"
    NONE = "none of our people"
    CANCELLED = "only cancelled ones"
    NOTHING = "nothing"


class Reference(Enum):
    """Whose batches can carry the reference of a send."""

    OWN = "single send, or with send_key"
    SHARED = "mapped, or inside another task, without send_key"


class Action(Enum):
    """What an attempt does about what it finds."""

    SEND = "send"
    KEEP = "keep it"
    WARN = "keep it, with a warning"
    FAIL = "fail"
    SEND_IF_NOTHING_LEFT = "send if nothing has left, else fail"


#: What to do about what is found, after a retry and after a clear.
RULES: Final[Mapping[tuple[Found, Reference], tuple[Action, Action]]] = {
    (Found.SAME, Reference.OWN): (Action.KEEP, Action.KEEP),
    (Found.SAME, Reference.SHARED): (Action.KEEP, Action.KEEP),
    (Found.OTHER_TEXT, Reference.OWN): (Action.WARN, Action.WARN),
    (Found.OTHER_TEXT, Reference.SHARED): (Action.FAIL, Action.FAIL),
    (Found.SOME, Reference.OWN): (Action.FAIL, Action.FAIL),
    (Found.SOME, Reference.SHARED): (Action.FAIL, Action.FAIL),
    (Found.NONE, Reference.OWN): (Action.FAIL, Action.FAIL),
    (Found.NONE, Reference.SHARED): (Action.SEND, Action.SEND),
    (Found.CANCELLED, Reference.OWN): (Action.FAIL, Action.SEND_IF_NOTHING_LEFT),
    (Found.CANCELLED, Reference.SHARED): (Action.FAIL, Action.SEND_IF_NOTHING_LEFT),
    (Found.NOTHING, Reference.OWN): (Action.SEND, Action.SEND),
    (Found.NOTHING, Reference.SHARED): (Action.SEND, Action.SEND),
}


def decide(found: Found, reference: Reference, *, cleared: bool) -> Action:
    """Look up what to do."""
    return RULES[found, reference][cleared]


@dataclass(frozen=True)
class Send:
    """
    Which send this is, and what Airflow tells of its earlier attempts.

    :param reference: The ``client_reference`` of the send: the same over retries and clears.
    :param since: No attempt of this run began earlier.
    :param alone: Whether the task is not mapped, and the operator is the task itself, run once in it.
    :param keyed: Whether it has a ``send_key``: one send, whatever else has the same place.
    :param mapped: Whether other task instances may have the same reference.
    :param first: Whether no attempt of this task instance came before this one.
    :param in_loop: Whether a loop may make the task instance anew.
    :param cleared: Whether something in the run was cleared since it began.
    :param try_number: This attempt.
    :param max_tries: Airflow's ``max_tries``: a clear sets it anew, a retry leaves it.
    :param retries: The task's ``retries`` as of now.
    :param journal_outlives_clears: Whether a clear leaves the journal alone, as Airflow 3.3 does.
    """

    reference: str
    since: pendulum.DateTime
    alone: bool = True
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
    def kind(self) -> Reference:
        """Whose batches can carry the reference."""
        return Reference.OWN if self.alone or self.keyed else Reference.SHARED


class Proof(Enum):
    """Why it is certain that no earlier attempt has sent anything."""

    FIRST = "the first execution of a single send, outside loops"
    FIRST_UNCLEARED = "the first execution of any send, where nothing in the run was cleared"
    EMPTY_JOURNAL = "an empty journal, where nothing in the run was cleared"
    EMPTY_JOURNAL_KEPT = "an empty journal of a single send, on Airflow 3.3, whose clears keep it"


def proof(send: Send, *, empty_journal: bool) -> Proof | None:
    """
    Tell why an attempt need not look before it sends, if so.

    :param empty_journal: Whether there is a journal, and nothing in it.
    """
    single = send.alone
    if send.first and single and not send.in_loop:
        return Proof.FIRST
    if send.first and not send.cleared:
        return Proof.FIRST_UNCLEARED
    if empty_journal and not send.cleared:
        return Proof.EMPTY_JOURNAL
    if empty_journal and single and not send.in_loop and send.journal_outlives_clears:
        return Proof.EMPTY_JOURNAL_KEPT
    return None


class Cycle(Enum):
    """Whether a person has cleared the task since the journal was written."""

    SAME = "not cleared since"
    NEW = "cleared since"
    UNCLEAR = "cannot be told"


def cycle(send: Send, *, try_number: int, max_tries: int, retries: int) -> Cycle:
    """
    Compare an attempt with what the journal says of the first one of its cycle.

    A clear sets ``max_tries`` to the tries made so far plus ``retries``, so only a change of ``retries`` can
    make it come out the same.
    """
    if send.max_tries != max_tries:
        return Cycle.NEW
    if send.retries == retries or send.max_tries - send.retries < try_number:
        return Cycle.SAME
    return Cycle.UNCLEAR
