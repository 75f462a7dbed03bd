"""Who must not be texted, while that changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from sinch_provider.sms.campaign.exclusions import Exclusions
from sinch_provider.sms.campaign.rows import rows_of
from sinch_provider.sms.errors import SinchNotSentError
from sinch_provider.sms.runtime import current, using

ANN, BEN = "447700900222", "447700900333"


class Source:
    """A table that changes."""

    def __init__(self) -> None:
        self.rows: list[Any] = []
        self.error: Exception | None = None
        self.reads = 0

    def __call__(self, use: Callable[[Any], Any]) -> Any:
        self.reads += 1
        if self.error:
            raise self.error
        return use(rows_of(self.rows))


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def clock() -> Iterator[list[float]]:
    """Seconds that have passed."""
    passed = [0.0]
    with using(replace(current(), monotonic=lambda: passed[0])):
        yield passed


def test_numbers_count_however_they_are_written(source: Source) -> None:
    source.rows = [("+44 7700-900 222",), ("0046701740605",)]
    exclusions = Exclusions({"exclude": source})
    exclusions.refresh()
    assert ANN in exclusions
    assert "46701740605" in exclusions
    assert BEN not in exclusions
    assert len(exclusions) == 2


def test_a_zero_after_the_country_code_does_not_matter(source: Source) -> None:
    source.rows = ["+44 07700 900222", "+44 (0)7700 900333", "NULL"]
    exclusions = Exclusions({"exclude": source})
    exclusions.refresh()
    assert [each in exclusions for each in (ANN, BEN)] == [True, True]


def test_national_numbers_are_those_of_the_country(source: Source) -> None:
    source.rows = ["07700 900222"]
    exclusions = Exclusions({"exclude": source}, default_country="GB")
    exclusions.refresh()
    assert ANN in exclusions


def test_what_may_be_two_numbers_leaves_out_both(source: Source, caplog: pytest.LogCaptureFixture) -> None:
    source.rows = ["46701740605"]
    exclusions = Exclusions({"exclude": source}, default_country="DE")
    exclusions.refresh()
    assert [each in exclusions for each in ("46701740605", "49" + "46701740605")] == [True, True]
    assert "no phone number" not in caplog.text


def test_they_are_read_again_when_they_are_old(source: Source, clock: list[float]) -> None:
    source.rows = [ANN]
    exclusions = Exclusions({"exclude": source}, max_age=60)
    exclusions.refresh()
    source.rows = [ANN, BEN]
    clock[0] = 59
    exclusions.refresh()
    assert BEN not in exclusions
    clock[0] = 60
    exclusions.refresh()
    assert BEN in exclusions
    assert source.reads == 2


@pytest.mark.parametrize("earlier_attempt", [False, True])
def test_suddenly_empty_ones_stop_everything(source: Source, earlier_attempt: bool) -> None:
    exclusions = Exclusions({"exclude": source}, max_age=0, were_there=["exclude"] if earlier_attempt else [])
    if not earlier_attempt:
        exclusions.refresh()
        source.rows = [ANN]
        exclusions.refresh()
        source.rows = []
    with pytest.raises(SinchNotSentError, match="was not empty before"):
        exclusions.refresh()


def test_unreadable_ones_stop_everything_and_name_nobody(source: Source) -> None:
    source.error = ValueError(f"invalid input: +{ANN}")
    with pytest.raises(SinchNotSentError, match="cannot be read") as caught:
        Exclusions({"exclude": source}).refresh()
    assert ANN not in str(caught.value)
    assert caught.value.__context__ is None


def test_several_columns_are_refused(source: Source) -> None:
    source.rows = [{"number": ANN, "since": "2026"}]
    with pytest.raises(SinchNotSentError, match="must have one column"):
        Exclusions({"exclude": source}).refresh()


def test_a_few_that_are_no_numbers_are_counted(source: Source, caplog: pytest.LogCaptureFixture) -> None:
    source.rows = [ANN] * 199 + ["nobody", None]
    exclusions = Exclusions({"exclude": source})
    exclusions.refresh()
    assert len(exclusions) == 1
    assert "1 rows of exclude have no phone number" in caplog.text
    assert "nobody" not in caplog.text


def test_more_than_a_few_that_are_no_numbers_are_refused(source: Source) -> None:
    source.rows = [ANN] * 97 + ["nobody"]
    with pytest.raises(SinchNotSentError, match="exclusions: have 1 of 98 rows without a phone number"):
        Exclusions({"exclude": source}).refresh()
