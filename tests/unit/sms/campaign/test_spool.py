"""People on the disk."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sinch_provider.sms.campaign.spool import Block, Spool

MARIA, JOHAN = "447700900222", "447700900333"


def block(number: str, name: str = "Zoë\n\u2028\U0001f600") -> Block:
    return Block([number], ["1"], ["Europe/Stockholm"], [0], [2], [[name], ["x"]])


def test_is_read_any_number_of_times_also_at_once() -> None:
    spool = Spool()
    blocks = [block(MARIA), block(JOHAN), Block([MARIA], None, None, None, [1], [])]
    for each in blocks:
        spool.write(each)
    assert list(spool) == list(spool) == blocks
    assert [one.numbers for one, other in zip(spool, spool, strict=True) if one == other] == [
        each.numbers for each in blocks
    ]
    spool.close()


def test_a_file_of_its_own_can_be_read_again(tmp_path: Path) -> None:
    with (tmp_path / "plan").open("wb+") as file:
        Spool(file).write(block(MARIA))
        again = Spool(file)
        again.write(block(JOHAN))
        assert list(again) == [block(MARIA), block(JOHAN)]


def test_some_are_kept() -> None:
    both = Block([MARIA, JOHAN], ["1", "2"], None, [0, 1], [1, 2], [["a", "b"]])
    assert both.kept([False, True]) == Block([JOHAN], ["2"], None, [1], [2], [["b"]])


def test_nobody_finds_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    spool = Spool()
    spool.write(block(MARIA))
    assert spool.size > 0
    assert os.listdir(tmp_path) == []
    spool.close()


def test_it_ends() -> None:
    spool = Spool()
    spool.write(block(MARIA))
    spool.close()
    with pytest.raises(ValueError, match="closed"):
        list(spool)


def test_nobody_is_shown() -> None:
    assert MARIA not in repr(block(MARIA)) + repr(Spool())
