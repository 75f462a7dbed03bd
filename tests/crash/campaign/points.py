"""The points that only a campaign passes, and the patches for them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from typing import Any
from unittest import mock

from sinch_provider.sms.campaign import entry, reached
from sinch_provider.sms.campaign.campaign import Campaign
from sinch_provider.sms.campaign.cut import messages_for
from sinch_provider.sms.campaign.journal import CampaignJournal
from sinch_provider.sms.campaign.sending import Sending
from sinch_provider.sms.sending import listing
from sinch_provider.sms.wire import following
from sinch_provider.task.plans import Plan
from tests.crash import points
from tests.crash.actors import current, point
from tests.crash.campaign import strands

#: In the order in which an entry passes them; those from "before intent" to "noted" once for each
#: batch.
TASK_POINTS = (
    "started",
    "before journal read",
    "after journal read",
    "found",
    "reading exclusions",
    "before intent",
    "after intent",
    "leaving",
    "mid-request",
    "accepted, reply not sent",
    "reply sent, not read",
    "read, not journalled",
    "noted",
    "before close",
    "closed",
    "before XCom",
    "after XCom",
)
#: Passed only with a plan.
PLAN_POINTS = ("plan not kept yet", "plan kept", "plan not removed yet", "plan removed")
#: Passed only after other trouble.
OTHER_POINTS = (*PLAN_POINTS, "looking", "looked", "waiting", "deferred", "between attempts", "finished")

_read = CampaignJournal.read
_close = CampaignJournal.close
_find = Campaign._find
_look = reached._look
_post = Sending._post
_write = Plan.write
_remove = Plan.remove
_A_FEW = 4


def _reading(self: Any) -> Any:
    point("before journal read")
    found = _read(self)
    point("after journal read")
    return found


def _closing(self: Any) -> None:
    actor: Any = current()
    if actor is None:
        _close(self)
        return
    if actor.dead:
        # A killed process closes nothing.
        return
    point("before close")
    state = getattr(actor, "state", None)
    if state is not None:
        state.closing = True
    try:
        _close(self)
    finally:
        if state is not None:
            state.closing = False


def _keeping(self: Any, *args: Any) -> Any:
    point("plan not kept yet")
    seal = _write(self, *args)
    point("plan kept")
    return seal


def _removing(self: Any) -> None:
    point("plan not removed yet")
    _remove(self)
    point("plan removed")


async def _finding(self: Any, *args: Any) -> Any:
    found = await _find(self, *args)
    point("found")
    return found


async def _looking(*args: Any) -> Any:
    found = await _look(*args)
    point("looked")
    return found


async def _sending(self: Any, message: Any) -> Any:
    strands.begin(message["to"])
    outcome = await _post(self, message)
    actor: Any = current()
    if actor is not None and isinstance(outcome, str):
        actor.entry.accepted += len(message["to"])
    point("noted")
    return outcome


def _cut(audience: Any, choose: Any, most: int, still: Any) -> Iterator[Any]:
    """Cut small batches, and note whom each is for when it is made."""
    actor: Any = current()

    def made(make: Any) -> Any:
        message = make()
        if message is not None:
            actor.world.note_cut(actor.entry, message["to"])
        return message

    for make in messages_for(audience, choose, actor.world.schedule.most, still):
        yield partial(made, make)


@contextmanager
def instrumented() -> Iterator[None]:
    """Make the real code pass the points, with the time and chance of the model."""
    patches: list[AbstractContextManager[Any]] = [
        mock.patch.object(CampaignJournal, "read", _reading),
        mock.patch.object(CampaignJournal, "close", _closing),
        mock.patch.object(Campaign, "_find", _finding),
        mock.patch.object(reached, "_look", _looking),
        mock.patch.object(Plan, "write", _keeping),
        mock.patch.object(Plan, "remove", _removing),
        mock.patch.object(Sending, "_post", _sending),
        mock.patch.object(entry, "messages_for", _cut),
        mock.patch.object(following, "_together", strands.together),
        mock.patch.object(listing, "_PAGE_SIZE", _A_FEW),
    ]
    with ExitStack() as stack:
        stack.enter_context(points.instrumented())
        for each in patches:
            stack.enter_context(each)
        yield
