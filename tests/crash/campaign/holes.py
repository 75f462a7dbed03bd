"""The known gaps of a campaign. The harness leaves them out, and ``test_holes.py`` shows each of them."""

from __future__ import annotations

from tests.crash import holes
from tests.crash.campaign.schedules import CampaignSchedule

REPEATED = "a proxy that carries a request twice, and another batch that is listed late"
OLDER = "a journal that somebody has replaced by an older one, and a batch that is listed late"

_LATE = {"listing_lag", "late"}


def hole(schedule: CampaignSchedule) -> str | None:
    """Return the gap that a schedule may hit, or None."""
    late = {each["kind"] for each in schedule.faults} & _LATE
    if late and "proxy repeats" in schedule.acts:
        return REPEATED
    if late and "stale journal" in schedule.acts:
        return OLDER
    if not schedule.has_journal and "stop" in schedule.acts:
        # Wherever it is stopped, it sends on.
        return holes.REPLACED
    return holes.hole(schedule)
