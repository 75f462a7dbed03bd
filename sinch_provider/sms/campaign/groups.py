"""Who is in a group of Sinch's: a campaign can leave its members out."""

from __future__ import annotations

from typing import Any, Final

from sinch_provider.sms.errors import MalformedAnswerError, SinchNotFoundError, SinchNotSentError
from sinch_provider.sms.wire.call import Call

_ADVICE: Final = "Nobody is texted before it is known whom to leave out. Correct the id, or remove it."


async def members_of(group_id: str) -> list[str]:
    """
    Return the numbers of a group. Sinch counts the members of its child groups among them.

    :param group_id: 26 letters and digits.
    :raises SinchNotSentError: Sinch knows no such group.
    """
    call: Call[list[str]] = Call("group_members", "GET", f"/groups/{group_id}/members", _numbers)
    try:
        return await call
    except SinchNotFoundError:
        pass
    raise SinchNotSentError(
        f"The group {group_id} is to be left out, and Sinch does not know it",
        operation="send",
        advice=_ADVICE,
    )


def _numbers(answer: Any) -> list[str]:
    if not isinstance(answer, list) or not all(isinstance(each, str) for each in answer):
        raise MalformedAnswerError("it is not a list of numbers")
    # Sinch writes them without a plus, and a default country must not make others of them.
    return [f"+{each.removeprefix('+')}" for each in answer]
