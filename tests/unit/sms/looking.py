"""Batches, reports, and a driver that feeds them to the procedures of ``sms/delivery``."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pendulum

from sinch_provider.sms.delivery.outcome import Summary
from sinch_provider.sms.delivery.progress import Progress
from sinch_provider.sms.delivery.wait import look, wait
from sinch_provider.sms.errors import SinchError
from sinch_provider.sms.models import Batch, BatchDeliveryReport
from sinch_provider.sms.runtime import current, using
from sinch_provider.sms.wire.call import Pause, Procedure, Together

ID = "01J8ZC4M7T2Q9KX5RVBW3NHYDP"
OTHER = "01J8ZC4M7T2Q9KX5RVBW3NHYDQ"
START = pendulum.datetime(2024, 11, 12, 10)


def batch(id_: str = ID, *, to: int = 2, groups: int = 0, **fields: Any) -> Batch:
    recipients = [f"9990000{index:04}" for index in range(to)]
    recipients += [f"01GR0{index:021}" for index in range(groups)]
    return Batch.from_json({"id": id_, "to": recipients, "created_at": START.isoformat(), **fields})


def report(*entries: tuple[str, int, int], total: int | None = None, id_: str = ID) -> BatchDeliveryReport:
    statuses = [{"status": status, "code": code, "count": count} for status, code, count in entries]
    total = sum(count for _, _, count in entries) if total is None else total
    return BatchDeliveryReport.from_json(
        {"batch_id": id_, "total_message_count": total, "statuses": statuses}
    )


EMPTY = report()
QUEUED = report(("Queued", 400, 2))
DELIVERED = report(("Delivered", 0, 2))


class Driver:
    """
    Follows procedures with answers from a list.

    Pauses move its clock and take no time, and none is random. An answer must be of the type that the call
    expects.

    :param call_takes: Seconds by which every call moves the clock.
    """

    def __init__(self, *answers: Batch | BatchDeliveryReport | SinchError, call_takes: float = 0) -> None:
        self.answers = list(answers)
        self.call_takes = call_takes
        self.now = START
        self.calls: list[str] = []
        self.pauses: list[float] = []

    def follow(self, procedure: Procedure[Any]) -> Any:
        with using(replace(current(), now=lambda: self.now, uniform=lambda low, high: low)):
            result = self._follow(procedure)
        assert not self.answers, "some answers were not used"
        return result

    def _follow(self, steps: Procedure[Any]) -> Any:
        try:
            step = steps.send(None)
            while True:
                if isinstance(step, Pause):
                    self.pauses.append(step.seconds)
                    self.now = self.now.add(seconds=step.seconds)
                    step = steps.send(None)
                    continue
                if isinstance(step, Together):
                    try:
                        found = [self._follow(each) for each in step.procedures]
                    except SinchError as error:
                        for each in step.procedures:
                            each.close()
                        step = steps.throw(error)
                    else:
                        step = steps.send(found)
                    continue
                assert step.may_lag is (step.operation == "get"), "a batch may take a moment to be found"
                self.calls.append(step.operation)
                self.now = self.now.add(seconds=self.call_takes)
                answer = self.answers.pop(0)
                if isinstance(answer, SinchError):
                    step = steps.throw(answer)
                else:
                    wanted = Batch if step.operation == "get" else BatchDeliveryReport
                    assert isinstance(answer, wanted), step
                    step = steps.send(answer)
        except StopIteration as stop:
            return stop.value

    def look(self, before: Progress | None = None) -> Progress:
        progress: Progress = self.follow(look(before or Progress(ID)))
        return progress

    def wait(self, *progress: Progress, poll_interval: float = 10) -> Summary:
        summary: Summary = self.follow(wait(progress or (Progress(ID),), poll_interval))
        return summary
