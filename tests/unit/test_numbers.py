"""Every phone number in the repository is reserved, so nobody real can be texted by an example."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import suppress
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
#: This file has numbers that may belong to somebody, to show that they are found.
NAME: Final = "tests/unit/test_numbers.py"

#: Set aside: by Ofcom for drama, by PTS for fiction, in North America 555-01xx. Nobody assigns +999.
#: One of Ofcom's with digits too many or too few, as tests of wrong numbers have them, leads nowhere either.
_RESERVED: Final = re.compile(r"447700900\d*|467017406(0[5-9]|[1-9]\d)|1[2-9]\d\d55501\d\d|999\d+")
#: The same as people write them at home, which is bad input here; zeros in front left out.
_AT_HOME: Final = re.compile(r"(44)?0?7700900\d{3}|7017406(0[5-9]|[1-9]\d)|[2-9]\d\d55501\d\d")
#: Numbers that begin like this are reserved, also if a program adds the rest.
_BEGINNINGS: Final = re.compile(r"44770090|467017406[1-9]|999|1[2-9]\d\d55501")

#: Dots, brackets, dashes, underscores and blanks of all widths.
_BETWEEN: Final = r"[ \t\u00a0\u2007\u2009\u202f._/()\u2010-\u2014-]{0,3}"
_CANDIDATE: Final = re.compile(rf"(?<![\d.])(?P<plus>\+[ (]{{0,2}})?\d(?:{_BETWEEN}\d)*(?P<open>\{{)?")
#: Characters written by their codes, whose digits are none of a number beside them.
_ESCAPE: Final = re.compile(r"\\u[0-9a-fA-F]{4}|\\x[0-9a-fA-F]{2}|%[0-9a-fA-F]{2}|&#x?[0-9a-fA-F]+;")
_ZERO_IN_BRACKETS: Final = re.compile(r"\( ?0 ?\)")

#: What looks like a phone number in every file and is none.
_EVERYWHERE: Final[Mapping[str, str]] = {
    r"20\d\d-\d\d-\d\d.\d\d": "a date with an hour",
    r"\+?0123456789": "the ten digits",
    r"1_?731_?406_?512(_?345)?": "seconds or milliseconds since 1970",
    r"\+4477009(0|00)?": "the beginning of the reserved ones, too short to be anybody's",
}
#: What looks like a phone number in one file and is none.
_IN_FILES: Final[Mapping[str, Mapping[str, str]]] = {
    "constraints/*.txt": {r"[\d.]+": "versions"},
    "*/icon.svg": {r"[\d .]+": "coordinates"},
    "docs/images/benchmarks/*.svg": {r"[\d .-]+": "coordinates"},
    "benchmarks/results.json": {r"\d+\.\d+": "measurements"},
    "sandbox/sinch_sandbox/*times.py": {r"221_845_392_000_000": "milliseconds"},
    "tests/unit/sandbox/*test_docs.py": {r"4670174\(060": "part of a pattern of the reserved ones"},
    "tests/unit/sandbox/*": {
        r"3221225985": "an IP address as one number",
        r"\+ 3_600_000": "milliseconds, added",
    },
    "tests/unit/sms/test_masking.py": {r"[\d-]*12345678[\d-]*": "parts of ids"},
    "tests/unit/sms/fields/test_recipients.py": {
        r"\+39 \(0\)6 0000 0222|390600000222": "the one country that keeps its zero reserves no numbers",
        r"\+44 7700 9|4670001 4670002": "too short to be anybody's",
    },
}


def digits_of(written: str) -> str:
    """Give the digits as ASCII, without the zero that only people at home dial."""
    return "".join(str(int(each)) for each in _ZERO_IN_BRACKETS.sub("", written) if each.isdecimal())


def suspects(text: str) -> Iterator[tuple[int, str]]:
    """Find what may be somebody's phone number, each with its line."""
    plain = _ESCAPE.sub(" ", text)
    for match in _CANDIDATE.finditer(plain):
        # Several with nothing but blanks between them look like a long one.
        several = len(digits_of(match[0])) > 15
        for part in re.split(r"[ \t/]+", match[0]) if several else [match[0]]:
            written = part.strip("({ ").removesuffix(".0")
            if _is_suspect(written, bool(match["open"]), least=7 if match["plus"] else 10):
                yield plain.count("\n", 0, match.start()) + 1, written


def _is_suspect(written: str, begins: bool, least: int) -> bool:
    digits = digits_of(written)
    if any(re.fullmatch(known, written) for known in _EVERYWHERE):
        return False
    if begins:
        return len(digits) >= 4 and not _BEGINNINGS.match(digits)
    abroad = digits.lstrip("0")
    return least <= len(digits) <= 15 and not (_RESERVED.fullmatch(abroad) or _AT_HOME.fullmatch(abroad))


def known_in(path: str) -> list[str]:
    return [known for pattern, inside in _IN_FILES.items() if fnmatch(path, pattern) for known in inside]


def text_files() -> Iterator[tuple[str, str]]:
    """Read every text file that git knows, or would if it were added."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=60).stdout
    for path in filter(None, listed.split("\0")):
        with suppress(UnicodeDecodeError, FileNotFoundError):
            yield path, (ROOT / path).read_text(encoding="utf-8")


def test_every_number_in_the_repository_belongs_to_nobody() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a clone of the repository")
    read, found = 0, []
    for path, text in text_files():
        read += 1
        if path == NAME:
            continue
        known = known_in(path)
        found += [
            f"{path}:{line}: {written}"
            for line, written in suspects(text)
            if not any(re.fullmatch(each, written) for each in known)
        ]
    assert read > 200
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "text",
    [
        "+46700000222",
        "+46 70-000 02 22",
        "(+46) 70 000 02 22",
        "+46 (0)70 000 02 22",
        "0046 70 000 02 22",
        "0046700000222",
        "00 46 70-000 02 22",
        "(46) 70.000.02.22",
        "46_700_000_222",
        "tel:+46700000222",
        "?to=%2B46700000222",
        "msisdn46700000222",
        "+46\\u00a070\\u202f000\\u200902\\u201122",
        "+46\u00a070\u202f000\u200902\u201122",
        "070-000 02 22",
        "{46700000222: 1}",
        'f"+46700{number:06d}"',
        'f"4670000{number:04d}"',
        "46700000222 447700900222",
        "447700900222 46700000222",
        "+447700901000 is not set aside",
        "07911 123456",
        "+46 70 174 06 04",
        "+1 212 555 0200",
        "(212) 555-0200",
        "+٤٦٧٠٠٠٠٠٢٢٢",
        "46700000222.0",
    ],
)
def test_somebodys_number_is_seen_in_every_writing(text: str) -> None:
    assert [line for line, _ in suspects(f"first line\n{text}\n")] == [2]


@pytest.mark.parametrize(
    "text",
    [
        "+447700900222, +44 7700-900 333, (+44) 7700 900444, 00447700900555",
        "+44 (0)7700 900222 or 07700 900 222",
        "447700900222 447700900333 447700900444",
        "+46 70 174 06 05, +46701740699",
        "+1 212 555 0100 and (212) 555-0199",
        'f"+44770090{number:04d}" and f"9995010{number:04d}"',
        "999501000222",
        "2026-11-25 10:00:00, 127.0.0.1:8080, 1,000,000 and 12.5",
    ],
)
def test_reserved_numbers_and_what_is_no_number_pass(text: str) -> None:
    assert list(suspects(text)) == []
