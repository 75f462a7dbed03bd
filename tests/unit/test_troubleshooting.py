"""The page about errors quotes texts as the code has them, and leaves none out."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from scripts.messages import Message, messages_of, written
from sinch_provider import sms
from sinch_provider.sms.delivery.codes import meaning
from sinch_provider.task import failures

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = (ROOT / "docs" / "troubleshooting.md").read_text()
#: Values in a text of the code.
_HOLE: Final = re.compile(r"\{…\}|%[.\d]*[sdrfg]")
#: Texts that need no row. Rules of fields say themselves what to write. The page explains those that do not.
UNEXPLAINED_FOLDERS: Final = (
    "sinch_provider/sms/fields/",
    "sinch_provider/sms/models.py",
    "sinch_provider/sms/campaign/budget.py",
    "sinch_provider/sms/campaign/canary.py",
    "sinch_provider/sms/campaign/layout.py",
    "sinch_provider/sms/campaign/window.py",
    "sinch_provider/operators/campaign_arguments.py",
    "sinch_provider/operators/campaign_base.py",
    "sinch_provider/operators/resend.py",
)
#: Mistakes in code that uses or extends the package, and texts that only complete another.
UNEXPLAINED: Final = (
    "module {…} has no attribute {…}",
    "Use AsyncSinchClient as a context manager",
    "Use a poller in its context",
    "A procedure may await calls and pauses only",
    "a summary must be an object",
    "{…} must be a list of ids",
    "counts must be a list of status, code and count",
    "it is another batch",
    "Read the batch (get) to see whether it was changed.",
    "another version",
    "state and batch id do not go together",
    "not text",
    "not a number of attempts",
    "not a number of batches",
    "must be the id of a connection",
    "{…} ({…} people)",
    "A retry texts the others.",
    "it is not a list of numbers",
    "it is not a page of batches",
    "all pages read",
    "pages missing",
    "it has no access_token",
    "the connection broke",
    "the exchange took too long",
    "must be one of {…}",
    "must have at most {…} characters",
    "must be a share from 0 to 1",
)


def quotes() -> list[str]:
    """The texts in the first columns of the tables whose head says *Text*."""
    tables = re.findall(r"^\| Text \|.*\n\|-.*\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    return [row.split("|")[1].strip().strip("`") for table in tables for row in table.splitlines()]


@cache
def messages() -> tuple[Message, ...]:
    return tuple(messages_of([ROOT / "sinch_provider"]))


@cache
def advice() -> frozenset[str]:
    """What to do, which follows the text of an error."""
    found = set()
    for path in (ROOT / "sinch_provider").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.keyword):
                names, value = [node.arg], node.value
            elif isinstance(node, ast.Assign):
                names, value = [each.id for each in node.targets if isinstance(each, ast.Name)], node.value
            else:
                continue
            if "advice" in names and (text := written(value)):
                found.add(" ".join(text.split()))
    return frozenset(found)


def pattern(quoted: str) -> re.Pattern[str]:
    """What a quoted text looks like in the code; ``...`` stands for a value."""
    return re.compile(r".*?".join(map(re.escape, quoted.split("..."))))


def quoted_in(quoted: str, text: str) -> bool:
    return pattern(quoted).search(_HOLE.sub("…", text)) is not None


@pytest.mark.parametrize("quoted", quotes())
def test_a_text_is_quoted_as_the_code_has_it(quoted: str) -> None:
    assert len(quoted) > 8
    assert any(quoted_in(quoted, each.text) for each in messages())


def needs_a_row(message: Message) -> bool:
    return (
        message.kind in {"error", "log.warning", "log.error"}
        and not message.place.startswith(UNEXPLAINED_FOLDERS)
        and not message.text.startswith(UNEXPLAINED)
        and "_consequence" not in message.function
        and message.text not in advice()
    )


def test_no_text_is_left_out() -> None:
    missing = [
        f"{each.place}:{each.line} {each.text}"
        for each in messages()
        if needs_a_row(each) and not any(quoted_in(quoted, each.text) for quoted in quotes())
    ]
    assert missing == []


def rows_under(heading: str) -> list[list[str]]:
    """The cells of the table under a heading, without its head."""
    section = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def test_the_codes_mean_what_the_code_says() -> None:
    listed = {code: said for code, said, _ in rows_under("Delivery codes")}
    assert len(listed) > 10
    assert {code: meaning(int(code.split()[0])) for code in listed} == listed


def test_the_classes_exist_and_are_retried_as_said() -> None:
    listed = {
        name: retried for names, _, retried in rows_under("By class") for name in re.findall(r"\w+", names)
    }
    classes = {name: getattr(sms if name in sms.__all__ else failures, name) for name in listed}
    assert listed == {
        name: "yes" if getattr(kind, "transient", False) else "no" for name, kind in classes.items()
    }
    assert {name for name in sms.__all__ if name.endswith("Error")} - {"SinchError"} <= set(listed)
