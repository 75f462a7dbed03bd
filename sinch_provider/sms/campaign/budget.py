"""Budget: how many people, parts and how much money a campaign may take, judged before the first text."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NamedTuple

from sinch_provider.sms.errors import Fault
from sinch_provider.sms.fields.rules import whole_number

#: A table of people has a few dirty rows, and the others should not wait for these. Where more than one in a
#: hundred is bad, the wrong column was named, or the source changed. Below a hundred rows, each counts.
MAX_INVALID: Final = 0.01
#: The price of every country that has none of its own.
DEFAULT: Final = "default"
_COUNTRY: Final = r"[A-Z]{2}|001"
#: The most countries that a fault names.
_NAMED: Final = 10

Money = int | float | str | Decimal


class Share(NamedTuple):
    """
    What the people of a country take.

    :param people: How many they are.
    :param parts: SMS parts of their texts.
    """

    people: int
    parts: int


#: Shares by country.
Totals = Mapping[str, Share]


def counted(people: Iterable[tuple[str, int]]) -> dict[str, Share]:
    """
    Count people.

    :param people: The country of each, and the parts of the text.
    """
    found: dict[str, Share] = {}
    for (country, parts), number in Counter(people).items():
        known = found.get(country, Share(0, 0))
        found[country] = Share(known.people + number, known.parts + number * parts)
    return found


def together(several: Iterable[Totals]) -> dict[str, Share]:
    """Add totals, such as those of people who were reached and of others who are left."""
    found: dict[str, Share] = {}
    for totals in several:
        for country, share in totals.items():
            known = found.get(country, Share(0, 0))
            found[country] = Share(known.people + share.people, known.parts + share.parts)
    return found


@dataclass(frozen=True, kw_only=True)
class Budget:
    """
    The caps of a campaign. None: no cap.

    :param max_recipients: The most people.
    :param max_parts: The most SMS parts of all texts together.
    :param max_cost: The most money, in the currency of ``prices``.
    :param prices: What a part costs, by country such as ``SE``, and by ``default`` for all others.
    """

    max_recipients: int | None = None
    max_parts: int | None = None
    max_cost: Money | None = None
    prices: Mapping[str, Money] | None = None

    def faults(self) -> list[Fault]:
        """Return what is wrong with the caps themselves."""
        faults = []
        for name in ("max_recipients", "max_parts"):
            most = getattr(self, name)
            if most is not None and (whole_number(most) is None or most < 0):
                faults.append(Fault(name, "must be a whole number, 0 or more"))
        if self.max_cost is not None and _money(self.max_cost) is None:
            faults.append(Fault("max_cost", "must be an amount of money, 0 or more"))
        if self.max_cost is not None and self.prices is None:
            faults.append(Fault("prices", "is required for max_cost"))
        if self.prices is not None and not isinstance(self.prices, Mapping):
            return [*faults, Fault("prices", 'must be an object such as {"SE": 0.04, "default": 0.06}')]
        for country, price in (self.prices or {}).items():
            if not isinstance(country, str) or not (country == DEFAULT or re.fullmatch(_COUNTRY, country)):
                rule = f'must have countries such as "SE" for its names, and "{DEFAULT}"'
                faults.append(Fault("prices", rule))
            elif _money(price) is None:
                faults.append(Fault(f"prices[{country}]", "must be the price of a part, 0 or more"))
        return faults

    def cost(self, totals: Totals) -> Decimal | None:
        """
        Return what all parts cost; None if that is unknown.

        :param totals: Of everybody, those who were reached too.
        """
        if self.prices is None or self._without_price(totals):
            return None
        return sum((share.parts * self._price(country) for country, share in totals.items()), Decimal(0))

    def exceeded(self, totals: Totals) -> list[Fault]:
        """
        Return the caps that a campaign would exceed, and the countries that have no price.

        :param totals: Of everybody: those who were reached, and those who are left.
        """
        faults = []
        people = sum(share.people for share in totals.values())
        parts = sum(share.parts for share in totals.values())
        if self.max_recipients is not None and people > self.max_recipients:
            rule = f"allows {self.max_recipients} people, and the campaign has {people}"
            faults.append(Fault("max_recipients", rule))
        if self.max_parts is not None and parts > self.max_parts:
            rule = f"allows {self.max_parts} SMS parts, and the campaign has {parts}"
            faults.append(Fault("max_parts", rule))
        if self.prices is not None and (without := self._without_price(totals)):
            named = ", ".join(f"{country} ({totals[country].people} people)" for country in without[:_NAMED])
            more = f" and {len(without) - _NAMED} more" if len(without) > _NAMED else ""
            rule = f'has no price for {named}{more}, and no "{DEFAULT}"'
            faults.append(Fault("prices", rule))
        cost = self.cost(totals)
        most = _money(self.max_cost)
        if cost is not None and most is not None and cost > most:
            faults.append(Fault("max_cost", f"allows {most:f}, and the campaign costs {cost:f}"))
        return faults

    def _without_price(self, totals: Totals) -> list[str]:
        """Countries without a price, those of most people first."""
        if self.prices is None or DEFAULT in self.prices:
            return []
        without = [country for country in totals if country not in self.prices]
        return sorted(without, key=lambda country: (-totals[country].people, country))

    def _price(self, country: str) -> Decimal:
        prices = self.prices or {}
        return _money(prices.get(country, prices.get(DEFAULT))) or Decimal(0)


def faults_of_max_invalid(value: Any) -> list[Fault]:
    """Return what is wrong with ``max_invalid`` itself."""
    if isinstance(value, float):
        fits = 0 <= value <= 1
    else:
        number = whole_number(value)
        fits = number is not None and number >= 0
    rule = "must be a number of rows, such as 20, or a share of them from 0.0 to 1.0"
    return [] if fits else [Fault("max_invalid", rule)]


def _money(value: Any) -> Decimal | None:
    """Read an amount of money as it is written: 0.1 is a tenth. None if it is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str, Decimal)):
        return None
    try:
        amount = Decimal(str(value))
    except (InvalidOperation, ValueError):
        return None
    return amount if amount.is_finite() and amount >= 0 else None
