"""Outcomes of messages: magic numbers, scripted numbers, shares of numbers, and the times that follow."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from typing import NamedTuple

from sinch_sandbox.core.settings import Settings
from sinch_sandbox.core.times import SECOND

QUEUED, QUEUED_CODE = "Queued", 400
DISPATCHED, DISPATCHED_CODE = "Dispatched", 401
CANCELLED_CODE = 407
NO_PARAMETER_VALUE = 405
EXPIRED_IN_QUEUE = 406
TOO_MANY_PARTS = 411

FINAL_STATUSES = ("Delivered", "Failed", "Expired", "Rejected", "Deleted", "Aborted", "Cancelled", "Unknown")
STATUSES = (QUEUED, DISPATCHED, *FINAL_STATUSES)


@dataclass(frozen=True)
class Outcome:
    """How a message ends unless it is cancelled or expires; a delay of None means the setting."""

    status: str = "Delivered"
    code: int = 0
    dispatch_delay: float | None = None
    delivery_delay: float | None = None
    """From Dispatched to the end."""
    receipt: bool = True
    """False: no receipt comes. It stays Dispatched; with status Unknown it is Unknown once it expires."""
    dispatched: bool = True
    """False: it ends inside Sinch and never reaches the operator."""
    about: str = ""


DELIVERED = Outcome()


def _aborted(code: int, about: str) -> Outcome:
    return Outcome("Aborted", code, dispatched=False, about=about)


_FOR_EVER = 10 * 365 * 86_400

MAGIC_PREFIX = "447700900"
"""Ofcom reserves +44 7700 900000 to 900999 for drama, so a magic number can never reach a phone."""

MAGIC: dict[str, Outcome] = {
    "000": Outcome(dispatch_delay=0, delivery_delay=0, about="delivered at once"),
    "010": Outcome(delivery_delay=60, about="delivered after a minute"),
    "011": Outcome(delivery_delay=3600, about="delivered after an hour"),
    "012": Outcome(dispatch_delay=600, about="ten minutes in the queue, then delivered"),
    "060": Outcome("Rejected", 60, about="refused by a spam filter"),
    "150": Outcome("Failed", 150, about="unknown subscriber, permanent"),
    "153": Outcome("Failed", 153, about="absent subscriber"),
    "158": Outcome("Failed", 158, about="memory of the phone full"),
    "300": Outcome("Deleted", 300, about="invalid destination, removed by a remote SMSC"),
    "360": Outcome("Failed", 360, about="queue full, temporary"),
    "400": Outcome(
        "Aborted", EXPIRED_IN_QUEUE, dispatch_delay=_FOR_EVER, about="stuck in the queue until it expires"
    ),
    "401": Outcome(DISPATCHED, DISPATCHED_CODE, receipt=False, about="never a receipt: stays Dispatched"),
    "402": _aborted(402, "unroutable"),
    "403": _aborted(403, "internal error"),
    "404": _aborted(404, "temporary delivery failure"),
    "408": _aborted(408, "internal reject by the SMSC"),
    "410": _aborted(410, "no matching default originator"),
    "412": _aborted(412, "account not provisioned for the region"),
    "413": _aborted(413, "account blocked or out of credit"),
    "901": Outcome("Expired", 0, about="validity ran out at the operator"),
    "902": Outcome("Unknown", 0, about="an unreadable receipt"),
    "903": Outcome("Unknown", 0, receipt=False, about="no receipt: Unknown once it expires"),
    "904": Outcome("Failed", 0, about="failed although the code says 0"),
}
"""The last three digits of a magic number; all others are delivered."""


_CHANCES = 2**32
_ENDS: dict[str, tuple[tuple[str, int], ...]] = {
    "never": ((DISPATCHED, DISPATCHED_CODE),),
    "permanent": (("Failed", 150), ("Failed", 151), ("Failed", 152), ("Failed", 300), ("Aborted", 402)),
    "temporary": (("Failed", 153), ("Failed", 158), ("Failed", 360), ("Expired", 0), ("Aborted", 404)),
    "delivered": (("Delivered", 0),),
}
"""How messages of a share end: one of these, as the number has it. No code stops a whole campaign."""


@dataclass(frozen=True)
class Shares:
    """The outcomes of numbers by chance that can be repeated.

    :param delivered: the share, from 0 to 1, of numbers whose messages are delivered; so with the others.
    :param temporary: of those whose messages may be sent again.
    :param permanent: of those whose messages are sent again in vain.
    :param never: of those for whose messages no receipt comes.
    :param seed: another seed gives other numbers the same shares.
    :param dispatch_delay: seconds in the queue; None means the setting.
    :param delivery_delay: seconds from there to the end; None means the setting.
    :raises ValueError: the shares are not 1 together.
    """

    delivered: float
    temporary: float = 0.0
    permanent: float = 0.0
    never: float = 0.0
    seed: int = 0
    dispatch_delay: float | None = None
    delivery_delay: float | None = None

    def __post_init__(self) -> None:
        total = sum(self.parts().values())
        if not math.isclose(total, 1, abs_tol=1e-9):
            raise ValueError(f"the shares are {total:g} together, and must be 1")

    def parts(self) -> dict[str, float]:
        """Each share by its name."""
        return {
            "delivered": self.delivered,
            "temporary": self.temporary,
            "permanent": self.permanent,
            "never": self.never,
        }

    def of(self, number: str) -> Outcome:
        """The outcome of a number: the same in every process."""
        digest = blake2b(f"{self.seed}:{number}".encode(), digest_size=8).digest()
        name = self._name(int.from_bytes(digest[:4], "big") / _CHANCES)
        ends = _ENDS[name]
        status, code = ends[int.from_bytes(digest[4:], "big") % len(ends)]
        return Outcome(
            status,
            code,
            self.dispatch_delay,
            self.delivery_delay,
            receipt=name != "never",
            dispatched=status != "Aborted",
        )

    def _name(self, chance: float) -> str:
        """The share that a number between 0 and 1 falls into."""
        for name, share in (("never", self.never), ("permanent", self.permanent)):
            if chance < share:
                return name
            chance -= share
        return "temporary" if chance < self.temporary else "delivered"


Script = Outcome | Shares
"""What is scripted for the numbers that begin with a prefix."""


class Timeline(NamedTuple):
    """When a message leaves the queue and when it is final; None means never."""

    dispatched_at: int | None
    final_at: int | None
    status: str
    code: int


def timeline(outcome: Outcome, starts_at: int, expires_at: int, settings: Settings) -> Timeline:
    """The times of one message, known from the start; its status then depends only on the clock."""
    queue = settings.dispatch_delay if outcome.dispatch_delay is None else outcome.dispatch_delay
    dispatched_at = starts_at + round(queue * SECOND)
    if dispatched_at >= expires_at:
        return Timeline(None, expires_at, "Aborted", EXPIRED_IN_QUEUE)
    if not outcome.dispatched:
        return Timeline(None, dispatched_at, outcome.status, outcome.code)
    if not outcome.receipt:
        final_at = expires_at if outcome.status == "Unknown" else None
        return Timeline(dispatched_at, final_at, outcome.status, outcome.code)
    wait = settings.delivery_delay if outcome.delivery_delay is None else outcome.delivery_delay
    final_at = dispatched_at + round(wait * SECOND)
    if final_at >= expires_at:
        return Timeline(dispatched_at, expires_at, "Expired", 0)
    return Timeline(dispatched_at, final_at, outcome.status, outcome.code)


class Outcomes:
    """Finds the outcome of a number: scripted ones first (the longest prefix wins), then the magic table."""

    def __init__(self) -> None:
        self._scripted: dict[str, Script] = {}

    def script(self, rules: Iterable[tuple[str, Script]]) -> None:
        self._scripted = dict(rules)

    def add(self, prefix: str, script: Script) -> None:
        """Script one more prefix, or script it anew."""
        self._scripted[prefix] = script

    def remove(self, prefix: str) -> bool:
        """Remove the script of a prefix; False if there is none."""
        return self._scripted.pop(prefix, None) is not None

    def scripted(self) -> dict[str, Script]:
        return dict(self._scripted)

    def of(self, number: str) -> Outcome:
        if self._scripted:
            for length in range(len(number), 0, -1):
                script = self._scripted.get(number[:length])
                if script:
                    return script.of(number) if isinstance(script, Shares) else script
        if number.startswith(MAGIC_PREFIX) and len(number) == len(MAGIC_PREFIX) + 3:
            return MAGIC.get(number[-3:], DELIVERED)
        return DELIVERED
