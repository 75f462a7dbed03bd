"""The outcome of batches, and whether it is good enough."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinch_provider.sms.delivery.codes import FAILED, FINAL, INTERMEDIATE
from sinch_provider.sms.delivery.outcome import OutcomePolicy, Summary
from tests.unit.sms.looking import ID

counts = st.dictionaries(
    st.tuples(st.sampled_from(sorted(FINAL | INTERMEDIATE)), st.integers(0, 500)),
    st.integers(1, 1000),
    max_size=6,
).map(Counter)
ids = st.lists(st.text(min_size=1, max_size=5), max_size=3).map(tuple)


@given(st.builds(Summary, ids, counts, ids, ids))
def test_a_summary_survives_json(summary: Summary) -> None:
    assert Summary.from_dict(json.loads(json.dumps(summary.to_dict()))) == summary


@pytest.mark.parametrize(
    "change",
    [
        {"batch_ids": None},
        {"batch_ids": ID},
        {"batch_ids": [1]},
        {"pending": {}},
        {"overdue": [None]},
        {"counts": None},
        {"counts": {"Delivered": 2}},
        {"counts": [["Delivered", 0]]},
        {"counts": ["Delivered"]},
        {"counts": [["Delivered", 0, "2"]]},
        {"counts": [["Delivered", "0", 2]]},
        {"counts": [["Delivered", 0, True]]},
        {"counts": [["Delivered", 0, 2.0]]},
        {"counts": [["Delivered", 0, -2]]},
        {"counts": [["Delivered", -1, 2]]},
        {"counts": [[None, 0, 2]]},
        {"counts": [[["Delivered"], 0, 2]]},
    ],
)
def test_what_is_no_summary_is_not_read_as_one(change: dict[str, Any]) -> None:
    whole = Summary((ID,), Counter({("Delivered", 0): 2})).to_dict()
    with pytest.raises(ValueError, match=next(iter(change))):
        Summary.from_dict(whole | change)
    del whole[next(iter(change))]
    with pytest.raises(ValueError, match=next(iter(change))):
        Summary.from_dict(whole)


@pytest.mark.parametrize("data", [None, [], "finished", 7])
def test_a_summary_is_an_object(data: Any) -> None:
    with pytest.raises(ValueError, match="object"):
        Summary.from_dict(data)


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
        # No message at all is enough for nobody who wants some.
        (OutcomePolicy(min_delivered=1), Summary((ID,), Counter()), True),
        (OutcomePolicy(min_delivered=0.01), Summary((ID,), Counter({("Delivered", 0): 0})), True),
        (OutcomePolicy(max_failed=0), Summary((ID,), Counter()), False),
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
    assert OutcomePolicy(min_delivered=0.5).verdict(Summary((ID,), Counter())) == (
        "there were no messages, so min_delivered=0.5 was not reached"
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
