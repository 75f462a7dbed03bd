"""Rules that many fields share. A check returns the value for the API, or raises the fault."""

from __future__ import annotations

import numbers
import re
from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from sinch_provider.sms.errors import Fault

#: The endings of file names that a body may give instead of its text.
FILE_SUFFIXES: Final = (".txt", ".j2", ".jinja")

# The limit of whole numbers that have no lower one.
MAX_INTEGER: Final = 2**31 - 1

_MAX_WRITTEN: Final = 100
_KEYWORD: Final = r"[A-Za-z_]{0,24}"
# What Airflow's "Rendered Template" shows in the place of a private field.
_HIDDEN: Final = r"<hidden(: \d+ [a-z]+)?>"

Check = Callable[[str, Any], Any]


class BrokenRuleError(Exception):
    """One or more rules of a field are broken."""

    def __init__(self, *faults: Fault) -> None:
        self.faults = faults


def broken(field: str, rule: str, shown: str = "") -> BrokenRuleError:
    """Make the error of a field with one fault."""
    return BrokenRuleError(Fault(field, rule, shown))


def shown_value(value: Any) -> str:
    """
    Show a value in an error, unless it may belong to another field.

    A mistake in the arguments can put texts, numbers and URLs in any field.
    """
    if isinstance(value, str):
        return repr(value) if re.fullmatch(_KEYWORD, value) else f"{len(value)} characters"
    if isinstance(value, timedelta) or (isinstance(value, (int, float)) and not abs(value) >= 10**6):
        return repr(value)
    return type(value).__name__


def whole_number(value: Any) -> int | None:
    """
    Read a whole number of Python, a data frame or a database; None if the value is not one.

    A ``Decimal`` counts only without a decimal point: with one, it is neither a phone number nor a code.
    """
    if type(value) is int:
        return value
    if isinstance(value, Decimal):
        return int(value) if str(value).isdecimal() else None
    if isinstance(value, numbers.Integral) and not isinstance(value, bool):
        return int(value)
    return None


def written(value: Any) -> Any:
    """Write a whole number as text. Leave anything else as it is."""
    number = whole_number(value)
    # Python refuses to write integers with thousands of digits.
    return value if number is None or abs(number) >= 10**_MAX_WRITTEN else str(number)


def one_of(*allowed: str) -> Check:
    """Make the check of a field that is one of several words."""

    def check(field: str, value: Any) -> str:
        if not isinstance(value, str) or value not in allowed:
            raise broken(field, f"must be one of {', '.join(allowed)}", shown_value(value))
        return value

    return check


def integer(low: int, high: int | None = None) -> Check:
    """Make the check of a field that is a whole number between two bounds."""

    def check(field: str, value: Any) -> int:
        highest = MAX_INTEGER if high is None else high
        number = whole_number(value)
        if number is None or not low <= number <= highest:
            bounds = f"of at least {low}" if high is None else f"from {low} to {high}"
            raise broken(field, f"must be a whole number {bounds}", shown_value(value))
        return number

    return check


def boolean(field: str, value: Any) -> bool:
    """Check a field that is true or false."""
    if not isinstance(value, bool):
        raise broken(field, "must be True or False", shown_value(value))
    return value


def text(field: str, value: Any) -> Any:
    """
    Check that a text for people is not left over from a template.

    Whole numbers become text. Other values that are not text are left to the caller.
    """
    value = written(value)
    if not isinstance(value, str):
        return value
    if value.strip() == "None":
        raise broken(field, "must not be the text None: a template found no value")
    return rendered(field, value)


def rendered(field: str, value: str) -> str:
    """Check that a text contains no template that was not rendered, and no placeholder of a hidden value."""
    # One character is found faster than two: the text may be thousands of values in one.
    if "{" in value and ("{{" in value or "{%" in value):
        raise broken(field, "must not contain a template that was not rendered ({{ or {%)")
    if "<" in value and "<hidden" in value and re.search(_HIDDEN, value):
        raise broken(field, "must not contain the placeholder of a hidden value (<hidden: ...>)")
    return value


def is_file_name(value: Any, suffixes: Sequence[str] = FILE_SUFFIXES) -> bool:
    """Whether a text is only the name of a file, not a sentence or a link that ends in one."""
    return (
        isinstance(value, str)
        and value.endswith(tuple(suffixes))
        and "://" not in value
        and not re.search(r"\s|\{\{|\{%", value)
    )


def encodable(value: str) -> bool:
    """Whether a text can be written in a URL. It cannot with a lone surrogate, such as half an emoji."""
    return not any("\ud800" <= character <= "\udfff" for character in value)
