"""The people who passed the check: reading them, and making batches of them."""

from __future__ import annotations

from typing import Any

import pytest

from sinch_provider.sms import endpoints
from sinch_provider.sms.campaign.audience import (
    Audience,
    Counts,
    totals_of,
)
from sinch_provider.sms.campaign.budget import MAX_INVALID, Share, faults_of_max_invalid
from sinch_provider.sms.campaign.check import check
from sinch_provider.sms.campaign.layout import Layout
from sinch_provider.sms.campaign.rows import rows_of
from sinch_provider.sms.fields.encoding import count_parts

COLUMNS = ("id", "phone", "name", "language", "zone")
ROWS = [
    (1, "+447700900222", "Maria", "en", "Europe/Paris"),
    (2, "+46 70-174 06 05", "Johan", "sv", ""),
    (3, "+12025550123", "Zoë " + "a" * 150, "EN", None),
]


def audience_of(rows: Any = ROWS, **given: Any) -> Audience:
    layout = Layout(
        **{
            "number_column": "phone",
            "id_column": "id",
            "language_column": "language",
            "time_zone_column": "zone",
            "bodies": {"sv": "Hej ${name}, ${time}", "en": "Hi ${name} ${name}"},
            "parameters": {"time": "19:30"},
            **given,
        }
    )
    return check(rows_of(rows, COLUMNS), layout)


def test_people_can_be_read_any_number_of_times() -> None:
    with audience_of() as audience:
        first = [person for portion in audience.portions() for person in portion]
        again = [person for portion in audience.portions() for person in portion]
    assert first == again
    maria, johan, zoe = first
    assert maria[:4] == ("447700900222", "1", "Europe/Paris", "en")
    assert (johan.number, johan.language, johan.values) == ("46701740605", "sv", ("Johan",))
    assert (zoe.number, zoe.language, zoe.parts) == ("12025550123", "en", 5)
    assert audience.names == ("name",)
    assert len(audience) == 3


def test_zones_of_a_row_come_before_those_of_the_number() -> None:
    with audience_of() as audience:
        maria, johan, zoe = next(audience.portions())
    assert maria.zones == {"Europe/Paris"}
    assert johan.zones == {"Europe/Stockholm"}
    assert "America/New_York" in zoe.zones
    assert [maria.country, johan.country, zoe.country] == ["GB", "SE", "US"]


def test_a_batch_has_what_the_check_counted() -> None:
    with audience_of() as audience:
        maria, johan, zoe = next(audience.portions())
        english, swedish = audience.message([maria, zoe]), audience.message([johan])
        counts = audience.counts
    assert english == {
        "to": ["447700900222", "12025550123"],
        "body": "Hi ${name} ${name}",
        "parameters": {"name": {"447700900222": "Maria", "12025550123": zoe.values[0]}},
    }
    assert swedish["parameters"] == {"name": {"46701740605": "Johan"}, "time": {"default": "19:30"}}
    bodies = [endpoints.send(**message).body or {} for message in (english, swedish)]
    assert count_parts(bodies[0]) + count_parts(bodies[1]) == counts.parts


def test_a_text_without_names_has_no_parameters() -> None:
    given: dict[str, Any] = {"body": "Hi", "bodies": None, "language_column": None, "parameters": None}
    with audience_of(**given) as audience:
        message = audience.message(next(audience.portions()))
    assert message == {"to": ["447700900222", "46701740605", "12025550123"], "body": "Hi"}


def test_totals_of_some_people() -> None:
    with audience_of() as audience:
        people = next(audience.portions())
        assert totals_of(people) == audience.counts.totals
    assert totals_of(people[1:]) == {"SE": Share(1, 1), "US": Share(1, 5)}


def test_after_closing_nobody_is_left() -> None:
    audience = audience_of()
    audience.close()
    with pytest.raises(ValueError, match="closed"):
        next(audience.portions())


def test_nobody_is_shown() -> None:
    with audience_of() as audience:
        people = next(audience.portions())
        said = repr(audience) + repr(people) + repr(audience.counts) + repr(audience.layout)
    assert not [each for each in ("900222", "1740605", "Maria", "Paris") if each in said]


class TestTooManyInvalidRows:
    @pytest.mark.parametrize(
        ("rows", "invalid", "most", "exceeded"),
        [
            (1000, 10, MAX_INVALID, False),
            (1000, 11, MAX_INVALID, True),
            (99, 1, MAX_INVALID, True),
            (100, 1, MAX_INVALID, False),
            (30, 3, 0.1, False),
            (1000, 1, 0, True),
            (1000, 1, 1, False),
            (1000, 2, 1, True),
            (1000, 1000, 1.0, False),
            (0, 0, 0, False),
        ],
    )
    def test_is_a_number_or_a_share(self, rows: int, invalid: int, most: float, exceeded: bool) -> None:
        assert bool(Counts(rows=rows, invalid=invalid).exceeded(most)) == exceeded

    def test_the_fault_names_the_most_frequent_reasons(self) -> None:
        counts = Counts(rows=100, invalid=21)
        counts.reasons.update({("phone", f"is wrong {number}"): number for number in range(1, 7)})
        assert str(counts.exceeded()[0]) == (
            "max_invalid: allows 0.01, and 21 of 100 rows are invalid (got phone is wrong 6: 6; "
            "phone is wrong 5: 5; phone is wrong 4: 4; phone is wrong 3: 3; phone is wrong 2: 2; "
            "1 more reasons)"
        )

    @pytest.mark.parametrize("value", [0, 5, 0.0, 0.5, 1.0])
    def test_values_that_it_may_have(self, value: float) -> None:
        assert faults_of_max_invalid(value) == []

    @pytest.mark.parametrize("value", [-1, 1.5, -0.1, True, "5", None, float("nan")])
    def test_other_values(self, value: Any) -> None:
        assert [fault.field for fault in faults_of_max_invalid(value)] == ["max_invalid"]
