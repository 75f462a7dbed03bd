"""The map in CONTRIBUTING.md shows every module."""

from __future__ import annotations

from scripts import map as tree


def test_the_map_is_up_to_date() -> None:
    assert tree.PAGE.read_text() == tree.written(), "run: python scripts/map.py"


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        str(path.relative_to(tree.ROOT))
        for package in tree.PACKAGES
        for path in package.rglob("*.py")
        if not tree.sentence_of(path)
    ]
    assert silent == []
