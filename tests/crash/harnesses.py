"""What a harness plays: sends, or campaigns. Both have the same parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.crash.play import Played
    from tests.crash.schedules import Schedule


@dataclass(frozen=True)
class Harness:
    """
    The parts of a harness. They import Airflow, so they are imported where one is asked for.

    :param schedule: The kind of its schedules.
    :param schedules: Returns the exhaustive product, with names.
    :param by_chance: Makes the schedule of a seed.
    :param instrumented: Makes the real code pass its points.
    :param play: Plays a schedule with a sandbox.
    """

    schedule: type[Any]
    schedules: Callable[[], Iterator[tuple[str, Any]]]
    by_chance: Callable[[int], Schedule]
    instrumented: Callable[[], AbstractContextManager[None]]
    play: Callable[[Any, Any], Played]

    def read(self, text: str) -> Schedule:
        """Read a schedule: its JSON, or the seed of a random one."""
        made: Schedule = self.by_chance(int(text)) if text.isdigit() else self.schedule.from_json(text)
        return made


def sends() -> Harness:
    """Return the harness of ``SinchSendBatchOperator``."""
    from tests.crash import chance, exhaustive, play, points, schedules

    return Harness(
        schedules.Schedule, exhaustive.schedules, chance.schedule, points.instrumented, play.play
    )


def campaigns() -> Harness:
    """Return the harness of ``SinchCampaignOperator``."""
    from tests.crash.campaign import chance, play, points, product, schedules

    return Harness(
        schedules.CampaignSchedule, product.schedules, chance.schedule, points.instrumented, play.play
    )


#: By name, as worker processes are told.
HARNESSES = {"sends": sends, "campaigns": campaigns}
