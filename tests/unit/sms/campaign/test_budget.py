"""Caps and costs of a campaign."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from sinch_provider.sms.campaign.budget import Budget, Share, counted, together

TOTALS = {"SE": Share(10, 13), "GB": Share(2, 2)}


def test_people_are_counted_by_country() -> None:
    assert counted([("SE", 1), ("GB", 2), ("SE", 1), ("SE", 3)]) == {"SE": Share(3, 5), "GB": Share(1, 2)}


def test_totals_add_up() -> None:
    assert together([TOTALS, {"SE": Share(1, 2), "US": Share(1, 1)}, {}]) == {
        "SE": Share(11, 15),
        "GB": Share(2, 2),
        "US": Share(1, 1),
    }


class TestCost:
    def test_is_exact(self) -> None:
        budget = Budget(prices={"SE": 0.1, "default": "0.02"})
        assert budget.cost({"SE": Share(3, 3), "GB": Share(1, 5)}) == Decimal("0.4")

    def test_is_unknown_without_prices(self) -> None:
        assert Budget().cost(TOTALS) is None
        assert Budget(prices={"SE": 1}).cost(TOTALS) is None

    def test_a_price_may_be_nothing(self) -> None:
        assert Budget(prices={"SE": 0, "GB": 1, "default": 5}).cost(TOTALS) == 2


class TestExceeded:
    @pytest.mark.parametrize(
        ("most", "more"),
        [
            (Budget(max_recipients=12), Budget(max_recipients=11)),
            (Budget(max_parts=15), Budget(max_parts=14)),
            (
                Budget(max_cost=0.15, prices={"default": 0.01}),
                Budget(max_cost="0.1499", prices={"default": 0.01}),
            ),
        ],
    )
    def test_by_one_too_many(self, most: Budget, more: Budget) -> None:
        assert most.exceeded(TOTALS) == []
        assert len(more.exceeded(TOTALS)) == 1

    def test_says_what_was_counted(self) -> None:
        budget = Budget(max_recipients=1, max_parts=2, max_cost=Decimal(3), prices={"SE": 1, "GB": 1})
        assert list(map(str, budget.exceeded(TOTALS))) == [
            "max_recipients: allows 1 people, and the campaign has 12",
            "max_parts: allows 2 SMS parts, and the campaign has 15",
            "max_cost: allows 3, and the campaign costs 15",
        ]

    def test_names_countries_without_price(self) -> None:
        faults = Budget(prices={"DE": 1}).exceeded({**TOTALS, "US": Share(2, 2)})
        assert [str(fault) for fault in faults] == [
            'prices: has no price for SE (10 people), GB (2 people), US (2 people), and no "default"'
        ]

    def test_names_a_few_of_many(self) -> None:
        many = {f"{letter}A": Share(1, 1) for letter in "ABCDEFGHIJKLM"}
        assert "JA (1 people) and 3 more, and no" in str(Budget(prices={}).exceeded(many)[0])

    def test_nobody_needs_no_price(self) -> None:
        assert Budget(max_cost=0, prices={}, max_recipients=0, max_parts=0).exceeded({}) == []


class TestOwnFaults:
    @pytest.mark.parametrize(
        "given",
        [
            {},
            {"max_recipients": 0, "max_parts": 1_000_000},
            {"max_cost": 250, "prices": {"SE": 0.04, "001": 2, "default": Decimal("0.06")}},
            {"max_cost": "250.00", "prices": {"default": "0.06"}},
        ],
    )
    def test_none(self, given: dict[str, Any]) -> None:
        assert Budget(**given).faults() == []

    @pytest.mark.parametrize(
        ("given", "field"),
        [
            ({"max_recipients": -1}, "max_recipients"),
            ({"max_parts": 1.5}, "max_parts"),
            ({"max_recipients": True}, "max_recipients"),
            ({"max_cost": 5}, "prices"),
            ({"max_cost": -5, "prices": {}}, "max_cost"),
            ({"max_cost": "much", "prices": {}}, "max_cost"),
            ({"max_cost": float("nan"), "prices": {}}, "max_cost"),
            ({"prices": {"Sweden": 1}}, "prices"),
            ({"prices": {"SE": -1}}, "prices[SE]"),
            ({"prices": {"SE": None}}, "prices[SE]"),
            ({"prices": [1]}, "prices"),
        ],
    )
    def test_one(self, given: dict[str, Any], field: str) -> None:
        assert [fault.field for fault in Budget(**given).faults()] == [field]
