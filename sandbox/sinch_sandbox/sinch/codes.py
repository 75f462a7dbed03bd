"""The meanings of delivery report codes, in a few words."""

from __future__ import annotations

_MEANINGS = {
    0: "no error",
    60: "screened or blocked by the operator",
    150: "unknown subscriber, permanent",
    151: "barred subscriber, permanent",
    152: "subscription without SMS, permanent",
    153: "absent subscriber",
    158: "memory of the phone full",
    159: "subscriber unreachable",
    201: "absent subscriber",
    202: "absent subscriber",
    360: "queue full, temporary",
    370: "other error at the operator",
    399: "unknown error at the operator",
    400: "waiting inside Sinch",
    401: "handed to the operator, no receipt yet",
    402: "unroutable",
    403: "internal error",
    404: "temporary delivery failure",
    405: "no parameter value for this recipient, and no default",
    406: "expired before it could leave",
    407: "cancelled before it could leave",
    408: "internal reject by the SMSC",
    410: "no matching default originator",
    411: "more parts than allowed",
    412: "account not provisioned for the region",
    413: "account blocked or out of credit",
    414: "bad media URL",
    415: "rejected by the network after the MMSC took it",
    416: "MMS not supported",
    417: "MMS destination unreachable",
    418: "phone does not recognise the media",
}
KNOWN_CODES = frozenset(_MEANINGS)
"""The codes that have a meaning of their own."""
_OPERATOR_RANGES = (
    (range(1, 15), "routing error at the operator"),
    (range(15, 17), "screened or blocked by the operator"),
    (range(60, 68), "screened or blocked by the operator"),
    (range(70, 78), "error between Sinch and the operator"),
    (range(100, 115), "error of the SMSC"),
    (range(150, 165), "error of the subscriber register"),
    (range(200, 218), "error of the mobile switching centre"),
    (range(250, 258), "screened or blocked by the operator"),
    (range(300, 305), "invalid destination"),
    (range(310, 313), "invalid source"),
    (range(330, 351), "invalid parameters"),
)


def meaning(code: int) -> str:
    """A few words; codes below 400 are the operators' own."""
    if code in _MEANINGS:
        return _MEANINGS[code]
    for codes, words in _OPERATOR_RANGES:
        if code in codes:
            return words
    return "error of the operator" if code < 400 else "unknown code"
