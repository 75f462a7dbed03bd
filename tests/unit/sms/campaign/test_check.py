"""The check before the first text: who passes, who does not, and what is counted."""

from __future__ import annotations

import os
import random
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from sinch_provider.sms.campaign.audience import Counts, Person
from sinch_provider.sms.campaign.budget import Share
from sinch_provider.sms.campaign.check import check
from sinch_provider.sms.campaign.layout import Layout
from sinch_provider.sms.campaign.odd import Odd
from sinch_provider.sms.campaign.quarantine import BadRow
from sinch_provider.sms.campaign.rows import PORTION, Rows, from_mappings, from_tuples, rows_of
from sinch_provider.sms.errors import SinchValidationError
from sinch_provider.sms.fields.encoding import Parts

MARIA, JOHAN, ANNA = "447700900222", "447700900333", "447700900444"
GROUP = "01J8ZC4M7T2Q9KX5RVBW3NHYDP"


class Checked:
    """A check of rows (id, phone, name), and everything that it told."""

    def __init__(self, rows: Iterable[Any], columns: Iterable[str] = ("id", "phone", "name"), **given: Any):
        layout = Layout(**{"number_column": "phone", "body": "Hi ${name}", "id_column": "id", **given})
        self.bad: list[BadRow] = []
        with check(rows_of(list(rows), list(columns)), layout, self.bad.extend) as audience:
            self.people: list[Person] = [person for portion in audience.portions() for person in portion]
            self.counts: Counts = audience.counts

    @property
    def numbers(self) -> list[str]:
        return [person.number for person in self.people]

    @property
    def reasons(self) -> list[tuple[int, str, str]]:
        return [(each.row, each.column, each.reason) for each in self.bad]


def open_files() -> int:
    return len(os.listdir("/dev/fd"))


def many(number: int) -> list[tuple[int, str, str]]:
    return [(each, f"+999{each:08}", f"Name {each}") for each in range(number)]


class TestDuplicates:
    @pytest.mark.parametrize("country", [None, "GB", "SE"])
    def test_a_zero_after_the_country_code_makes_no_other_person(self, country: str | None) -> None:
        written = ["+44 07700 900222", "+44 7700 900222", "0044 (0)7700 900222", "00 44 0 7700 900222"]
        found = Checked([(each, each, "Maria") for each in written], default_country=country)
        assert found.numbers == [MARIA]
        assert found.counts.duplicates == 3

    def test_the_first_one_counts_however_it_is_written(self) -> None:
        rows = [(1, "+447700900222", "Maria"), (2, "0044 7700 900222", "Johan"), (3, 447700900222, "Anna")]
        found = Checked(rows)
        assert found.people == [Person(MARIA, "1", "", "", 1, ("Maria",))]
        assert (found.counts.rows, found.counts.people, found.counts.duplicates) == (3, 1, 2)
        assert found.counts.invalid == 0

    def test_over_the_whole_audience(self) -> None:
        rows = many(2500)
        found = Checked([*rows, *rows[::-1], *many(2600)])
        assert found.numbers == [phone[1:] for _, phone, _ in many(2600)]
        assert [person.values[0] for person in found.people[:3]] == ["Name 0", "Name 1", "Name 2"]
        assert found.counts.duplicates == 5000
        assert sum(found.counts.parts.values()) == 2600
        assert found.counts.totals == {"ZZ": Share(2600, 2600)}

    def test_a_bad_row_takes_nobodys_place(self) -> None:
        found = Checked([(1, MARIA, ""), (2, MARIA, "Maria")])
        assert found.people == [Person(MARIA, "2", "", "", 1, ("Maria",))]
        assert (found.counts.duplicates, found.counts.invalid) == (0, 1)

    def test_in_any_mixture_everybody_is_there_once(self) -> None:
        chance = random.Random(5)
        pool = [f"+999{each:08}" for each in range(3000)]
        rows = [(each, chance.choice([*pool[: chance.randint(1, 3000)], "x"]), "n") for each in range(4000)]
        found = Checked(rows)
        good = [phone.removeprefix("+") for _, phone, _ in rows if phone != "x"]
        assert found.numbers == list(dict.fromkeys(good))
        assert found.counts.duplicates == len(good) - len(set(good))
        counts = found.counts
        assert counts.rows == counts.people + counts.duplicates + counts.invalid


class TestBadRows:
    def test_are_told_and_the_others_pass(self) -> None:
        found = Checked([(1, "+447700900222", "Maria"), (2, "07700 900333", "Johan"), (3, None, "Anna")])
        assert found.numbers == [MARIA]
        assert found.bad == [
            BadRow(
                2,
                "2",
                "phone",
                "must start with a country code: national numbers (leading 0) cannot be sent to",
                "+0770***0333",
            ),
            BadRow(3, "3", "phone", "is missing", ""),
        ]
        assert found.counts.invalid == 2
        assert found.counts.reasons == {(each.column, each.reason): 1 for each in found.bad}

    def test_rows_are_numbered_over_the_whole_source(self) -> None:
        rows: list[tuple[Any, ...]] = many(PORTION + 5)
        rows[3] = (3, "x", "n")
        rows[PORTION + 2] = (PORTION + 2, "y", "n")
        rows[PORTION + 3] = (1, "+447700900222")
        found = Checked(rows)
        assert [(bad.row, bad.id, bad.column) for bad in found.bad] == [
            (4, "3", "phone"),
            (PORTION + 3, str(PORTION + 2), "phone"),
            (PORTION + 4, "", "row"),
        ]
        assert found.counts.people == PORTION + 2
        assert (found.counts.rows, found.counts.invalid) == (PORTION + 5, 3)

    def test_a_row_with_several_faults_counts_once(self) -> None:
        found = Checked([(1, "x", "")])
        assert [bad.column for bad in found.bad] == ["phone", "name"]
        assert found.counts.invalid == 1
        assert sum(found.counts.reasons.values()) == 2

    def test_groups_are_refused(self) -> None:
        found = Checked([(1, GROUP, "all"), (2, MARIA, "Maria")])
        assert found.numbers == [MARIA]
        assert found.bad[0].reason == "is a group id: a campaign texts people, whose numbers it has to know"

    def test_nothing_of_a_row_is_shown(self) -> None:
        found = Checked([("anna@example.test", "+447700900222", "A" * 161), ("x", MARIA + "0000", "Zoë")])
        said = repr(found.bad) + repr(found.counts) + "".join(reason for _, _, reason in found.reasons)
        assert not [each for each in ("900222", "anna", "AAA", "Zoë") if each in said]

    def test_nobody_has_to_take_them(self) -> None:
        layout = Layout(number_column="phone", body="Hi")
        with check(rows_of([{"phone": "x"}]), layout) as audience:
            assert audience.counts.invalid == 1


class TestValues:
    @pytest.mark.parametrize(
        ("value", "reason"),
        [
            ("", "is missing, and parameters has no value for everybody"),
            (None, "is missing, and parameters has no value for everybody"),
            (" nan", "is missing, and parameters has no value for everybody"),
            ("A" * 161, "has more than 160 characters"),
            (1.5, "is not text, a whole number, a Decimal, a date, a time or a UUID"),
            ("{{ name }}", "must not contain a template that was not rendered ({{ or {%)"),
            ("<hidden: 5 characters>", "must not contain the placeholder of a hidden value (<hidden: ...>)"),
            ("\ud83d", "has half of a character (a lone surrogate)"),
        ],
    )
    def test_bad_ones(self, value: Any, reason: str) -> None:
        found = Checked([(1, MARIA, "Maria"), (2, JOHAN, value), (3, ANNA, "Anna")])
        assert found.numbers == [MARIA, ANNA]
        assert found.reasons == [(2, "name", reason)]

    def test_a_blank_one_is_that_of_everybody(self) -> None:
        found = Checked([(1, MARIA, " "), (2, JOHAN, "Johan")], parameters={"name": "guest"})
        assert [person.values for person in found.people] == [("guest",), ("Johan",)]
        assert Checked([(1, MARIA, None)], parameters={"name": ""}).people[0].values == ("",)

    @pytest.mark.parametrize("written", ["NULL", "null", "None", "nan", "NaN", "NaT", "<NA>", "#N/A", "\\N"])
    def test_nobody_is_called_as_programs_write_nothing(self, written: str) -> None:
        rows = [(1, MARIA, f"{written} "), (2, JOHAN, "Johan"), (written, written, "Anna")]
        found = Checked(rows)
        assert found.numbers == [JOHAN]
        assert [(row, column) for row, column, _ in found.reasons] == [(1, "name"), (3, "phone")]
        assert found.reasons[1][2] == "is missing"
        found = Checked(rows[:2], parameters={"name": "guest"})
        assert [person.values for person in found.people] == [("guest",), ("Johan",)]

    @pytest.mark.parametrize("value", ["A" * 160, "Null", "Nan", "Zoë \U0001f600", "a\nb", 0])
    def test_good_ones(self, value: Any) -> None:
        assert Checked([(1, MARIA, value)]).people[0].values == (str(value),)

    def test_a_text_may_have_2000_characters(self) -> None:
        body = "a" * 1990 + "${name}"
        found = Checked([(1, MARIA, "b" * 10), (2, JOHAN, "b" * 11)], body=body)
        assert found.numbers == [MARIA]
        assert found.reasons == [(2, "text", "has more than 2000 characters with all values filled in")]

    def test_a_text_may_have_so_many_parts(self) -> None:
        body = "a" * 150 + "${name}"
        rows = [(1, MARIA, "b" * 10), (2, JOHAN, "b" * 11), (3, ANNA, "ж")]
        found = Checked(rows, body=body, max_number_of_message_parts=1)
        assert found.numbers == [MARIA]
        reason = "needs more parts than max_number_of_message_parts"
        assert found.reasons == [(2, "text", reason), (3, "text", reason)]

    def test_an_id_may_be_missing_but_has_to_be_text(self) -> None:
        found = Checked([(None, MARIA, "a"), (1.5, JOHAN, "b"), ("\ud83d", ANNA, "c")])
        assert [person.id for person in found.people] == [""]
        assert [column for _, column, _ in found.reasons] == ["id", "id"]


class TestLanguages:
    COLUMNS = ("phone", "language", "name", "time")

    def checked(self, rows: Iterable[Any], **given: Any) -> Checked:
        bodies = {"sv": "Hej ${name} ж", "en": "Hi ${name}, ${time}"}
        usual: dict[str, Any] = {"body": None, "bodies": bodies, "language_column": "language"}
        return Checked(rows, self.COLUMNS, id_column=None, **{**usual, **given})

    def test_each_text_has_its_own_values_and_parts(self) -> None:
        found = self.checked([(MARIA, " EN", "Maria", "19:30"), (JOHAN, "sv", "Johan", None)])
        assert [(person.language, person.values) for person in found.people] == [
            ("en", ("Maria", "19:30")),
            ("sv", ("Johan", "")),
        ]
        assert found.counts.parts == {Parts("text", 1): 1, Parts("unicode", 1): 1}
        assert found.bad == []

    def test_a_value_is_missing_only_where_it_is_used(self) -> None:
        found = self.checked([(MARIA, "en", "Maria", ""), (JOHAN, "sv", "Johan", "")])
        assert found.numbers == [JOHAN]
        assert [column for _, column, _ in found.reasons] == ["time"]

    def test_without_a_default_the_language_has_to_be_one_of_them(self) -> None:
        found = self.checked([(MARIA, "de", "M", ""), (JOHAN, None, "", ""), (ANNA, 1.5, "A", "")])
        assert [reason for _, _, reason in found.reasons] == [
            'is a language without a text, and bodies has no "default"',
            'is missing, and bodies has no "default"',
            "is not text, a whole number, a Decimal, a date, a time or a UUID",
            'is missing, and bodies has no "default"',
        ]

    def test_others_get_the_default(self) -> None:
        bodies = {"sv": "Hej", "default": "Hi"}
        rows = [(MARIA, "de", "", ""), (JOHAN, None, "", ""), (ANNA, "SV", "", "")]
        found = self.checked(rows, bodies=bodies)
        assert [person.language for person in found.people] == ["default", "default", "sv"]


class TestZones:
    COLUMNS = ("phone", "zone")

    def test_names_of_zones_are_checked(self) -> None:
        rows = [(MARIA, "Europe/London"), (JOHAN, "Sweden"), (ANNA, ""), ("+12025550123", "../etc")]
        found = Checked(rows, self.COLUMNS, id_column=None, body="Hi", time_zone_column="zone")
        assert [person.zone for person in found.people] == ["Europe/London", ""]
        reason = "is not the name of a time zone"
        assert found.reasons == [(2, "zone", reason), (4, "zone", reason)]


class TestCounts:
    def test_parts_and_countries_of_those_who_pass(self) -> None:
        rows = [
            (1, "+447700900222", "Maria"),
            (2, "+447700900222", "ж" * 160),
            (3, "+46701740605", "ж" * 70),
            (4, "x", "Maria"),
            (5, "+12025550123", "€" * 80),
        ]
        found = Checked(rows)
        assert found.counts.parts == {Parts("text", 1): 1, Parts("unicode", 2): 1, Parts("text", 2): 1}
        assert [person.parts for person in found.people] == [1, 2, 2]
        assert found.counts.totals == {"GB": Share(1, 1), "SE": Share(1, 2), "US": Share(1, 2)}
        assert found.counts.all_parts == 5

    def test_what_makes_texts_unicode(self) -> None:
        rows = [(1, MARIA, "Zoë"), (2, JOHAN, "Zoë" + "a" * 80), (3, ANNA, "A"), (4, "x", "ж")]
        found = Checked(rows)
        assert found.counts.odd == [Odd("ë", 2, "e")]
        assert found.counts.avoidable_parts == 1

    def test_what_a_body_itself_has(self) -> None:
        found = Checked(many(1500), body="“Hi”")
        assert found.counts.odd == [Odd("“", 1500, '"'), Odd("”", 1500, '"')] or found.counts.odd == [
            Odd("”", 1500, '"'),
            Odd("“", 1500, '"'),
        ]

    def test_no_rows_and_no_people_are_told_apart(self) -> None:
        nothing, nobody = Checked([]), Checked([(1, "x", "n")])
        assert (nothing.counts.rows, nothing.counts.people) == (0, 0)
        assert (nobody.counts.rows, nobody.counts.people) == (1, 0)
        layout = Layout(number_column="phone", body="Hi")
        with check(from_mappings([]), layout) as audience:
            assert audience.counts == Counts()
            assert list(audience.portions()) == []


class TestWholeSource:
    def test_its_faults_come_before_any_row(self) -> None:
        taken = 0

        def source() -> Iterator[tuple[str, str]]:
            nonlocal taken
            for _ in range(2 * PORTION):
                taken += 1
                yield "+447700900222", "Maria"

        layout = Layout(number_column="mobile", body="Hi ${nmae}")
        with pytest.raises(SinchValidationError) as error:
            check(from_tuples(source(), ["phone", "name"]), layout)
        assert [fault.field for fault in error.value.faults] == ["number_column", "${nmae}"]
        assert taken == 0

    def test_an_empty_one_has_its_columns_checked(self) -> None:
        with pytest.raises(SinchValidationError, match="is none of the 1 columns"):
            check(from_tuples([], ["id"]), Layout(number_column="phone", body="Hi"))

    def test_plain_numbers(self) -> None:
        layout = Layout(body="Hi")
        with check(rows_of([MARIA, 447700900333, "x"]), layout) as audience:
            people = [person.number for portion in audience.portions() for person in portion]
            assert people == [MARIA, JOHAN]
            assert next(iter(audience.counts.reasons))[0] == "number"

    def test_after_an_error_nobody_is_left_on_the_disk(self) -> None:
        def source() -> Iterator[tuple[str]]:
            yield from [("+447700900222",)] * (PORTION + 1)
            raise OSError("the database is gone")

        layout = Layout(body="Hi")
        # The traceback keeps everything that the check used, as a log handler may.
        before = open_files()
        with pytest.raises(OSError, match="the database is gone") as error:
            check(from_tuples(source(), ["phone"]), layout)
        assert open_files() == before
        assert MARIA not in str(error.value)

    def test_own_readers_make_portions_themselves(self) -> None:
        portions = list(from_tuples([(MARIA,), (JOHAN,)], ["phone"]))
        with check(Rows(["phone"], portions), Layout(body="Hi")) as audience:
            assert len(audience) == 2
