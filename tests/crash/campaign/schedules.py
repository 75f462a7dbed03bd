"""Schedules of a campaign."""

from __future__ import annotations

from dataclasses import dataclass

from tests.crash.schedules import Schedule


@dataclass(frozen=True)
class CampaignSchedule(Schedule):
    """
    All settings and events of a run with one campaign.

    :param people: How many are in the audience at first.
    :param most: The most people of a batch.
    :param in_flight: How many requests are on their way at once.
    :param doubles: How many rows more have the number of an earlier one.
    :param languages: How many texts there are, 1 or 2.
    :param rate: People a second.
    :param excluded: How many people are excluded at first, from the end of the audience.
    :param canary: How many people get the text first.
    :param window: When it opens and closes. The run begins at 09:00, wherever people are.
    :param cap: The most people.
    :param plan: Whether a plan keeps the checked people between attempts.
    :param dispatch: Seconds that texts wait at Sinch before they leave, and can be cancelled.
    """

    people: int = 9
    most: int = 3
    in_flight: int = 1
    doubles: int = 0
    languages: int = 1
    rate: float | None = None
    excluded: int = 0
    dispatch: int = 1
    canary: int = 0
    window: tuple[str, str] | None = None
    cap: int | None = None
    plan: bool = False
