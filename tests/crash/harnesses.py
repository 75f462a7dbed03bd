"""What a harness plays: sends, or campaigns. Both have the same parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.crash.mutations import Mutation
    from tests.crash.play import Played
    from tests.crash.schedules import Schedule


@dataclass(frozen=True)
class Harness:
    """
    The parts of a harness. They import Airflow, so they are imported where one is asked for.

    :param schedule: The kind of its schedules.
    :param nemeses: Schedules of trouble without any kill.
    :param schedules: Returns the exhaustive product, with names.
    :param by_chance: Makes the schedule of a seed.
    :param instrumented: Makes the real code pass its points.
    :param play: Plays a schedule with a sandbox.
    :param mutations: Switch off one rule each.
    :param noticed_by: Returns the schedules that are known to notice them.
    """

    schedule: type[Any]
    nemeses: Sequence[Any]
    schedules: Callable[[], Iterator[tuple[str, Any]]]
    by_chance: Callable[[int], Schedule]
    instrumented: Callable[[], AbstractContextManager[None]]
    play: Callable[[Any, Any], Played]
    mutations: Mapping[str, Mutation]
    noticed_by: Callable[[], Mapping[str, Any]]

    def read(self, text: str) -> Schedule:
        """Read a schedule: its JSON, or the seed of a random one."""
        made: Schedule = self.by_chance(int(text)) if text.isdigit() else self.schedule.from_json(text)
        return made


def sends() -> Harness:
    """Return the harness of ``SinchSendBatchOperator``."""
    from tests.crash import chance, exhaustive, mutations, play, points, schedules

    def noticed_by() -> Mapping[str, Any]:
        from tests.crash.test_mutations import NOTICED_BY

        return NOTICED_BY

    return Harness(
        schedules.Schedule,
        [*exhaustive.NEMESES.values(), *exhaustive.MORE_NEMESES.values()],
        exhaustive.schedules,
        chance.schedule,
        points.instrumented,
        play.play,
        mutations.MUTATIONS,
        noticed_by,
    )


def campaigns() -> Harness:
    """Return the harness of ``SinchCampaignOperator``."""
    from tests.crash.campaign import chance, mutations, play, points, product, schedules

    def noticed_by() -> Mapping[str, Any]:
        from tests.crash.campaign.test_mutations import NOTICED_BY

        return NOTICED_BY

    return Harness(
        schedules.CampaignSchedule,
        list(product.NEMESES.values()),
        product.schedules,
        chance.schedule,
        points.instrumented,
        play.play,
        mutations.MUTATIONS,
        noticed_by,
    )


#: By name, as worker processes are told.
HARNESSES = {"sends": sends, "campaigns": campaigns}
