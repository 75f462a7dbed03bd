"""Plans: who was checked is read again as it was written, or not at all."""

from __future__ import annotations

import io
from typing import Any

import pytest

from sinch_provider.sms.campaign.audience import Audience
from sinch_provider.sms.campaign.plan import PlanError, read_plan, write_plan
from tests.unit.sms.campaign.test_audience import audience_of

SECRET = "token-0123456789"


def written(audience: Audience, purpose: str = "checked") -> tuple[list[bytes], str]:
    file = io.BytesIO()
    seal = write_plan(file, audience, purpose, SECRET)
    return file.getvalue().splitlines(keepends=True), seal


def messages(audience: Audience) -> list[dict[str, Any]]:
    return [audience.message([person]) for portion in audience.portions() for person in portion]


@pytest.mark.parametrize("from_", [None, "Bistro", {"SE": "Krogen", "default": "Bistro"}])
def test_it_is_read_as_it_was_written(from_: Any) -> None:
    with audience_of(from_=from_) as audience:
        lines, seal = written(audience)
        with read_plan(lines, "checked", SECRET, seal) as read:
            assert messages(read) == messages(audience)
            assert list(read.portions()) == list(audience.portions())
            assert read.counts.totals == audience.counts.totals
            assert (read.counts.rows, read.counts.invalid, len(read)) == (3, 0, 3)
            assert [read.layout.sender(each) for each in ("SE", "GB")] == [
                audience.layout.sender(each) for each in ("SE", "GB")
            ]


def test_a_plan_of_nobody_is_a_plan() -> None:
    with audience_of([]) as audience:
        lines, _ = written(audience)
    assert len(read_plan(lines, "checked", SECRET)) == 0


def test_it_serves_one_purpose() -> None:
    with audience_of() as audience:
        lines, seal = written(audience, "for June")
    with pytest.raises(PlanError, match="was changed, or was written for something else"):
        read_plan(lines, "for July", SECRET, seal)
    with pytest.raises(PlanError, match="or with another secret"):
        read_plan(lines, "for June", "another", seal)
    with pytest.raises(PlanError, match="is not the one that was checked"):
        read_plan(lines, "for June", SECRET, "0" * 64)


def test_every_change_is_noticed() -> None:
    with audience_of() as audience:
        lines, seal = written(audience)
    text = b"".join(lines)
    for place in range(len(text)):
        changed = text[:place] + bytes([text[place] ^ 1]) + text[place + 1 :]
        # The line break at the end is no part of the plan.
        if changed.strip() == text.strip():
            continue
        with pytest.raises(PlanError):
            read_plan(io.BytesIO(changed), "checked", SECRET, seal)


def test_a_torn_one_is_no_plan() -> None:
    with audience_of() as audience:
        lines, seal = written(audience)
    text = b"".join(lines)
    for end in range(len(text) - 1):
        with pytest.raises(PlanError):
            read_plan(io.BytesIO(text[:end]), "checked", SECRET, seal)


def test_it_does_not_show_the_secret_or_who_it_is_for() -> None:
    with audience_of() as audience:
        lines, _ = written(audience, "for June")
        assert SECRET.encode() not in b"".join(lines)
        assert "447700900222" not in repr(audience)
