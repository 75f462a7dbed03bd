"""The list of all texts that the code shows to people, and the comparison of two such lists."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.messages import main, messages_of
from tests.system.words import check_words

SOURCE = '''
"""What the module does is no message."""

import warnings


class NoRoomError(Exception):
    advice = "Make room first."


class Room:
    """Nor is this."""

    def enter(self, log, name, help_="takes no part"):
        log.warning("Nobody opens %s, " "and nobody answers.", name)
        if name:
            raise NoRoomError(f"There is no room for {name!r} in {len(name):d} beds")
        warnings.warn("The room is empty.", stacklevel=2)
        return "SELECT name FROM rooms WHERE bed = :bed"
'''


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "house"
    folder.mkdir()
    (folder / "room.py").write_text(SOURCE)
    return folder


def test_it_finds_what_people_read(tree: Path) -> None:
    assert [(each.place, each.function, each.kind, each.text) for each in messages_of([tree])] == [
        ("house/room.py", "NoRoomError", "error", "Make room first."),
        ("house/room.py", "Room.enter", "text", "takes no part"),
        ("house/room.py", "Room.enter", "log.warning", "Nobody opens %s, and nobody answers."),
        ("house/room.py", "Room.enter", "error", "There is no room for {…} in {…} beds"),
        ("house/room.py", "Room.enter", "warning", "The room is empty."),
    ]


def test_a_comparison_shows_what_changed(
    tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new = tmp_path / "new"
    new.mkdir()
    changed = SOURCE.replace("Nobody opens %s, ", "Nobody has opened %s, ").replace(
        "def enter", "def come_in"
    )
    (new / "rooms.py").write_text(changed)
    assert main(["--compare", str(tree), str(new)]) == 0
    rows = capsys.readouterr().out.splitlines()[2:]
    assert rows == [
        "| new/rooms.py:15 Room.come_in | log.warning | Nobody opens %s, and nobody answers. | "
        "Nobody has opened %s, and nobody answers. |"
    ]


def test_a_list_is_a_table(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tree)]) == 0
    assert "| house/room.py:8 NoRoomError | error | Make room first. |" in capsys.readouterr().out


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        main([str(tmp_path / "elsewhere")])


def test_the_system_test_counts_words_that_operators_still_say() -> None:
    check_words()
