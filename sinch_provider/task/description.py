"""What the log says about a message before it is sent, and the most SMS parts that it may have."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from sinch_provider.sms.errors import Fault
from sinch_provider.sms.fields import encoding
from sinch_provider.sms.fields.recipients import is_group_id
from sinch_provider.sms.masking import mask_text

log = logging.getLogger(__name__)

_NAMES: Final = {encoding.GSM: "GSM 03.38", encoding.UNICODE: "unicode"}
_WITHOUT: Final = "without Sinch's auto-encoding"
#: The most characters that a log line names.
_NAMED: Final = 5


def describe(body: Mapping[str, Any], default_sender: str | None) -> Counter[encoding.Parts]:
    """
    Log sender, times, parts and encoding of a message.

    :param body: The checked request.
    :param default_sender: The connection's sender.
    :returns: How many recipients get a text in how many parts.
    """
    sender = body.get("from") or default_sender
    log.info(
        "Message to %d recipients from %s, leaves %s, expires %s.",
        len(body["to"]),
        "the service plan's default sender" if sender is None else mask_text(sender),
        body.get("send_at", "at once"),
        body.get("expire_at", "after three days"),
    )
    counts = encoding.count_parts(body)
    if counts:
        kinds = [
            f"{parts.number} in {_NAMES.get(parts.encoding, parts.encoding)} for {number}"
            for parts, number in sorted(counts.items())
        ]
        log.info("%d SMS parts, %s: %s.", total_of(counts), _WITHOUT, ", ".join(kinds))
    if odd := encoding.odd_characters(body):
        _name(odd)
    if people := encoding.count_odd_values(body):
        log.info(
            "Values of parameters make texts unicode, with fewer characters in a part, for %d recipients.",
            people,
        )
    return counts


def _name(odd: Mapping[str, str | None]) -> None:
    # The numerals of a text can be a code that only its recipient may know.
    replaced = [
        (character, plain)
        for character, plain in odd.items()
        if plain is not None and not encoding.is_numeral(character)
    ]
    shown = [f"{encoding.name_of(character)} ({_advice(plain)})" for character, plain in replaced[:_NAMED]]
    if others := len(odd) - len(shown):
        shown.append(f"{others} others")
    log.info("Characters outside GSM 03.38 make texts unicode, with fewer in a part: %s.", ", ".join(shown))


def _advice(plain: str) -> str:
    if not plain:
        return "leave it out"
    return "write a space" if plain.isspace() else f"write {plain}"


def total_of(counts: Counter[encoding.Parts]) -> int:
    """Return the number of parts for all recipients."""
    return sum(parts.number * number for parts, number in counts.items())


def limit_faults(body: Mapping[str, Any], counts: Counter[encoding.Parts], limit: int | None) -> list[Fault]:
    """
    Return the fault of a message that has more parts than it may have, or whose parts are not known.

    :param body: The checked request.
    :param counts: As :func:`describe` returns them.
    :param limit: The most parts for all recipients. None: no limit.
    """
    if limit is None:
        return []
    name = "max_total_parts"
    if body.get("type") == "mt_media":
        return [Fault(name, "does not apply to mt_media")]
    if any(map(is_group_id, body["to"])):
        return [Fault(name, "cannot be checked for a group, whose members are not known")]
    total = total_of(counts)
    if total <= limit:
        return []
    return [Fault(name, f"allows {limit} SMS parts, and this message has {total}, counted {_WITHOUT}")]
