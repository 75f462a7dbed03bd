"""
What became of a message, in one word: whether it arrived, and if not, whether to send it again.

Sources: Sinch's "SMPP error codes", and the list of the codes of 10DLC in the US. Operators may number
otherwise, so the table of temporary codes can be replaced.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Final

from sinch_provider.sms.delivery.codes import CANCELLED_BY_USER, FINAL, canonical_status


class Kind(StrEnum):
    """
    What became of a message.

    For the results of a person with several messages, the first kind in this order counts.
    """

    #: It is on the phone.
    DELIVERED = "delivered"
    #: It is under way.
    PENDING = "pending"
    #: It may have arrived: no receipt came that can be read.
    UNKNOWN = "unknown"
    #: It failed for a passing reason, so it may be sent again.
    TEMPORARY = "temporary"
    #: It failed because of something that a person has to correct first: text, sender, credit, expiry.
    FIXABLE = "fixable"
    #: It failed, and sending it again would fail too, or is not wanted.
    PERMANENT = "permanent"
    #: It was cancelled before it left.
    CANCELLED = "cancelled"


#: Codes of failures that may pass. Of Sinch itself: 404; 417 is a phone out of reach of a media message.
#: 0 stands for a failure without a reason.
TEMPORARY: Final = frozenset(
    {
        *{0, 4, 14, 18, 40, 50, 51, 52, 56, 70, 71, 73, 74, 75, 76, 101, 102, 106, 107, 109, 111, 112, 114},
        *{153, 155, 158, 159, 161, 162, 164, 200, 201, 202, 203, 207, 210, 211, 212, 214, 215, 217},
        *{322, 350, 360, 361, 362, 370, 399, 404, 417},
    }
)
#: A value is missing, an expiry was too short, no sender fits, the text is too long, no credit is left.
FIXABLE: Final = frozenset({405, 406, 410, 411, 413, 414})

#: Codes that say something about the campaign, not about a recipient: the sender's campaign is not active
#: (60), a spam filter (62), a sending limit (64), no credit (413). From Sinch's list of 10DLC errors. What to
#: do about each.
_STOPS: Final[Mapping[int, str]] = {
    60: "The campaign is not active at the operators, or a spam filter refuses it. Check the registration of "
    "the sender, and the text.",
    62: "Sinch's spam filter refuses the text. Change the text, or ask Sinch.",
    64: "The sender's limit is reached, mostly that of a day. Wait until it is renewed, or ask for more.",
    413: "The account is blocked or out of credit. Add credit, or ask Sinch.",
}
#: Codes on which a campaign stops.
STOPS: Final = frozenset(_STOPS)


def kind_of(status: str, code: int | None, temporary: Collection[int] = TEMPORARY) -> Kind:
    """
    Return what became of a message. The status counts before the code.

    :param status: As Sinch reports it. One that nobody knows counts as not final.
    :param code: The code beside it; None: there is none.
    :param temporary: Codes of failures that may pass.
    """
    status = canonical_status(status)
    if code == CANCELLED_BY_USER or status == "Cancelled":
        return Kind.CANCELLED
    if status not in FINAL:
        return Kind.PENDING
    if status == "Delivered":
        return Kind.DELIVERED
    if status == "Unknown":
        return Kind.UNKNOWN
    if status == "Deleted":
        # Whoever has opted out may be among them.
        return Kind.PERMANENT
    if code in temporary:
        return Kind.TEMPORARY
    # Also 403, an error inside Sinch: nothing says that a repeat is wanted.
    return Kind.FIXABLE if code in FIXABLE else Kind.PERMANENT


def advice_for(code: int) -> str | None:
    """Return what to do about a code on which a campaign stops; None for all other codes."""
    return _STOPS.get(code)
