"""Turns the fields of a batch into the messages that phones will receive."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from sinch_sandbox.core.outcomes import NO_PARAMETER_VALUE, TOO_MANY_PARTS, Outcome, Outcomes, timeline
from sinch_sandbox.core.settings import Settings
from sinch_sandbox.core.store.batches import Fields, Message
from sinch_sandbox.sinch.batch_fields import BINARY, MEDIA, TEXT
from sinch_sandbox.sinch.encoding import count_parts, truncate_to_one_part
from sinch_sandbox.sinch.personalise import Template


class Draft(NamedTuple):
    """One recipient's message, before its outcome is known."""

    recipient: str
    text: str
    encoding: str
    parts: int
    problem: int | None
    """Code with which Sinch stops the message before sending it."""


class Schedule(NamedTuple):
    """When the first message of a batch may leave, and the milliseconds between messages."""

    first_at: float
    expires_at: int
    every: float = 0.0


def max_parts(fields: Fields, settings: Settings) -> int | None:
    """The limit of message parts that applies, of the batch or else of the plan."""
    limit: int | None = fields.get("max_number_of_message_parts", settings.default_max_parts)
    return limit


def common_text(fields: Fields) -> str:
    """The text of a batch without parameters: the body, a media message's caption, or Base64."""
    body = fields["body"]
    if fields["type"] == MEDIA:
        caption: str = body.get("message", "")
        return caption
    text: str = body
    if fields["type"] == TEXT and fields.get("truncate_concat"):
        return truncate_to_one_part(text)
    return text


def is_personal(fields: Fields, settings: Settings) -> bool:
    return fields["type"] != BINARY and _template(fields, settings).is_personal


def draft(fields: Fields, recipients: Iterable[str], settings: Settings) -> Iterator[Draft]:
    """Text, encoding and parts per recipient, counted after expansion as Sinch does."""
    kind = fields["type"]
    limit = max_parts(fields, settings) if kind == TEXT else None
    template = None if kind == BINARY else _template(fields, settings)
    if template is None or not template.is_personal:
        text = common_text(fields)
        encoding, parts = _size(kind, text)
        problem = TOO_MANY_PARTS if limit is not None and parts > limit else None
        for recipient in recipients:
            yield Draft(recipient, text, encoding, parts, problem)
        return
    truncate = kind == TEXT and fields.get("truncate_concat")
    for recipient in recipients:
        text = template.render(recipient)
        if truncate:
            text = truncate_to_one_part(text)
        encoding, parts = _size(kind, text)
        problem = TOO_MANY_PARTS if limit is not None and parts > limit else None
        if template.lacks_value(recipient):
            problem = NO_PARAMETER_VALUE
        yield Draft(recipient, text, encoding, parts, problem)


def compose(
    fields: Fields, recipients: Iterable[str], schedule: Schedule, outcomes: Outcomes, settings: Settings
) -> list[Message]:
    """The messages of a batch with all their future times, so that nothing has to update them later."""
    first_at, expires_at, every = schedule
    personal = is_personal(fields, settings)
    fates: dict[Outcome, tuple[int | None, int | None, str, int]] = {}
    messages = []
    for index, (number, text, encoding, parts, problem) in enumerate(draft(fields, recipients, settings)):
        outcome = Outcome("Aborted", problem, dispatched=False) if problem else outcomes.of(number)
        fate = None if every else fates.get(outcome)
        if fate is None:
            turn = round(first_at + index * every)
            fate = fates[outcome] = timeline(outcome, turn, expires_at, settings)
        messages.append(Message(number, text if personal else None, encoding, parts, *fate))
    return messages


def _template(fields: Fields, settings: Settings) -> Template:
    body = fields["body"].get("message", "") if fields["type"] == MEDIA else fields["body"]
    return Template(body, fields.get("parameters", {}), undefined=settings.undefined_parameter)


def _size(kind: str, text: str) -> tuple[str, int]:
    """Binary and media messages are never split by Sinch."""
    if kind == BINARY:
        return "binary", 1
    encoding, parts = count_parts(text)
    return encoding, parts if kind == TEXT else 1
