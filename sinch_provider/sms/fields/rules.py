"""Rules that many fields share: a check turns a user's value into the wire's, or says what is wrong."""

from __future__ import annotations

import numbers
import re
from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from sinch_provider.sms.errors import Fault

#: A text that ends so, and is nothing but a name, stands for a file.
FILE_SUFFIXES: Final = (".txt", ".j2", ".jinja")

# Where a whole number has no upper limit of its own.
MAX_INTEGER: Final = 2**31 - 1

_MAX_WRITTEN: Final = 100
_KEYWORD: Final = re.compile(r"[A-Za-z_]{0,24}")
# How Airflow's "Rendered Template" shows a private field.
_HIDDEN: Final = re.compile(r"<hidden(: \d+ [a-z]+)?>")

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
    Show a value that should have been one of a few, unless it can be what belongs to another field.

    Arguments in the wrong order put texts, numbers and URLs in the most unlikely places.
    """
    if isinstance(value, str):
        return repr(value) if _KEYWORD.fullmatch(value) else f"{len(value)} characters"
    if isinstance(value, timedelta) or (isinstance(value, (int, float)) and not abs(value) >= 10**6):
        return repr(value)
    return type(value).__name__


def whole_number(value: Any) -> int | None:
    """
    Take a whole number as Python, data frames and databases write them; None if it is nothing of the kind.

    A ``Decimal`` counts if no point is in its text: behind one, it is no phone number and no code.
    """
    if type(value) is int:
        return value
    if isinstance(value, Decimal):
        return int(value) if str(value).isdecimal() else None
    if isinstance(value, numbers.Integral) and not isinstance(value, bool):
        return int(value)
    return None


def written(value: Any) -> Any:
    """Write a whole number as text, as it stands where people read it; anything else stays."""
    number = whole_number(value)
    # Python itself refuses to write out integers of thousands of digits.
    return value if number is None or abs(number) >= 10**_MAX_WRITTEN else str(number)


def one_of(*allowed: str) -> Check:
    """Make the check of a field that is one of a few words."""

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
    Check that a text is what people are to read, and not what was left where a text should be.

    Whole numbers become text; anything else that is no text is for the caller to judge.
    """
    value = written(value)
    if not isinstance(value, str):
        return value
    if value.strip() == "None":
        raise broken(field, "must not be the text None, which a template gives that found no value")
    return rendered(field, value)


def rendered(field: str, value: str) -> str:
    """Check that a text holds no template that nobody has rendered, and no value that was hidden."""
    if "{{" in value or "{%" in value:
        raise broken(field, "must not hold a template that was not rendered ({{ or {%)")
    if "<hidden" in value and _HIDDEN.search(value):
        raise broken(field, "must not hold what stands for a hidden value (<hidden: ...>)")
    return value


def is_file_name(value: Any, suffixes: Sequence[str] = FILE_SUFFIXES) -> bool:
    """Whether a text is nothing but the name of a file that holds one; no sentence and no link is."""
    return (
        isinstance(value, str)
        and value.endswith(tuple(suffixes))
        and "://" not in value
        and not re.search(r"\s|\{\{|\{%", value)
    )


def encodable(value: str) -> bool:
    """Whether a text can be written in a URL: half an emoji, a lone surrogate, is no character."""
    return not any("\ud800" <= character <= "\udfff" for character in value)
