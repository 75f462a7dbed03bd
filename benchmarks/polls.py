"""How often a wait asks Sinch about a batch, and how late it learns of the delivery, on a simulated clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Final

import pendulum
from figures import Figure, Plot, Ratio, Result, main

from sinch_provider.sms.delivery.progress import Progress
from sinch_provider.sms.delivery.wait import look_at_all, wait
from sinch_provider.sms.models import Batch, BatchDeliveryReport
from sinch_provider.sms.runtime import current, using
from sinch_provider.sms.wire.call import Call, Pause, Procedure, Together

ID: Final = "01J8ZC4M7T2Q9KX5RVBW3NHYDP"
START: Final = pendulum.datetime(2026, 1, 1)
#: Seconds between looks: the default, and what the peer always uses.
INTERVAL: Final = 10.0
#: For each delivery, how long it takes, and how many batches are waited for in a round.
DELIVERIES: Final = {
    "1 s": (timedelta(seconds=1), 50),
    "1 min": (timedelta(minutes=1), 50),
    "1 h": (timedelta(hours=1), 10),
    "1 day": (timedelta(days=1), 2),
}


class Sinch:
    """
    A batch that is delivered at some moment, on a clock that only pauses move.

    :param delivery: Seconds until its message is delivered.
    """

    def __init__(self, delivery: float) -> None:
        self._delivery = delivery
        self.now = 0.0
        self.calls = 0

    def time(self) -> pendulum.DateTime:
        return START.add(seconds=self.now)

    def follow(self, procedure: Procedure[object]) -> None:
        with using(replace(current(), now=self.time)):
            self._follow(procedure)

    def _follow(self, procedure: Procedure[object]) -> object:
        result: object = None
        try:
            while True:
                step = procedure.send(result)
                if isinstance(step, Pause):
                    self.now += step.seconds
                    result = None
                elif isinstance(step, Together):
                    result = [self._follow(each) for each in step.procedures]
                else:
                    result = self._answer(step)
        except StopIteration as stop:
            return stop.value

    def _answer(self, call: Call[object]) -> object:
        self.calls += 1
        if call.operation == "get":
            return Batch.from_json({"id": ID, "to": ["999000000001"], "created_at": START.isoformat()})
        delivered = self.now >= self._delivery
        status = {"status": "Delivered" if delivered else "Dispatched", "code": 0 if delivered else 401}
        return BatchDeliveryReport.from_json(
            {"batch_id": ID, "total_message_count": 1, "statuses": [{**status, "count": 1}]}
        )


async def fixed(progress: list[Progress], interval: float) -> None:
    """Wait as most providers do: a look, then always the same pause."""
    while not all(entry.over for entry in progress):
        progress = await look_at_all(progress)
        await Pause(interval)


def play(make: Callable[[list[Progress], float], Procedure[object]], delivery: float) -> tuple[int, float]:
    """The calls of one wait, and how many seconds after the delivery it ends."""
    sinch = Sinch(delivery)
    sinch.follow(make([Progress(ID)], INTERVAL))
    ended = sinch.now - (INTERVAL if make is fixed else 0.0)
    return sinch.calls, ended - delivery


def measure(rounds: int) -> Result:
    figures: list[Figure] = []
    ratios: list[Ratio] = []
    for name, (delivery, batches) in DELIVERIES.items():
        for way, make in (("growing", wait), ("fixed", fixed)):
            calls, late = [], []
            for _ in range(rounds):
                # Deliveries do not keep to the rhythm of looks.
                seconds = delivery.total_seconds()
                spread = min(seconds, INTERVAL)
                found = [play(make, seconds + (part + 0.5) * spread / batches) for part in range(batches)]
                calls.append(sum(count for count, _ in found) / batches)
                late.append(sum(delay for _, delay in found) / batches)
            key = name.replace(" ", "")
            figures.append(
                Figure(f"polls.{way}.{key}", f"calls until the event, delivery in {name}, {way}", "", calls)
            )
            figures.append(
                Figure(f"polls.{way}.{key}.late", f"added delay, delivery in {name}, {way}", "s", late)
            )
        ratios.append(
            Ratio(
                f"polls.{key}/fixed",
                f"calls, delivery in {name}, growing to fixed pauses",
                f"polls.growing.{key}",
                f"polls.fixed.{key}",
            )
        )
        ratios.append(
            Ratio(
                f"polls.{key}.late/fixed",
                f"added delay, delivery in {name}, growing to fixed pauses",
                f"polls.growing.{key}.late",
                f"polls.fixed.{key}.late",
            )
        )
    keys = [name.replace(" ", "") for name in DELIVERIES]
    return Result(
        name="polls",
        title="Calls per batch, and added delay",
        floor="Two calls: one that reads the batch, and one that reads its final report.",
        figures=figures,
        ratios=ratios,
        plots=[
            Plot(
                "polls-delay",
                "Seconds from the final status to the event",
                bars=[f"polls.{way}.{key}.late" for key in keys for way in ("growing", "fixed")],
            )
        ],
        notes=[
            f"Fixed: a look, then a pause of {INTERVAL:g} s. Growing: pauses as long as the batch has been "
            f"under way, from 1 s to {INTERVAL:g} s.",
            "Deliveries are spread over 10 s, those of 1 s over 1 s. Both ways have the same first look.",
        ],
    )


if __name__ == "__main__":
    main(measure)
