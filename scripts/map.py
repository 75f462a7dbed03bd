"""
Write the map in CONTRIBUTING.md: every module with the first sentence of its docstring.

    python scripts/map.py
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
PAGE: Final = ROOT / "CONTRIBUTING.md"
PACKAGES: Final = (ROOT / "sinch_provider", ROOT / "sandbox" / "sinch_sandbox")
_BEGIN: Final = "<!-- map: written by scripts/map.py -->\n```text\n"
_END: Final = "```\n<!-- end of the map -->"
_NAMES: Final = 32


def sentence_of(path: Path) -> str:
    """Give the first sentence of a module's docstring, without markup; empty if it has none."""
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    paragraph = " ".join(docstring.split("\n\n")[0].split())
    first = re.split(r"(?<=[^.])\.(?: |$)", paragraph, maxsplit=1)[0]
    plain = re.sub(r":\w+:`~?([^`]+)`", lambda role: role[1].rpartition(".")[2], first)
    return plain.replace("``", "").rstrip(":")


def lines_of(folder: Path, depth: int = 0) -> Iterator[str]:
    """Write a folder of Python files, what lies in it indented."""
    yield _line(f"{folder.name}/", folder / "__init__.py", depth)
    files = [path for path in sorted(folder.glob("*.py")) if path.name != "__init__.py"]
    for path in files:
        yield _line(path.name, path, depth + 1)
    for below in sorted(path for path in folder.iterdir() if (path / "__init__.py").exists()):
        yield from lines_of(below, depth + 1)


def _line(name: str, path: Path, depth: int) -> str:
    return f"{'  ' * depth + name:{_NAMES}}{sentence_of(path)}".rstrip()


def written() -> str:
    """Give the page with the map as it should be."""
    before, rest = PAGE.read_text(encoding="utf-8").split(_BEGIN)
    after = rest.split(_END)[1]
    lines = "\n\n".join("\n".join(lines_of(package)) for package in PACKAGES)
    return f"{before}{_BEGIN}{lines}\n{_END}{after}"


if __name__ == "__main__":
    PAGE.write_text(written(), encoding="utf-8")
    sys.stdout.write(f"{PAGE.name} has the map of {len(PACKAGES)} packages.\n")
