"""Cuts the people of a campaign who are still to be texted into batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from sinch_provider.sms.campaign.audience import Audience, Person

#: The most recipients of a batch.
MOST: Final = 1000

#: Returns the fields that the batch of a person has, such as the sender. None: not this person, not now.
Choose = Callable[[Person], Mapping[str, Any] | None]


def messages_for(audience: Audience, choose: Choose, most: int = MOST) -> Iterator[dict[str, Any]]:
    """
    Cut people into batches, in the order of the source.

    A batch has one text, and one value of every other field. It is made when it is asked for, so that whoever
    was excluded a moment ago is not in it.

    :param choose: Asked once for each person, right before the batch is full.
    :param most: The most people of a batch.
    :returns: The fields of each batch.
    """
    waiting: dict[tuple[Any, ...], list[Person]] = {}
    fields: dict[tuple[Any, ...], Mapping[str, Any]] = {}
    for portion in audience.portions():
        for person in portion:
            chosen = choose(person)
            if chosen is None:
                continue
            key = (person.language, *chosen.items())
            together = waiting.setdefault(key, [])
            together.append(person)
            fields[key] = chosen
            if len(together) == most:
                yield _message(audience, waiting.pop(key), fields[key])
    for key, together in waiting.items():
        yield _message(audience, together, fields[key])


def _message(audience: Audience, people: Sequence[Person], fields: Mapping[str, Any]) -> dict[str, Any]:
    return {**audience.message(people), **fields}
