"""What is wrong with a campaign for all rows at once, and how columns are found."""

from __future__ import annotations

from typing import Any

import pytest

from sinch_provider.sms.campaign.layout import Layout, Places

COLUMNS = ("id", "phone", "name", "language", "zone")


def faults(columns: Any = COLUMNS, **given: Any) -> list[str]:
    layout = Layout(**{"number_column": "phone", "body": "Hi", **given})
    return [f"{fault.field}: {fault.rule}" for fault in layout.faults(columns)]


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"body": "Hi ${name}, ${time}", "parameters": {"time": "19:30"}},
        {"body": "Hi ${Name}, ${ID}"},
        {"id_column": "ID", "time_zone_column": " Z one ", "number_column": "PHONE"},
        {"body": None, "bodies": {"sv": "Hej", "default": "Hi ${name}"}, "language_column": "language"},
        {"from_": "Bistro"},
        {"from_": {"SE": "Bistro", "US": "12025550123", "default": "447700900111"}},
        {"default_country": "SE", "max_number_of_message_parts": 3},
        {"parameters": {"n": 5}, "body": "${n}"},
    ],
)
def test_without_faults(given: dict[str, Any]) -> None:
    assert faults(**given) == []
    assert faults(None, **given) == []


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"body": None}, "body, bodies: must be given one of the two"),
        (
            {"bodies": {"sv": "Hej"}, "language_column": "language"},
            "body, bodies: must be given one of the two",
        ),
        ({"body": " "}, "body: must not be blank"),
        ({"body": "a" * 2001}, "body: must have at most 2000 characters"),
        ({"body": "Hi {{ name }}"}, "body: must not contain a template that was not rendered ({{ or {%)"),
        ({"language_column": "language"}, "bodies, language_column: must be given together or not at all"),
        (
            {"body": None, "bodies": {"sv": "Hej"}},
            "bodies, language_column: must be given together or not at all",
        ),
        (
            {"body": None, "bodies": {}, "language_column": "language"},
            'bodies: must be an object of texts by language, such as {"sv": "Hej"}',
        ),
        (
            {"body": None, "bodies": {"sv": "Hej", " SV": "Hi"}, "language_column": "language"},
            "bodies: must have different languages, each as text",
        ),
        (
            {"body": None, "bodies": {"sv": None}, "language_column": "language"},
            "bodies[sv]: must not be blank",
        ),
        ({"body": f"${{{'a' * 17}}}"}, f"${{{'a' * 17}}}: must have at most 16 characters as a name"),
        (
            {"parameters": {"time": "19:30"}},
            "parameters.time: is not used: no text contains its name in ${...}",
        ),
        ({"body": "${t}", "parameters": {"t": None}}, "parameters.t: must be text"),
        ({"body": "${t}", "parameters": {"t": 1.5}}, "parameters.t: must be text, not float"),
        ({"body": "${t}", "parameters": {"t": "a" * 161}}, "parameters.t: must have at most 160 characters"),
        ({"parameters": ["t"]}, 'parameters: must be an object of values, such as {"time": "19:30"}'),
        ({"default_country": "Sweden"}, 'default_country: must be a country such as "SE"'),
        ({"from_": "a" * 12}, "from_: must have at most 11 characters as a name"),
        ({"from_": {"SE": "a" * 12}}, "from_[SE]: must have at most 11 characters as a name"),
        ({"from_": {"Sweden": "a"}}, 'from_: must have countries such as "SE" for its names, and "default"'),
        (
            {"max_number_of_message_parts": 0},
            "max_number_of_message_parts: must be a whole number of at least 1",
        ),
    ],
)
def test_faults_that_need_no_columns(given: dict[str, Any], fault: str) -> None:
    assert fault in faults(**given)
    assert fault in faults(None, **given)


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"number_column": "mobile"}, "number_column: is none of the 5 columns"),
        ({"id_column": "key"}, "id_column: is none of the 5 columns"),
        ({"time_zone_column": ""}, "time_zone_column: must be the name of a column"),
        ({"number_column": None}, "number_column: is required for a source with 5 columns"),
        ({"body": "Hi ${nmae}"}, "${nmae}: is in a text, but it is neither a column nor in parameters"),
        ({"default_country": "XX"}, "default_country: is not a country that has phone numbers"),
        ({"from_": {"UK": "Bistro"}}, "from_[UK]: is not a country that has phone numbers"),
    ],
)
def test_faults_of_columns(given: dict[str, Any], fault: str) -> None:
    assert fault in faults(**given)
    assert faults(None, **given) == []


class TestNamesOfColumns:
    def test_one_that_is_written_the_same_comes_first(self) -> None:
        layout = Layout(number_column="Phone", body="${name}")
        assert layout.faults(("phone", "Phone", "NAME", "name")) == []
        assert layout.places(("phone", "Phone", "NAME", "name")).number == 1
        assert layout.places(("phone", "Phone", "NAME", "name")).values == {"name": 3}

    def test_two_that_differ_in_case_only_are_ambiguous(self) -> None:
        columns = ("PHONE", "Phone", "First Name", "FIRSTNAME")
        assert faults(columns, body="${firstname}") == [
            "number_column: could be any of 2 columns",
            "${firstname}: could be any of 2 columns",
        ]

    def test_two_of_the_same_name_are_ambiguous_if_used(self) -> None:
        assert faults(("phone", "id", "id")) == []
        assert faults(("phone", "id", "id"), id_column="id") == ["id_column: could be any of 2 columns"]

    def test_all_are_found(self) -> None:
        layout = Layout(
            number_column="PHONE",
            id_column="id",
            time_zone_column="zone",
            language_column="language",
            bodies={"sv": "${name} ${time}", "en": "${Name}"},
            parameters={"time": "19:30"},
        )
        assert layout.faults(COLUMNS) == []
        assert layout.places(COLUMNS) == Places(1, 0, 4, 3, {"name": 2, "Name": 2})

    def test_a_source_of_one_column_needs_no_name(self) -> None:
        assert faults(("x",), number_column=None) == []
        assert Layout(body="Hi").places(("x",)).number == 0

    def test_names_are_not_shown_because_they_may_be_a_person(self) -> None:
        said = "\n".join(faults(("+447700900222", "Maria"), body="${nmae}"))
        assert "columns: have names that look like data: the source may lack a line of names" in said
        assert "900222" not in said
        assert "Maria" not in said


def test_senders_by_country() -> None:
    assert Layout(body="Hi", from_="Bistro").sender("SE") == "Bistro"
    assert Layout(body="Hi").sender("SE") is None
    layout = Layout(body="Hi", from_={"SE": "Bistro", "default": "Inn"})
    assert (layout.sender("SE"), layout.sender("GB")) == ("Bistro", "Inn")
    assert Layout(body="Hi", from_={"SE": "Bistro"}).sender("GB") is None


def test_no_text_is_shown() -> None:
    said = repr(Layout(body="secret", parameters={"a": "secret"}, from_="secret"))
    assert "secret" not in said
    assert "secret" not in repr(Layout(bodies={"sv": "secret"}))
