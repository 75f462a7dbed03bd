"""Spool: checked people in a temporary file that has no name, read in order, any number of times."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import IO, Final

_ENCODING: Final = "utf-8"


@dataclass(repr=False)
class Block:
    """
    Some people, column by column. None: nobody has such a value.

    :param numbers: Digits, as on the wire.
    :param ids: What the id column says.
    :param zones: Names of time zones; empty: not known.
    :param texts: Which of the campaign's texts each of them gets.
    :param parts: The parts of their texts.
    :param values: Columns of what is filled in.
    """

    numbers: list[str]
    ids: list[str] | None
    zones: list[str] | None
    texts: list[int] | None
    parts: list[int]
    values: list[list[str]]

    def __repr__(self) -> str:
        return f"<{len(self.numbers)} people>"

    def __len__(self) -> int:
        return len(self.numbers)

    def kept(self, chosen: Sequence[bool]) -> Block:
        """
        Return some of them.

        :param chosen: Whether each of them is kept.
        """
        return Block(
            list(compress(self.numbers, chosen)),
            self.ids and list(compress(self.ids, chosen)),
            self.zones and list(compress(self.zones, chosen)),
            self.texts and list(compress(self.texts, chosen)),
            list(compress(self.parts, chosen)),
            [list(compress(column, chosen)) for column in self.values],
        )


class Spool:
    """
    Blocks of people, written once.

    :param file: Where they are, and where more are written. By default a file without a name: nobody else can
        open it, and it is gone with the process, whatever ends that.
    """

    def __init__(self, file: IO[bytes] | None = None) -> None:
        self._file = tempfile.TemporaryFile() if file is None else file  # noqa: SIM115
        self._end = self._file.seek(0, os.SEEK_END)

    def write(self, block: Block) -> None:
        """Append a block."""
        # JSON has no line breaks of its own, so each block is a line.
        line = (
            json.dumps(list(vars(block).values()), ensure_ascii=False, separators=(",", ":")).encode(
                _ENCODING
            )
            + b"\n"
        )
        self.write_line(line)

    def write_line(self, line: bytes) -> None:
        """Append a block that another spool has written."""
        self._file.seek(self._end)
        self._file.write(line)
        self._end += len(line)

    def __iter__(self) -> Iterator[Block]:
        return (Block(*json.loads(line)) for line in self.lines())

    def lines(self) -> Iterator[bytes]:
        """Read the blocks as they are written."""
        # Several may read at the same time, so nobody relies on where the file stands.
        at = 0
        while at < self._end:
            self._file.seek(at)
            line = self._file.readline()
            at += len(line)
            yield line

    @property
    def size(self) -> int:
        """Bytes on the disk."""
        return self._end

    def close(self) -> None:
        """Remove what was written."""
        self._file.close()
