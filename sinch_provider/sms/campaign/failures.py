"""
Who failed for a passing reason, and the text that each of them was to get, both as Sinch has them.

So texts can be sent again without the table of people, and without anything that was kept since.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple

from sinch_provider.sms import endpoints
from sinch_provider.sms.campaign.cut import MOST
from sinch_provider.sms.campaign.layout import DEFAULT
from sinch_provider.sms.campaign.reached import SentBatch
from sinch_provider.sms.campaign.results import AT_ONCE, Results, Tally
from sinch_provider.sms.delivery.kinds import TEMPORARY, Kind
from sinch_provider.sms.errors import Fault, SinchUnsettledError, SinchValidationError
from sinch_provider.sms.models import Batch
from sinch_provider.sms.runtime import utcnow
from sinch_provider.sms.sending.listing import LISTED_FOR, list_by_reference
from sinch_provider.sms.wire.call import Together


class Text(NamedTuple):
    """
    What a batch has besides its people. Those of several batches are sent together if it is the same.

    :param body: The text.
    :param from_: The sender.
    :param most_parts: The most parts; None: no limit.
    :param names: What is filled in.
    :param defaults: The value of each name for people who have none.
    """

    body: str
    from_: str | None
    most_parts: int | None
    names: tuple[str, ...]
    defaults: tuple[str | None, ...]

    def __repr__(self) -> str:
        return f"<text of {len(self.body)} characters>"


@dataclass
class Failures:
    """
    The people of a campaign who failed for a passing reason.

    :param batches: How many batches the campaign has.
    :param tally: What became of everybody.
    :param people: Digits and values of each, by text.
    """

    batches: int
    tally: Tally
    people: dict[Text, list[tuple[str, tuple[str | None, ...]]]] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return sum(map(len, self.people.values()))

    def numbers(self) -> Iterator[str]:
        """Give the digits of all of them."""
        for people in self.people.values():
            yield from (number for number, _ in people)

    def messages(self, wanted: Callable[[str], bool], most: int = MOST) -> Iterator[dict[str, Any]]:
        """
        Cut them into batches.

        :param wanted: Whether somebody is to be texted. Asked right before the batch is full.
        :param most: The most people of a batch.
        :returns: The fields of each batch.
        """
        for text, people in self.people.items():
            left = (each for each in people if wanted(each[0]))
            while together := list(islice(left, most)):
                yield _message(text, together)

    def add(self, batch: Batch, failed: Collection[str]) -> None:
        """
        Add people of a batch.

        :param failed: Their digits.
        :raises SinchValidationError: It is no batch of texts.
        """
        if not isinstance(batch.body, str) or batch.type_ != "mt_text":
            rule = "has batches that are not texts, and these cannot be sent again"
            raise SinchValidationError([Fault("campaign", rule)], "send")
        columns = batch.parameters or {}
        text = Text(
            batch.body,
            batch.from_,
            batch.max_number_of_message_parts,
            tuple(columns),
            tuple(column.get(DEFAULT) for column in columns.values()),
        )
        known = self.people.setdefault(text, [])
        for number in failed:
            values = (column.get(number, column.get(f"+{number}")) for column in columns.values())
            known.append((number, tuple(values)))


async def failures_of(reference: str, temporary: Collection[int] = TEMPORARY) -> Failures:
    """
    Find everybody of a campaign who failed for a passing reason, and what they were to get.

    Nobody is among them whose text is under way, may have arrived, or arrived by another batch.

    :param reference: The client reference of the campaign's batches.
    :param temporary: Codes of failures that may pass.
    :raises SinchUnsettledError: Sinch's listing is not complete.
    :raises SinchValidationError: The campaign has batches that are not texts.
    """
    batches = await _listed(reference)
    results = Results(temporary)
    await results.read(batches)
    failed = results.of(Kind.TEMPORARY)
    found = Failures(len(batches), results.tally())
    left = iter(failed)
    while wave := list(islice(left, AT_ONCE)):
        for batch in await Together([_read(batch_id) for batch_id in wave]):
            found.add(batch, failed[batch.id])
    return found


async def _listed(reference: str) -> list[SentBatch]:
    batches: list[SentBatch] = []
    nameless = 0

    def read(batch: Batch) -> None:
        nonlocal nameless
        if batch.client_reference is None:
            nameless += 1
        else:
            batches.append(SentBatch.of(batch))

    # Whoever has a listed batch has no later one that is not listed any more.
    listing = await list_by_reference(reference, utcnow() - LISTED_FOR, read=read)
    if nameless or not listing.complete:
        raise SinchUnsettledError(
            "Sinch's listing is not complete, so it is unknown who failed", operation="send"
        )
    return batches


async def _read(batch_id: str) -> Batch:
    return await endpoints.get(batch_id)


def _message(text: Text, people: Iterable[tuple[str, tuple[str | None, ...]]]) -> dict[str, Any]:
    listed = list(people)
    parameters: dict[str, Mapping[str, str]] = {}
    for place, name in enumerate(text.names):
        default = text.defaults[place]
        column = {} if default is None else {DEFAULT: default}
        for number, values in listed:
            if (value := values[place]) is not None:
                column[number] = value
        parameters[name] = column
    return {
        "to": [number for number, _ in listed],
        "body": text.body,
        **({"from_": text.from_} if text.from_ is not None else {}),
        **({"parameters": parameters} if parameters else {}),
        **({"max_number_of_message_parts": text.most_parts} if text.most_parts is not None else {}),
    }
