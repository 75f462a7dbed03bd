"""When a batch is over, and how: the decisions, fed by hand with reports and a clock that tests move."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Generator
from typing import Any

import pendulum
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinch_provider.sms.delivery import (
    BLIND_LOOKS,
    FAILED,
    FINAL,
    GRACE,
    INTERMEDIATE,
    OutcomePolicy,
    Progress,
    Schedule,
    State,
    Summary,
    canonical_status,
    counts_of,
    has_finished,
    look,
    look_at_all,
    meaning,
    pause_for,
    progress_of,
    wait,
)
from sinch_provider.sms.errors import SinchAuthError, SinchConnectionError, SinchError, SinchNotFoundError
from sinch_provider.sms.models import Batch, BatchDeliveryReport
from sinch_provider.sms.steps import Pause

ID = "01J8ZC4M7T2Q9KX5RVBW3NHYDP"
OTHER = "01J8ZC4M7T2Q9KX5RVBW3NHYDQ"
START = pendulum.datetime(2024, 11, 12, 10)


def batch(id_: str = ID, *, to: int = 2, **fields: Any) -> Batch:
    recipients = [f"9990000{index:04}" for index in range(to)]
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
    Carries procedures out against answers from a list.

    Pauses move its clock instead of taking time. An answer is given to the call whose operation it is for.
    """

    def __init__(self, *answers: Batch | BatchDeliveryReport | SinchError) -> None:
        self.answers = list(answers)
        self.now = START
        self.calls: list[str] = []
        self.pauses: list[float] = []

    def clock(self) -> pendulum.DateTime:
        return self.now

    def follow(self, steps: Generator[Any, Any, Any]) -> Any:
        try:
            step = next(steps)
            while True:
                if isinstance(step, Pause):
                    self.pauses.append(step.seconds)
                    self.now = self.now.add(seconds=step.seconds)
                    step = steps.send(None)
                    continue
                assert step.may_lag is (step.operation == "get"), "a batch may take a moment to be found"
                self.calls.append(step.operation)
                answer = self.answers.pop(0)
                if isinstance(answer, SinchError):
                    step = steps.throw(answer)
                else:
                    wanted = Batch if step.operation == "get" else BatchDeliveryReport
                    assert isinstance(answer, wanted), step
                    step = steps.send(answer)
        except StopIteration as stop:
            assert not self.answers, "not everything was asked for"
            return stop.value

    def look(self, before: Progress | None = None) -> Progress:
        progress: Progress = self.follow(look(before or Progress(ID), self.clock))
        return progress

    def wait(self, *progress: Progress, poll_interval: float = 10) -> Summary:
        summary: Summary = self.follow(wait(progress or (Progress(ID),), poll_interval, self.clock))
        return summary


# --- statuses and codes


def test_statuses_are_read_in_any_casing() -> None:
    assert canonical_status("DELIVERED") == "Delivered"
    assert canonical_status("canceled") == canonical_status("Cancelled") == "Cancelled"
    assert canonical_status("Teleported") == "Teleported"
    assert FAILED | {"Delivered", "Unknown"} == FINAL
    assert not FINAL & INTERMEDIATE


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (0, "no error"),
        (405, "no parameter value for this recipient and no default"),
        (150, "unknown subscriber"),
        (155, "subscriber lookup failed"),
        (1, "routing error"),
        (15, "blocked by screening"),
        (350, "invalid parameter"),
        (409, "unknown code"),
        (9999, "unknown code"),
    ],
)
def test_codes_have_a_meaning(code: int, text: str) -> None:
    assert meaning(code) == text


def test_407_counts_as_cancelled_under_either_name() -> None:
    entries = report(("Aborted", 407, 1), ("Cancelled", 407, 2), ("CANCELLED", 407, 1), ("Aborted", 402, 1))
    assert counts_of(entries) == {("Cancelled", 407): 4, ("Aborted", 402): 1}


def test_an_unknown_status_is_not_final_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert not has_finished(report(("Delivered", 0, 1), ("Teleported", 0, 1)))
    assert "Delivery status 'Teleported' is not known" in caplog.text


@pytest.mark.parametrize(
    ("entries", "finished"),
    [
        (EMPTY, False),
        (report(total=3), False),
        (QUEUED, False),
        (report(("Delivered", 0, 1), ("Dispatched", 401, 1)), False),
        (report(("Delivered", 0, 1), total=2), False),
        (report(("Delivered", 0, 3), total=2), False),
        (DELIVERED, True),
        # Success is a matter of status: operators send code 0 with others too.
        (report(("Failed", 0, 1), ("Unknown", 0, 1)), True),
        *((report((status, 0, 1)), True) for status in sorted(FINAL)),
        *((report((status.upper(), 0, 1)), True) for status in sorted(FINAL)),
    ],
)
def test_a_batch_has_finished_when_every_message_is_final(
    entries: BatchDeliveryReport, finished: bool
) -> None:
    assert has_finished(entries) is finished


entries_of_reports = st.lists(
    st.tuples(
        st.sampled_from(sorted(FINAL | INTERMEDIATE | {"Teleported"})),
        st.integers(0, 500),
        st.integers(1, 50),
    ),
    max_size=6,
)


@given(entries_of_reports, st.integers(0, 5))
def test_a_batch_has_not_finished_while_a_message_is_missing(
    entries: list[tuple[str, int, int]], missing: int
) -> None:
    total = sum(count for _, _, count in entries)
    finished = has_finished(report(*entries, total=total + missing))
    # Code 407 is final whatever status comes with it.
    all_final = all(status in FINAL or code == 407 for status, code, _ in entries)
    assert finished is (all_final and total > 0 and missing == 0)


# --- looking


def test_a_running_batch_costs_one_call_a_look_after_the_first() -> None:
    driver = Driver(batch(), QUEUED, report(("Delivered", 0, 1), ("Dispatched", 401, 1)), DELIVERED)
    summary = driver.wait()
    assert driver.calls == ["get", "get_delivery_report", "get_delivery_report", "get_delivery_report"]
    assert driver.pauses == [10, 10]
    assert summary.by_status == {"Delivered": 2}
    assert summary.pending == summary.overdue == ()


def test_a_batch_just_sent_need_not_be_read() -> None:
    driver = Driver(DELIVERED)
    progress = driver.look(progress_of(batch(), driver.clock))
    assert driver.calls == ["get_delivery_report"]
    assert progress.state is State.FINISHED
    assert progress.over


@pytest.mark.parametrize("known", [True, False])
def test_nothing_is_asked_before_a_batch_leaves(known: bool) -> None:
    scheduled = batch(send_at=START.add(hours=8).isoformat())
    driver = Driver(DELIVERED) if known else Driver(scheduled, DELIVERED)
    driver.wait(progress_of(scheduled, driver.clock) if known else Progress(ID))
    assert driver.calls == ["get_delivery_report"] if known else ["get", "get_delivery_report"]
    assert driver.pauses == [8 * 3600]


def test_a_look_at_a_scheduled_batch_says_so_without_a_call() -> None:
    driver = Driver()
    progress = driver.look(progress_of(batch(send_at=START.add(hours=8).isoformat()), driver.clock))
    assert progress.state is State.SCHEDULED
    assert not progress.over


def test_a_batch_whose_time_to_leave_is_past_is_running() -> None:
    driver = Driver(batch(send_at=START.subtract(hours=8).isoformat()), QUEUED)
    assert driver.look().state is State.RUNNING


def test_a_batch_cancelled_before_its_time_has_an_empty_report_and_counts_for_everybody() -> None:
    cancelled = batch(send_at=START.add(hours=8).isoformat(), canceled=True)
    driver = Driver(cancelled, EMPTY)
    progress = driver.look()
    assert (progress.state, progress.canceled) == (State.FINISHED, True)
    assert progress.counts == {("Cancelled", 407): 2}
    # Some servers still give the planned count.
    assert Driver(cancelled, report(total=5)).look().counts == {("Cancelled", 407): 5}
    # A group that nobody is in.
    assert Summary.of([Driver(batch(to=0, canceled=True), EMPTY).look()]).counts == {}


def test_a_batch_cancelled_while_it_was_waited_for_is_noticed_at_its_time() -> None:
    scheduled = batch(send_at=START.add(hours=8).isoformat())
    driver = Driver(EMPTY, batch(send_at=START.add(hours=8).isoformat(), canceled=True))
    summary = driver.wait(progress_of(scheduled, driver.clock))
    assert driver.calls == ["get_delivery_report", "get"]
    assert summary.by_status == {"Cancelled": 2}


def test_a_batch_cancelled_midway_ends_with_what_its_messages_came_to() -> None:
    driver = Driver(
        batch(to=3, canceled=True),
        report(("Aborted", 407, 1), ("Dispatched", 401, 2)),
        report(("Aborted", 407, 1), ("Delivered", 0, 2)),
    )
    summary = driver.wait()
    assert summary.by_status == {"Cancelled": 1, "Delivered": 2}
    assert driver.pauses == [10]


def test_a_cancelled_batch_that_finished_all_the_same_says_both() -> None:
    progress = Driver(batch(canceled=True), DELIVERED).look()
    assert (progress.state, progress.canceled) == (State.FINISHED, True)
    assert progress.counts == {("Delivered", 0): 2}


def test_a_postponed_batch_is_waited_for_anew() -> None:
    driver = Driver(EMPTY, batch(send_at=START.add(hours=9).isoformat()), DELIVERED)
    driver.wait(progress_of(batch(send_at=START.add(hours=8).isoformat()), driver.clock))
    assert driver.calls == ["get_delivery_report", "get", "get_delivery_report"]
    assert driver.pauses == [8 * 3600, 3600]


def test_a_batch_that_has_left_but_reports_nothing_yet_is_running() -> None:
    driver = Driver(batch(), EMPTY, EMPTY, batch(), DELIVERED)
    driver.wait()
    assert driver.calls == ["get", "get_delivery_report", "get_delivery_report", "get", "get_delivery_report"]


def test_a_batch_is_given_up_after_its_expiry_and_the_time_for_late_reports() -> None:
    expire_at = START.add(minutes=30)
    sent = batch(expire_at=expire_at.isoformat())
    driver = Driver()
    running = progress_of(sent, driver.clock)
    assert running.schedule == Schedule(None, expire_at + GRACE)
    driver = Driver(QUEUED)
    driver.now = expire_at + GRACE
    assert driver.look(running).state is State.RUNNING
    driver = Driver(QUEUED, sent)
    driver.now = (expire_at + GRACE).add(seconds=1)
    late = driver.look(running)
    assert driver.calls == ["get_delivery_report", "get"]
    assert (late.state, late.over) == (State.OVERDUE, True)
    assert late.counts == {("Queued", 400): 2}
    assert Summary.of([late]).overdue == (ID,)
    assert Summary.of([late]).pending == ()


def test_reports_that_are_complete_in_the_end_win_over_the_deadline() -> None:
    driver = Driver(DELIVERED)
    driver.now = START.add(days=30)
    assert driver.look(progress_of(batch(), lambda: START)).state is State.FINISHED


def test_a_batch_prolonged_meanwhile_is_not_given_up() -> None:
    driver = Driver(QUEUED, batch(expire_at=START.add(days=2).isoformat()))
    driver.now = START.add(days=1)
    progress = driver.look(progress_of(batch(expire_at=START.isoformat()), lambda: START))
    assert progress.state is State.RUNNING
    assert progress.schedule == Schedule(None, START.add(days=2) + GRACE)


@pytest.mark.parametrize(
    ("fields", "ends"),
    [
        ({}, START.add(days=3)),
        ({"send_at": START.add(days=1).isoformat()}, START.add(days=4)),
        ({"created_at": None}, START.add(days=3)),
        ({"expire_at": START.add(hours=1).isoformat()}, START.add(hours=1)),
    ],
)
def test_a_batch_expires_three_days_after_it_leaves_unless_it_says_otherwise(
    fields: dict[str, Any], ends: pendulum.DateTime
) -> None:
    assert Schedule.of(batch(**fields), START).ends == ends + GRACE


def test_a_batch_at_the_end_of_the_calendar_has_a_schedule_too() -> None:
    for name in ("send_at", "expire_at"):
        assert Schedule.of(batch(**{name: "9999-12-31T23:59:59Z"}), START).ends.year == 9999


# --- several batches, failing looks


def test_several_batches_are_waited_for_together() -> None:
    driver = Driver(
        batch(),
        DELIVERED,
        batch(OTHER),
        report(("Queued", 400, 2), id_=OTHER),
        report(("Delivered", 0, 1), ("Failed", 150, 1), id_=OTHER),
    )
    summary = driver.wait(Progress(ID), Progress(OTHER))
    assert driver.calls == ["get", "get_delivery_report"] * 2 + ["get_delivery_report"]
    assert summary.batch_ids == (ID, OTHER)
    assert summary.counts == {("Delivered", 0): 3, ("Failed", 150): 1}


def test_waiting_for_nothing_is_over_at_once() -> None:
    driver = Driver()
    assert driver.follow(wait([], 10, driver.clock)) == Summary((), Counter())


def test_a_passing_failure_leaves_the_batch_as_it_was() -> None:
    trouble = SinchConnectionError("get: no connection")
    driver = Driver(batch(), QUEUED, trouble, DELIVERED)
    assert driver.wait().by_status == {"Delivered": 2}
    assert driver.pauses == [10, 10]


def test_before_anything_is_known_only_so_many_looks_may_fail() -> None:
    driver = Driver(*[SinchConnectionError("get: no connection")] * BLIND_LOOKS)
    with pytest.raises(SinchConnectionError):
        driver.wait()
    assert driver.calls == ["get"] * BLIND_LOOKS
    Driver(*[SinchConnectionError("get: no connection")] * (BLIND_LOOKS - 1), batch(), DELIVERED).wait()


def test_a_failure_that_stays_is_raised() -> None:
    with pytest.raises(SinchNotFoundError):
        Driver(SinchNotFoundError("get: gone")).wait()
    with pytest.raises(SinchAuthError):
        Driver(batch(), QUEUED, SinchAuthError("get: no")).wait()


def test_a_report_that_is_not_there_yet_is_waited_for_until_the_end() -> None:
    missing = SinchNotFoundError("get_delivery_report: not found")
    driver = Driver(batch(), missing, missing, DELIVERED)
    assert driver.wait().by_status == {"Delivered": 2}
    late = Driver(missing)
    late.now = START.add(days=30)
    assert late.follow(look(progress_of(batch(), lambda: START), late.clock)).state is State.OVERDUE


def test_a_batch_to_empty_groups_is_over_without_messages() -> None:
    early = Driver(batch(), EMPTY)
    assert early.follow(look(Progress(ID), early.clock)).state is State.RUNNING
    late = Driver(batch(), EMPTY)
    late.now = START.add(minutes=16)
    found = late.follow(look(Progress(ID), late.clock))
    assert (found.state, dict(found.counts)) == (State.FINISHED, {})


def test_no_pause_is_longer_than_a_day() -> None:
    assert pause_for([at(24 * 365 * 500)], 10, START) == 24 * 3600


def test_a_batch_that_cannot_be_looked_at_until_its_end_is_overdue() -> None:
    driver = Driver(SinchConnectionError("get: no connection"))
    driver.now = START.add(days=30)
    running = progress_of(batch(), lambda: START)
    assert driver.follow(look_at_all([running], driver.clock))[0].state is State.OVERDUE


def test_batches_that_are_over_are_not_looked_at() -> None:
    over = Progress(ID, State.FINISHED)
    assert Driver().follow(look_at_all([over])) == [over]


def test_a_scheduled_batch_that_cannot_be_looked_at_in_time_does_not_spin() -> None:
    scheduled = progress_of(batch(send_at=START.add(hours=8).isoformat()), lambda: START)
    driver = Driver(*[SinchConnectionError("get: no connection")] * 2, DELIVERED)
    driver.wait(scheduled)
    assert driver.pauses == [8 * 3600, 10, 10]


def at(hours: float, id_: str = ID, state: State = State.SCHEDULED) -> Progress:
    return Progress(id_, state, schedule=Schedule(START.add(hours=hours), START.add(days=3)))


@pytest.mark.parametrize(
    ("entries", "seconds"),
    [
        ([], 10),
        ([at(2), at(1)], 3600),
        ([at(2), at(1), Progress(OTHER, State.RUNNING)], 10),
        ([at(2), Progress(OTHER, State.FINISHED)], 7200),
        ([at(2), at(-1)], 10),
        ([at(0)], 10),
        ([at(1, state=State.RUNNING)], 10),
    ],
)
def test_the_pause_lasts_until_a_look_is_worth_it(entries: list[Progress], seconds: float) -> None:
    assert pause_for(entries, 10, START) == seconds


# --- summaries and policies

counts = st.dictionaries(
    st.tuples(st.sampled_from(sorted(FINAL | INTERMEDIATE)), st.integers(0, 500)),
    st.integers(1, 1000),
    max_size=6,
).map(Counter)
ids = st.lists(st.text(min_size=1, max_size=5), max_size=3).map(tuple)


@given(st.builds(Summary, ids, counts, ids, ids))
def test_a_summary_survives_json(summary: Summary) -> None:
    assert Summary.from_dict(json.loads(json.dumps(summary.to_dict()))) == summary


def test_the_table_tells_statuses_codes_meanings_and_counts() -> None:
    summary = Summary((ID,), Counter({("Failed", 150): 1, ("Delivered", 0): 1200}))
    assert summary.table().splitlines() == [
        "status     code  meaning             count",
        "Delivered     0  no error             1200",
        "Failed      150  unknown subscriber      1",
    ]
    assert Summary((), Counter()).table() == "status  code  meaning  count"


def summary_of(**by_status: int) -> Summary:
    return Summary((ID,), Counter({(status, 0): count for status, count in by_status.items()}))


@pytest.mark.parametrize(
    ("policy", "summary", "failed"),
    [
        # By default only if every message failed.
        (OutcomePolicy(), summary_of(Failed=2), True),
        (OutcomePolicy(), summary_of(Failed=1, Expired=1, Cancelled=1), True),
        (OutcomePolicy(), summary_of(Failed=99, Delivered=1), False),
        (OutcomePolicy(), summary_of(Failed=1, Unknown=1), False),
        (OutcomePolicy(), summary_of(Unknown=2), False),
        (OutcomePolicy(), summary_of(Delivered=2), False),
        (OutcomePolicy(), Summary((ID,), Counter()), False),
        # Reaching it is enough.
        (OutcomePolicy(max_failed=0.3), summary_of(Failed=3, Delivered=7), True),
        (OutcomePolicy(max_failed=0.3), summary_of(Failed=29, Delivered=71), False),
        # Zero: as soon as one failed, and not when none did.
        (OutcomePolicy(max_failed=0), summary_of(Failed=1, Delivered=999), True),
        (OutcomePolicy(max_failed=0), summary_of(Delivered=999), False),
        (OutcomePolicy(min_delivered=0.95), summary_of(Delivered=95, Unknown=5), False),
        (OutcomePolicy(min_delivered=0.95), summary_of(Delivered=94, Unknown=6), True),
        (OutcomePolicy(min_delivered=1), summary_of(Delivered=94, Queued=6), True),
        (OutcomePolicy(min_delivered=1), Summary((ID,), Counter()), False),
    ],
)
def test_the_outcome_is_judged_by_shares(policy: OutcomePolicy, summary: Summary, failed: bool) -> None:
    assert (policy.verdict(summary) is not None) is failed


def test_a_verdict_gives_its_reason() -> None:
    assert (
        OutcomePolicy().verdict(summary_of(Failed=2)) == "2 of 2 messages failed, which reaches max_failed=1"
    )
    assert OutcomePolicy(min_delivered=0.5).verdict(summary_of(Delivered=1, Unknown=2)) == (
        "1 of 3 messages were delivered, below min_delivered=0.5"
    )


@given(counts, st.floats(0, 1), st.floats(0, 1))
def test_a_stricter_policy_never_forgives_more(
    found: Counter[tuple[str, int]], one: float, other: float
) -> None:
    summary = Summary((ID,), found)
    strict, mild = sorted((one, other))
    if OutcomePolicy(max_failed=mild).verdict(summary):
        assert OutcomePolicy(max_failed=strict).verdict(summary)
    if OutcomePolicy(min_delivered=strict).verdict(summary):
        assert OutcomePolicy(min_delivered=mild).verdict(summary)


@given(counts)
def test_every_failing_status_fails_and_no_other(found: Counter[tuple[str, int]]) -> None:
    failed = any(status in FAILED for status, _ in found)
    assert bool(OutcomePolicy(max_failed=0).verdict(Summary((ID,), found))) is failed
    everything = bool(found) and all(status in FAILED for status, _ in found)
    assert bool(OutcomePolicy().verdict(Summary((ID,), found))) is everything
