"""``SendWindow``: the time of day at which people may be texted, where they are."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sinch_provider.sms.errors import Fault

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
#: The choice of ``unknown`` that texts nobody whose time zone is not known.
REFUSE: Final = "refuse"
_MIDNIGHT: Final = "24:00"
#: Days to look ahead. A window opens once a week at least.
_AHEAD: Final = 9


class Opening(NamedTuple):
    """
    A time in which somebody may be texted.

    :param start: The first moment.
    :param end: The first moment after it.
    """

    start: datetime
    end: datetime


@dataclass(frozen=True)
class SendWindow:
    """
    The hours in which recipients may be texted, in their own time.

    A recipient's time zone is that of the column ``time_zone_column``, else those of the number's region:
    then the window has to be open in all of them.

    :param opens: The first minute, such as ``"09:00"``.
    :param closes: The minute at which it ends, such as ``"20:00"``; at the latest ``"24:00"``.
    :param days: The days on which it opens: names of three letters. By default all days.
    :param unknown: What to do with people whose time zone is not known, or whose number's zones have no hour
        in common: ``"refuse"``, or the name of a time zone that counts for them.
    """

    opens: str
    closes: str
    days: Sequence[str] = DAYS
    unknown: str = REFUSE

    def faults(self, field: str) -> list[Fault]:
        """Return what is wrong with it."""
        faults = []
        start, end = _minutes(self.opens), _minutes(self.closes)
        for name, value, found in (("opens", self.opens, start), ("closes", self.closes, end)):
            if found is None:
                faults.append(Fault(f"{field}.{name}", 'must be a time such as "09:00"', repr(value)))
        if start is not None and end is not None and start >= end:
            faults.append(
                Fault(f"{field}.closes", "must be later than opens", f"{self.opens} to {self.closes}")
            )
        if isinstance(self.days, str) or not self.days or not set(self.days) <= set(DAYS):
            faults.append(Fault(f"{field}.days", f"must name days: {', '.join(DAYS)}", repr(self.days)))
        if self.unknown != REFUSE and not is_zone(self.unknown):
            rule = f'must be "{REFUSE}" or the name of a time zone'
            faults.append(Fault(f"{field}.unknown", rule, repr(self.unknown)))
        return faults

    def opening(
        self, zones: Collection[str], now: datetime, shortest: timedelta = timedelta(0)
    ) -> Opening | None:
        """
        Return when people in some zones may be texted: the opening that is now, or the next one.

        :param zones: All zones that they may be in. None: those are unknown.
        :param now: In UTC. An opening that has begun starts now.
        :param shortest: An opening that is not longer does not count.
        :returns: None if the zones have no opening in common.
        """
        common = self._common(zones, now, shortest) if zones else None
        if common is None and self.unknown != REFUSE:
            common = self._common((self.unknown,), now, shortest)
        return common

    def _common(self, zones: Iterable[str], now: datetime, shortest: timedelta) -> Opening | None:
        each = [self._openings(ZoneInfo(name), now) for name in zones]
        common = each[0]
        for others in each[1:]:
            common = [
                Opening(max(one.start, other.start), min(one.end, other.end))
                for one in common
                for other in others
                if max(one.start, other.start) < min(one.end, other.end)
            ]
        left = (Opening(max(each.start, now), each.end) for each in common)
        return min((each for each in left if each.end - each.start > shortest), default=None)

    def _openings(self, zone: ZoneInfo, now: datetime) -> list[Opening]:
        """All openings in one zone that end after now, for the next days."""
        today = now.astimezone(zone).date()
        days = (today + timedelta(days=each) for each in range(-1, _AHEAD))
        openings = [
            Opening(max(_moments(day, self.opens, zone)), min(_moments(day, self.closes, zone)))
            for day in days
            if DAYS[day.weekday()] in self.days
        ]
        return [each for each in openings if now < each.end and each.start < each.end]


def is_zone(name: object) -> bool:
    """Whether it is the name of a time zone."""
    if not isinstance(name, str) or not name:
        return False
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _minutes(text: object) -> int | None:
    """Minutes since midnight; None if it is not a time of day."""
    if not isinstance(text, str) or len(text) != len(_MIDNIGHT):
        return None
    if text == _MIDNIGHT:
        return 24 * 60
    try:
        found = time.fromisoformat(text)
    except ValueError:
        return None
    return found.hour * 60 + found.minute


def _moments(day: date, text: str, zone: ZoneInfo) -> list[datetime]:
    """
    The moments in UTC that a time of day may mean: two of them where the clock is changed.

    Of these, an opening begins at the later one and ends at the earlier one, so it never reaches into the
    night.
    """
    if text == _MIDNIGHT:
        day, text = day + timedelta(days=1), "00:00"
    local = datetime.combine(day, time.fromisoformat(text), zone)
    return [local.replace(fold=fold).astimezone(UTC) for fold in (0, 1)]
