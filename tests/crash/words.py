"""Whether what an error says is true."""

from __future__ import annotations

import re
from typing import Any

from tests.crash.payloads import item_of
from tests.crash.world import Attempt, World

_BATCH_ID = re.compile(r"\b01[0-9A-HJKMNP-TV-Z]{24}\b")
_COUNTED = re.compile(r"sent batch (?P<ids>[\w, ]+) to (?P<theirs>\d+) recipients\. (?P<rest>.*)")
_OURS = re.compile(r"That includes (?P<reached>\d+|none) of the (?P<ours>\d+) recipients of this send")


def lie(world: World, attempt: Attempt) -> str | None:
    """Return the statement of an error that contradicts the ledger; None if it is true."""
    text = str(attempt.error)
    known = {each["id"]: each for each in attempt.known}
    if "contradicts the request" in text:
        # The error quotes an answer that a fault made up.
        return None
    if strangers := set(_BATCH_ID.findall(text)) - set(known):
        return f"batches that are not there: {strangers}: {text}"
    if decoys := set(_BATCH_ID.findall(text)) & set(world.decoys):
        return None if world.schedule.label else f"batches of others: {decoys}: {text}"
    if attempt.stale or attempt.current is None:
        # Another process may send the same meanwhile, and this one cannot know.
        return None
    sent = _sent(world, attempt)
    if "Nothing was sent." in text and sent:
        return f"'Nothing was sent', although {sent} was: {text}"
    return _miscounted(attempt, known, text)


def _sent(world: World, attempt: Attempt) -> list[str]:
    """Batches of exactly this send."""
    current = attempt.current
    assert current is not None
    earlier: set[str] = set()
    if world.schedule.on_clear == "resend":
        earlier = world.before.get((attempt.ti.place, attempt.cycle), set())
    # Where items have moved, it is unknown which place and which cycle a batch belongs to.
    resent = world.schedule.on_clear == "resend" and world.moves
    same = world.schedule.items in {"same", "chunks"} or resent
    return [
        each["id"]
        for each in attempt.known
        if not each["canceled"]
        and not same
        and each["id"] not in {*world.decoys, *earlier}
        and _is_of(each, current.item)
        and {f"+{number}" for number in each["to"]} & set(current.to)
    ]


def _is_of(batch: dict[str, Any], item: int) -> bool:
    body = batch["body"]
    return not body.startswith("alert") and item_of(body) == item


def _miscounted(attempt: Attempt, known: dict[str, Any], text: str) -> str | None:
    told = _COUNTED.search(text)
    if told is None or attempt.current is None:
        return None
    people = {f"+{number}" for batch in _BATCH_ID.findall(told["ids"]) for number in known[batch]["to"]}
    ours = set(attempt.current.to)
    rest = told["rest"]
    if int(told["theirs"]) != len(people):
        return f"{len(people)} recipients were texted: {text}"
    found = _OURS.search(rest)
    if found is None:
        return f"it does not say how many of this send's recipients were reached: {text}"
    reached = 0 if found["reached"] == "none" else int(found["reached"])
    right = int(found["ours"]) == len(ours) and reached == len(ours & people)
    return None if right else f"{len(ours & people)} of {len(ours)} were reached: {text}"
