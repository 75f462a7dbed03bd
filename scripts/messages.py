"""
List every text that the code shows to people: errors, log lines, warnings, help.

    python scripts/messages.py sinch_provider sandbox/sinch_sandbox
    python scripts/messages.py --compare OLD NEW

It reads the source and runs nothing. Each row has the place, the kind, and the text with ``{…}`` where a
value goes. ``--compare`` takes two trees, each a folder or several with commas between them, and puts the
texts that changed side by side. It pairs texts of functions with the same name first, then those that are
most alike.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_HOLE: Final = "{…}"
_LEVELS: Final = frozenset({"debug", "info", "warning", "error", "exception", "critical"})
_LOGGERS: Final = frozenset({"log", "_log", "logger"})
#: Calls and raised classes that make an error, besides those whose name ends in Error or Exception.
_ERRORS: Final = frozenset({"Fault", "broken", "Refusal", "bad_format", "constraint"})
#: Names of class attributes and methods whose texts become part of an error.
_ADVICE: Final = frozenset({"advice", "_consequence"})
_ARGUMENTS: Final = frozenset({"help", "description", "epilog"})
#: Texts with blanks that only machines read.
_MACHINE: Final = re.compile(
    r"^\s*(SELECT|INSERT|UPDATE|DELETE|CREATE|WITH|PRAGMA|BEGIN|ALTER|FROM|WHERE|AND|ORDER)\b"
    r"|[ (:]:\w|IS (NOT )?NULL|\w+_at\b.*\w+_at\b|'none'"
)
_ALIKE: Final = 0.45


@dataclass(frozen=True)
class Message:
    """
    A text in the source.

    :param place: File, relative to the folder that was named.
    :param line: Its line.
    :param function: Class and function around it, or empty.
    :param kind: ``error``, ``log.<level>``, ``warning``, ``help``, ``print``, or ``text`` for the rest.
    :param text: The text, with ``{…}`` where a value goes.
    """

    place: str
    line: int
    function: str
    kind: str
    text: str


def written(node: ast.AST) -> str | None:
    """Give the text of a literal, an f-string or several of them in a row; None: it is something else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(written(part) or _HOLE for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = written(node.left), written(node.right)
        if left is not None or right is not None:
            return (_HOLE if left is None else left) + (_HOLE if right is None else right)
    return None


def kind_of(node: ast.AST) -> str | None:
    """Say what a call, an assignment or a function does with the texts in it; None: nothing special."""
    if isinstance(node, ast.Raise):
        return "error"
    if isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        return "error" if any(isinstance(each, ast.Name) and each.id in _ADVICE for each in targets) else None
    if isinstance(node, ast.FunctionDef):
        return "error" if node.name in _ADVICE else None
    if isinstance(node, ast.keyword):
        return "help" if node.arg in _ARGUMENTS else None
    if not isinstance(node, ast.Call):
        return None
    name = _name(node.func)
    if isinstance(node.func, ast.Attribute) and name in _LEVELS and _name(node.func.value) in _LOGGERS:
        return f"log.{name}"
    if name in _ERRORS or name.endswith(("Error", "Exception", "Failure", "Failed")):
        return "error"
    return {"warn": "warning", "print": "print"}.get(name)


def messages_in(path: Path, place: str) -> list[Message]:
    """List the texts of one file."""
    found: list[Message] = []

    def walk(node: ast.AST, function: str, kind: str) -> None:
        text = written(node)
        if text is not None:
            if _is_sentence(text, kind):
                found.append(
                    Message(place, getattr(node, "lineno", 0), function, kind, " ".join(text.split()))
                )
            return
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            function = f"{function}.{node.name}".lstrip(".")
        kind = kind_of(node) or kind
        for child in ast.iter_child_nodes(node):
            # A statement that is a text and nothing else is a docstring.
            if not (isinstance(child, ast.Expr) and written(child.value) is not None):
                walk(child, function, kind)

    walk(ast.parse(path.read_text(encoding="utf-8")), "", "text")
    return found


def messages_of(folders: Iterable[Path]) -> list[Message]:
    """List the texts of all Python files below some folders."""
    return [
        message
        for folder in folders
        for path in sorted(folder.rglob("*.py"))
        for message in messages_in(path, path.relative_to(folder.parent).as_posix())
    ]


def pairs_of(old: Sequence[Message], new: Sequence[Message]) -> list[tuple[Message | None, Message | None]]:
    """Pair the texts that changed; None on one side: there is no other."""
    same = Counter(each.text for each in old) & Counter(each.text for each in new)
    before, after = _without(old, same), _without(new, same)
    pairs: list[tuple[Message | None, Message | None]] = []
    homes: dict[tuple[str, bool], list[Message]] = defaultdict(list)
    for each in after:
        homes[_home(each)].append(each)
    for one in list(before):
        if other := _most_alike(one, homes[_home(one)], at_least=0.0):
            homes[_home(one)].remove(other)
            before.remove(one)
            after.remove(other)
            pairs.append((one, other))
    for one in list(before):
        fitting = [each for each in after if (each.kind == "text") == (one.kind == "text")]
        if other := _most_alike(one, fitting, at_least=_ALIKE):
            before.remove(one)
            after.remove(other)
            pairs.append((one, other))
    pairs += [(one, None) for one in before] + [(None, other) for other in after]
    return sorted(pairs, key=lambda pair: next((each.place, each.line) for each in reversed(pair) if each))


def table(messages: Iterable[Message]) -> Iterator[str]:
    """Write the texts as a Markdown table."""
    yield "| Place | Kind | Text |"
    yield "|---|---|---|"
    for each in messages:
        yield f"| {each.place}:{each.line} {each.function} | {each.kind} | {_cell(each.text)} |"


def comparison(pairs: Iterable[tuple[Message | None, Message | None]]) -> Iterator[str]:
    """Write texts that changed side by side, as a Markdown table."""
    yield "| Place | Kind | Before | After |"
    yield "|---|---|---|---|"
    for before, after in pairs:
        shown = after or before
        assert shown is not None
        where = f"{shown.place}:{shown.line} {shown.function}" + ("" if after else " (before)")
        texts = (_cell(each.text) if each else "-" for each in (before, after))
        yield f"| {where} | {shown.kind} | {' | '.join(texts)} |"


def _name(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _is_sentence(text: str, kind: str) -> bool:
    words = [word for word in text.split() if re.search(r"[A-Za-z]", word)]
    if len(text.split()) < 2 or not words or _MACHINE.search(text):
        return False
    return kind != "text" or (len(words) > 2 and "\\" not in text and not text.startswith("<"))


def _home(message: Message) -> tuple[str, bool]:
    return message.function.rpartition(".")[2], message.kind == "text"


def _without(messages: Iterable[Message], same: Counter[str]) -> list[Message]:
    left = Counter(same)
    kept = []
    for each in messages:
        if left[each.text]:
            left[each.text] -= 1
        else:
            kept.append(each)
    return kept


def _most_alike(one: Message, others: Sequence[Message], at_least: float) -> Message | None:
    def likeness(other: Message) -> float:
        matcher = difflib.SequenceMatcher(None, one.text, other.text, autojunk=False)
        # The bounds are cheap, and most texts are nothing like each other.
        bound = min(matcher.real_quick_ratio(), matcher.quick_ratio())
        return bound if bound < at_least else matcher.ratio()

    best = max(others, key=likeness, default=None)
    return best if best is not None and likeness(best) >= at_least else None


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the list or the comparison."""
    parser = argparse.ArgumentParser(description="List every text that the code shows to people.")
    parser.add_argument("trees", nargs="*", metavar="TREE", help="folders with Python files")
    parser.add_argument("--compare", nargs=2, metavar=("OLD", "NEW"), help="folders with commas between them")
    chosen = parser.parse_args(arguments)
    if bool(chosen.trees) == bool(chosen.compare):
        parser.error("name some folders, or two to compare")
    wanted = chosen.compare or [",".join(chosen.trees)]
    folders = [[Path(name) for name in names.split(",")] for names in wanted]
    for folder in (each for several in folders for each in several):
        if not folder.is_dir():
            parser.error(f"{folder} is not a folder")
    listed = [messages_of(each) for each in folders]
    lines = comparison(pairs_of(*listed)) if chosen.compare else table(listed[0])
    sys.stdout.writelines(f"{line}\n" for line in lines)
    return 0


if __name__ == "__main__":
    sys.exit(main())
