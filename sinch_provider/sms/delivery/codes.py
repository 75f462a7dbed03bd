"""
Statuses and codes of messages in delivery reports.

Only the status says whether a message was delivered: operators also send code 0 with other statuses.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sinch_provider.sms.masking import mask_text

INTERMEDIATE: Final = frozenset({"Queued", "Dispatched"})
FAILED: Final = frozenset({"Aborted", "Rejected", "Failed", "Expired", "Deleted", "Cancelled"})
FINAL: Final = FAILED | {"Delivered", "Unknown"}
_CANONICAL: Final = {status.lower(): status for status in FINAL | INTERMEDIATE} | {"canceled": "Cancelled"}

CANCELLED_BY_USER: Final = 407
#: The most characters of an unknown status.
_SHOWN: Final = 40

_MEANINGS: Final[Mapping[int, str]] = {
    0: "no error",
    400: "queued",
    401: "dispatched",
    402: "unroutable: refused by the message centre",
    403: "internal error at Sinch",
    404: "temporary delivery failure",
    405: "no parameter value for this recipient and no default",
    406: "expired before it reached the message centre",
    407: "cancelled before it reached the message centre",
    408: "rejected by the message centre",
    410: "no default sender matches this recipient",
    411: "more parts than max_number_of_message_parts",
    412: "account not provisioned for this destination",
    413: "account blocked or out of credit",
    414: "media URL unusable",
    415: "media rejected by the network",
    416: "media messages not supported",
    417: "destination of media message unreachable",
    418: "media not recognised by the handset",
    150: "unknown subscriber",
    153: "absent subscriber",
    158: "handset memory full",
    159: "handset unreachable",
    201: "absent subscriber",
    202: "absent subscriber",
    360: "operator's queue full",
    399: "unknown error",
}

# First and last code of the ranges that operators pass through.
_RANGES: Final = (
    ((1, 14), "routing error"),
    ((15, 16), "blocked by screening"),
    ((17, 17), "routing error"),
    ((18, 18), "error between operators"),
    ((19, 19), "blocked by screening"),
    ((40, 40), "internal error of the operator"),
    ((50, 56), "internal error of the operator"),
    ((60, 67), "blocked by screening"),
    ((70, 77), "error between operators"),
    ((100, 114), "error of the message centre"),
    ((150, 164), "subscriber lookup failed"),
    ((200, 217), "switching centre failed"),
    ((250, 257), "blocked by screening"),
    ((300, 304), "invalid destination"),
    ((310, 312), "invalid sender"),
    ((320, 322), "error between operators"),
    ((330, 350), "invalid parameter"),
    ((361, 362), "error outside Sinch"),
    ((370, 370), "other error"),
)


def canonical_status(status: str) -> str:
    """Return a status as Sinch documents it, in any casing. Unknown ones are masked and shortened."""
    return _CANONICAL.get(status.lower()) or mask_text(status)[:_SHOWN]


def meaning(code: int) -> str:
    """Return the meaning of a delivery code."""
    if code in _MEANINGS:
        return _MEANINGS[code]
    return next((text for (low, high), text in _RANGES if low <= code <= high), "unknown code")
