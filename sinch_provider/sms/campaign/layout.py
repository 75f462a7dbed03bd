"""The layout of a campaign: what its columns mean, and the text that people get."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from sinch_provider.sms.campaign.countries import is_country
from sinch_provider.sms.errors import Fault
from sinch_provider.sms.fields.parameters import MAX_VALUE
from sinch_provider.sms.fields.rules import BrokenRuleError, broken, integer, text, written
from sinch_provider.sms.fields.values import BODIES, TEXT, sender
from sinch_provider.sms.masking import mask_text

#: The text, or the sender, of everybody for whom there is no other.
DEFAULT: Final = "default"
#: The language of the only text of a campaign without languages.
ANY: Final = ""

_NAME: Final = r"[A-Za-z0-9_.-]{1,16}"
_PLACEHOLDER: Final = r"\$\{([A-Za-z0-9_.-]+)\}"
_COUNTRY: Final = r"[A-Z]{2}|001"
#: Names of columns do not look like this; numbers do.
_LIKE_DATA: Final = r"\d{5}"


class Places(NamedTuple):
    """
    Where the values of a person are in a row.

    :param number: The column of the number.
    :param id: Of the id; None: there is none. So for those below.
    :param zone: Of the time zone.
    :param language: Of the language.
    :param values: Of the names in the text that differ from person to person.
    """

    number: int
    id: int | None
    zone: int | None
    language: int | None
    values: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class Layout:
    """
    What the columns of a source mean, and the text that people get.

    Names of columns are compared as they are written; if there is none, without regard to case and blanks.

    :param number_column: The column of phone numbers. A source with one column needs no name.
    :param id_column: The column whose value is carried to the results.
    :param time_zone_column: The column of time zones, such as ``Europe/Stockholm``. A blank one: the zones of
        the number's region.
    :param language_column: The column that chooses one of ``bodies``.
    :param body: The text. ``${name}`` is filled with the column or the parameter of that name.
    :param bodies: Texts by language, and by ``default`` for everybody else.
    :param parameters: What fills ``${name}`` for everybody, if there is no column of that name, and else for
        people whose value is blank.
    :param from_: The sender, or senders by country such as ``SE``, and by ``default``. By default that of the
        connection.
    :param default_country: Whose numbers those without ``+`` are, such as ``SE``. By default they have to be
        international.
    :param max_number_of_message_parts: The most parts that the text of one person may have.
    """

    number_column: str | None = None
    id_column: str | None = None
    time_zone_column: str | None = None
    language_column: str | None = None
    body: str | None = field(default=None, repr=False)
    bodies: Mapping[str, str] | None = field(default=None, repr=False)
    parameters: Mapping[str, str | int] | None = field(default=None, repr=False)
    from_: str | Mapping[str, str] | None = field(default=None, repr=False)
    default_country: str | None = None
    max_number_of_message_parts: int | None = None

    def texts(self) -> dict[str, str]:
        """Return the text of each language, as :func:`folded` writes it."""
        if self.bodies is None:
            return {ANY: self.body or ""}
        return {folded(language): body for language, body in self.bodies.items()}

    def names(self, language: str) -> list[str]:
        """Return the names that are filled in in the text of a language, each once."""
        return list(dict.fromkeys(re.findall(_PLACEHOLDER, self.texts()[language])))

    def constants(self) -> dict[str, str]:
        """Return the values of parameters as text."""
        return {name: str(written(value)) for name, value in (self.parameters or {}).items()}

    def sender(self, country: str) -> str | None:
        """Return the sender for the people of a country; None: that of the connection."""
        if isinstance(self.from_, Mapping):
            return self.from_.get(country, self.from_.get(DEFAULT))
        return self.from_

    def places(self, columns: Sequence[str]) -> Places:
        """
        Find the columns of a source. It must have no :meth:`faults`.

        :param columns: Their names.
        """

        def place(name: str | None) -> int | None:
            return None if name is None else _find(name, columns)[0]

        return Places(
            number=place(self.number_column) or 0,
            id=place(self.id_column),
            zone=place(self.time_zone_column),
            language=place(self.language_column),
            values={name: found[0] for name in self._placeholders() if (found := _find(name, columns))},
        )

    def faults(self, columns: Sequence[str] | None = None) -> list[Fault]:
        """
        Return everything that is wrong with it, for all rows at once.

        :param columns: The columns of the source. None: they are not known yet, so nothing is compared with
            them.
        """
        faults = [*self._faults_of_texts(), *self._faults_of_parameters(), *self._faults_of_countries()]
        _try(faults, "max_number_of_message_parts", self.max_number_of_message_parts, integer(1))
        if columns is None:
            return faults
        return faults + self._faults_of_columns(columns) + self._unknown_countries()

    def _faults_of_texts(self) -> list[Fault]:
        faults: list[Fault] = []
        if (self.body is None) == (self.bodies is None):
            faults.append(Fault("body, bodies", "must be given one of the two"))
        if (self.bodies is None) != (self.language_column is None):
            faults.append(Fault("bodies, language_column", "must be given together or not at all"))
        _try(faults, "body", self.body, BODIES[TEXT])
        if self.bodies is None:
            return faults
        if not isinstance(self.bodies, Mapping) or not self.bodies:
            return [*faults, Fault("bodies", 'must be an object of texts by language, such as {"sv": "Hej"}')]
        languages = [language for language in self.bodies if isinstance(language, str) and language.strip()]
        if len(set(map(folded, languages))) < len(self.bodies):
            faults.append(Fault("bodies", "must have different languages, each as text"))
        for language in languages:
            body = self.bodies[language]
            # None is a text that was forgotten.
            _try(faults, f"bodies[{mask_text(language)}]", "" if body is None else body, BODIES[TEXT])
        return faults

    def _faults_of_parameters(self) -> list[Fault]:
        faults: list[Fault] = []
        used = self._placeholders()
        for name in used:
            if not re.fullmatch(_NAME, name):
                faults.append(Fault(f"${{{mask_text(name)}}}", "must have at most 16 characters as a name"))
        if self.parameters is None:
            return faults
        if not isinstance(self.parameters, Mapping):
            return [*faults, Fault("parameters", 'must be an object of values, such as {"time": "19:30"}')]
        for name, value in self.parameters.items():
            path = f"parameters.{mask_text(str(name))}"
            if name not in used:
                faults.append(Fault(path, "is not used: no text contains its name in ${...}"))
            _try(faults, path, value, _constant)
            if value is None:
                faults.append(Fault(path, "must be text"))
        return faults

    def _faults_of_countries(self) -> list[Fault]:
        faults: list[Fault] = []
        if self.default_country is not None and not _like_country(self.default_country):
            faults.append(Fault("default_country", 'must be a country such as "SE"'))
        if not isinstance(self.from_, Mapping):
            _try(faults, "from_", self.from_, sender)
            return faults
        for country, said in self.from_.items():
            if country != DEFAULT and not _like_country(country):
                rule = f'must have countries such as "SE" for its names, and "{DEFAULT}"'
                faults.append(Fault("from_", rule))
            else:
                _try(faults, f"from_[{country}]", said, sender)
        return faults

    def _unknown_countries(self) -> list[Fault]:
        """Countries that look like one, but are none. That takes data which no Dag parse should load."""
        given = {f"from_[{name}]": name for name in self.from_} if isinstance(self.from_, Mapping) else {}
        named = {"default_country": self.default_country, **given}
        return [
            Fault(path, "is not a country that has phone numbers", repr(name))
            for path, name in named.items()
            if name is not None and _like_country(name) and not is_country(name)
        ]

    def _faults_of_columns(self, columns: Sequence[str]) -> list[Fault]:
        faults: list[Fault] = []
        named = {
            "number_column": self.number_column,
            "id_column": self.id_column,
            "time_zone_column": self.time_zone_column,
            "language_column": self.language_column,
        }
        for path, name in named.items():
            if name is not None:
                faults += _missing(path, name, columns)
        if self.number_column is None and len(columns) != 1:
            faults.append(Fault("number_column", f"is required for a source with {len(columns)} columns"))
        constants = self.parameters if isinstance(self.parameters, Mapping) else {}
        for name in self._placeholders():
            found = _find(name, columns)
            if len(found) > 1:
                faults.append(Fault(f"${{{mask_text(name)}}}", f"could be any of {len(found)} columns"))
            elif not found and name not in constants:
                rule = "is in a text, but it is neither a column nor in parameters"
                faults.append(Fault(f"${{{mask_text(name)}}}", rule))
        if faults and any(re.search(_LIKE_DATA, name) for name in columns):
            faults.append(
                Fault("columns", "have names that look like data: the source may lack a line of names")
            )
        return faults

    def _placeholders(self) -> list[str]:
        """The names in all texts, each once."""
        bodies = self.bodies.values() if isinstance(self.bodies, Mapping) else (self.body,)
        found = [re.findall(_PLACEHOLDER, body) for body in bodies if isinstance(body, str)]
        return list(dict.fromkeys(name for names in found for name in names))


def folded(name: str) -> str:
    """Write a name without regard to case and blanks."""
    return "".join(name.split()).casefold()


def _find(name: str, columns: Sequence[str]) -> list[int]:
    """The columns that a name may mean."""
    exact = [index for index, each in enumerate(columns) if each == name]
    return exact or [index for index, each in enumerate(columns) if folded(each) == folded(name)]


def _missing(path: str, name: Any, columns: Sequence[str]) -> list[Fault]:
    if not isinstance(name, str) or not name.strip():
        return [Fault(path, "must be the name of a column")]
    found = _find(name, columns)
    # Names of columns are not shown: without a line of names, they are somebody's number and name.
    if not found:
        return [Fault(path, f"is none of the {len(columns)} columns", repr(mask_text(name)))]
    return (
        [Fault(path, f"could be any of {len(found)} columns", repr(mask_text(name)))]
        if len(found) > 1
        else []
    )


def _constant(path: str, value: Any) -> str:
    value = text(path, value)
    if not isinstance(value, str):
        raise broken(path, f"must be text, not {type(value).__name__}")
    if len(value) > MAX_VALUE:
        raise broken(path, f"must have at most {MAX_VALUE} characters", f"{len(value)} characters")
    return value


def _like_country(name: Any) -> bool:
    return isinstance(name, str) and re.fullmatch(_COUNTRY, name) is not None


def _try(faults: list[Fault], path: str, value: Any, check: Any) -> None:
    """Add the faults of a value that is given."""
    if value is not None:
        try:
            check(path, value)
        except BrokenRuleError as error:
            faults.extend(error.faults)
