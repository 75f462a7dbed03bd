"""The sends of the tasks: small batches, and changes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from tests.crash.schedules import Schedule

#: The batch as it is, with another text, and with other recipients.
VARIANTS = ("A", "text", "recipients")
#: Whom the alerts of callbacks go to.
ON_CALL = "+447700900299"
_BASE = 447700900200


class Payload(NamedTuple):
    """Recipients, text, and which item they stand for."""

    to: tuple[str, ...]
    body: str
    item: int = 0

    @property
    def key(self) -> str:
        return f"item {self.item}"


def item(number: int, variant: str) -> Payload:
    """Return the payload of an item that shares no recipient with another item."""
    base = _BASE + 10 * number
    last = base + 3 if variant == "recipients" else base + 2
    return Payload((f"+{base}", f"+{base + 1}", f"+{last}"), _text(number, variant), number)


def item_of(body: str) -> int:
    """Return the item that a text stands for, in any of its variants."""
    return int(body.split()[1])


def payloads(schedule: Schedule, variant: str, moves: int, moment: str) -> list[Payload]:
    """
    Return the payload at each place.

    :param moves: How often the items have moved.
    :param moment: The time that a text contains.
    """
    size = schedule.size
    if schedule.items == "chunks":
        found = _chunks(size, variant, moves)
    else:
        numbers = [0] * size if schedule.items == "same" else [(n + moves) % size for n in range(size)]
        found = [item(number, variant) for number in numbers]
        if schedule.items == "one phone":
            found = [each._replace(to=(f"+{_BASE}",)) for each in found]
    if schedule.clock_text:
        found = [each._replace(body=f"{each.body} at {moment}") for each in found]
    return found


def _chunks(size: int, variant: str, moves: int) -> list[Payload]:
    """Cut a list of people into chunks of two; each move puts a new person in front."""
    people = [f"+{_BASE + 50 - n}" for n in range(moves, 0, -1)]
    people += [f"+{_BASE + 60 + n}" for n in range(2 * size - 1)]
    cut = [tuple(people[at : at + 2]) for at in range(0, len(people), 2)]
    return [Payload(chunk, _text(0, variant)) for chunk in cut[:size]]


def _text(number: int, variant: str) -> str:
    return f"{'other' if variant == 'text' else 'hello'} {number}"
