"""Remove blanks at the ends of lines and files; fail if any file had to be changed."""

from __future__ import annotations

import re
import sys
from pathlib import Path


def mended(text: str) -> str:
    """Drop blanks at line ends, and end a text that is not empty with one line break."""
    stripped = re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE).rstrip("\n")
    return f"{stripped}\n" if stripped else ""


def main(names: list[str]) -> int:
    """Correct the files, and name those that were changed."""
    changed = 0
    for path in map(Path, names):
        text = path.read_text(encoding="utf-8")
        if (better := mended(text)) != text:
            path.write_text(better, encoding="utf-8")
            sys.stdout.write(f"corrected {path}\n")
            changed = 1
    return changed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
