"""
Who failed for a passing reason, and the text that each of them was to get, both as Sinch has them.

So texts can be sent again without the table of people, and without anything that was kept since.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple

from sinch_provider.sms import endpoints
from sinch_provider.sms.campaign.audience import Audience, Counts, Person
from sinch_provider.sms.campaign.budget import counted, together
from sinch_provider.sms.campaign.countries import country_of
from sinch_provider.sms.campaign.layout import DEFAULT, Layout
from sinch_provider.sms.campaign.reached import SentBatch
from sinch_provider.sms.campaign.results import AT_ONCE, Results, Tally
from sinch_provider.sms.campaign.spool import Block, Spool
from sinch_provider.sms.delivery.kinds import TEMPORARY, Kind
from sinch_provider.sms.errors import Fault, SinchUnsettledError, SinchValidationError
from sinch_provider.sms.fields.encoding import Personal
from sinch_provider.sms.models import Batch
from sinch_provider.sms.runtime import utcnow
from sinch_provider.sms.sending.listing import LISTED_FOR, list_by_reference
from sinch_provider.sms.wire.call import Together

log = logging.getLogger(__name__)

_PLACEHOLDER: Final = r"\$\{([A-Za-z0-9_.-]+)\}"


class Text(NamedTuple):
    """
    What a batch has besides its people. Those of several batches are sent together if it is the same.

    :param body: The text.
    :param from_: The sender.
    :param most_parts: The most parts; None: no limit.
    :param names: What is filled in and differs from person to person.
    :param constants: What is filled in for everybody.
    """

    body: str
    from_: str | None
    most_parts: int | None
    names: tuple[str, ...]
    constants: tuple[tuple[str, str], ...]

    def __repr__(self) -> str:
        return f"<text of {len(self.body)} characters>"


class FailedAudience(Audience):
    """
    The people of a campaign who failed for a passing reason. Their time zones are those of their numbers.

    :param texts: The different texts of the campaign.
    :param spool: The people. Each has the place of a text.
    :param counts: What was counted.
    :param batches: How many batches the campaign has.
    :param tally: What became of everybody in them.
    """

    def __init__(
        self, texts: Sequence[Text], spool: Spool, counts: Counts, batches: int, tally: Tally
    ) -> None:
        bodies = {str(place): text.body for place, text in enumerate(texts)}
        super().__init__(Layout(bodies=bodies), (), spool, counts)
        self._said = tuple(texts)
        self.batches = batches
        self.tally = tally

    def message(self, people: Sequence[Person]) -> dict[str, Any]:
        """
        Return the fields of one batch, as those had that failed.

        :param people: People of one text.
        """
        text = self._said[int(people[0].language)]
        numbers = [person.number for person in people]
        parameters: dict[str, dict[str, str]] = {name: {DEFAULT: value} for name, value in text.constants}
        columns = zip(*(person.values for person in people), strict=True)
        for name, column in zip(text.names, columns, strict=True):
            parameters[name] = dict(zip(numbers, column, strict=True))
        return {
            "to": numbers,
            "body": text.body,
            **({"from_": text.from_} if text.from_ is not None else {}),
            **({"parameters": parameters} if parameters else {}),
            **({"max_number_of_message_parts": text.most_parts} if text.most_parts is not None else {}),
        }


async def failures_of(
    reference: str, temporary: Collection[int] = TEMPORARY, least: int = 0
) -> FailedAudience:
    """
    Find everybody of a campaign who failed for a passing reason, and what they were to get.

    Nobody is among them whose text is under way, may have arrived, or arrived by another batch.

    :param reference: The client reference of the campaign's batches.
    :param temporary: Codes of failures that may pass.
    :param least: How many batches it has, at least.
    :raises SinchUnsettledError: Sinch's listing is not complete.
    :raises SinchValidationError: The campaign has batches that are not texts.
    """
    batches = await _listed(reference, least)
    results = Results(temporary)
    await results.read(batches)
    failed = results.of(Kind.TEMPORARY)
    collected = _Collected()
    try:
        left = iter(failed)
        while wave := list(islice(left, AT_ONCE)):
            for batch in await Together([_read(batch_id) for batch_id in wave]):
                collected.add(batch, failed[batch.id])
    except BaseException:
        collected.spool.close()
        raise
    return FailedAudience(
        list(collected.texts), collected.spool, collected.counts, len(batches), results.tally()
    )


async def _listed(reference: str, least: int) -> list[SentBatch]:
    batches: list[SentBatch] = []
    nameless = 0
    since = utcnow() - LISTED_FOR

    def read(batch: Batch) -> None:
        nonlocal nameless
        if batch.client_reference is None:
            # It may be of this campaign, and have reached somebody who had failed before.
            nameless += 1
        else:
            batches.append(SentBatch.of(batch, since))

    # Whoever has a listed batch has no later one that is not listed any more.
    listing = await list_by_reference(reference, since, read=read)
    if nameless or not listing.complete or len(batches) < least:
        raise SinchUnsettledError(
            f"Sinch lists {len(batches)} batches of the campaign, and it may have more, so it is unknown who "
            "failed",
            operation="send",
            advice=f"A retry asks again. Sinch lists batches for {LISTED_FOR.days} days.",
        )
    return batches


async def _read(batch_id: str) -> Batch:
    return await endpoints.get(batch_id)


class _Collected:
    """Failed people of one batch after the other, on the disk."""

    def __init__(self) -> None:
        self.texts: dict[Text, int] = {}
        self.spool = Spool()
        self.counts = Counts()

    def add(self, batch: Batch, failed: list[str]) -> None:
        text, parameters = _text_of(batch)
        read = [_reader(parameters[name]) for name in text.names]
        people = [
            (number, values) for number in failed if None not in (values := [get(number) for get in read])
        ]
        if len(people) < len(failed):
            log.warning("%d people lack a value in their text, and are left out.", len(failed) - len(people))
        if not people:
            return
        numbers = [number for number, _ in people]
        columns: list[list[str]] = [
            list(column) for column in zip(*(values for _, values in people), strict=True)
        ]
        measured = Personal(text.body, text.names, dict(text.constants)).parts(columns, len(numbers))
        parts = [each.number for each in measured]
        place = self.texts.setdefault(text, len(self.texts))
        self.spool.write(Block(numbers, None, None, [place] * len(numbers), parts, columns))
        counts = self.counts
        counts.rows += len(numbers)
        counts.people += len(numbers)
        counts.parts.update(measured)
        shares = zip(map(country_of, numbers), parts, strict=True)
        counts.totals = together((counts.totals, counted(shares)))


def _text_of(batch: Batch) -> tuple[Text, Mapping[str, Mapping[str, str]]]:
    if not isinstance(batch.body, str) or batch.type_ != "mt_text":
        rule = "has batches that are not texts, and these cannot be sent again"
        raise SinchValidationError([Fault("campaign", rule)], "send")
    used = dict.fromkeys(re.findall(_PLACEHOLDER, batch.body))
    parameters = {
        name: column
        for name, column in (batch.parameters or {}).items()
        if name in used and isinstance(column, Mapping)
    }
    names = tuple(name for name, column in parameters.items() if column.keys() - {DEFAULT})
    constants = tuple(
        (name, column[DEFAULT]) for name, column in parameters.items() if column and name not in names
    )
    text = Text(batch.body, batch.from_, batch.max_number_of_message_parts, names, constants)
    return text, parameters


def _reader(column: Mapping[str, str]) -> Callable[[str], Any]:
    """Return what gives somebody's value; None: there is none."""
    default = column.get(DEFAULT)
    return lambda number: column.get(number, column.get(f"+{number}", default))
