"""Cuts the people of a campaign who are still to be texted into batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final

from sinch_provider.sms.campaign.audience import Audience, Person

#: The most recipients of a batch.
MOST: Final = 1000

#: Returns the fields that the batch of a person has, such as the sender. None: not this person, not now.
Choose = Callable[[Person], Mapping[str, Any] | None]
#: Returns who of the people of a batch, which has these fields, may be texted at this moment.
Still = Callable[[Sequence[Person], Mapping[str, Any]], Sequence[Person]]
#: Makes the fields of a batch right before it leaves. None: nobody in it may be texted any more.
Make = Callable[[], dict[str, Any] | None]


def messages_for(
    audience: Audience, choose: Choose, most: int = MOST, still: Still = lambda people, _: people
) -> Iterator[Make]:
    """
    Cut people into batches, in the order of the source.

    A batch has one text, and one value of every other field.

    :param choose: Asked once for each person.
    :param most: The most people of a batch.
    :param still: Asked once for each batch, at the moment before it leaves.
    :returns: What makes each batch, so that whoever was excluded a moment ago is not in it.
    """

    def made(people: Sequence[Person], chosen: Mapping[str, Any]) -> dict[str, Any] | None:
        left = still(people, chosen)
        return {**audience.message(left), **chosen} if left else None

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
                yield partial(made, waiting.pop(key), fields[key])
    for key, together in waiting.items():
        yield partial(made, together, fields[key])
