"""What the tasks are asked to send: a small batch, and changes of it."""

from __future__ import annotations

from typing import NamedTuple

#: The batch as it is, with another text, and with other recipients.
VARIANTS = ("A", "text", "recipients")


class Payload(NamedTuple):
    """Recipients and text."""

    to: tuple[str, ...]
    body: str


def item(number: int, variant: str) -> Payload:
    """Give the payload of a mapped item, or of the only one; no two items share a recipient."""
    base = 447700900200 + 10 * number
    last = base + 3 if variant == "recipients" else base + 2
    text = "other" if variant == "text" else "hello"
    return Payload((f"+{base}", f"+{base + 1}", f"+{last}"), f"{text} {number}")
