"""
Bodies of answers, unpacked bit by bit and up to a limit.

Left to the libraries, what a few bytes become depends on their versions and on which packages happen to be
there: some unpack all of a piece at once, however large it grows.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any, Final

#: How much is read, and unpacked, at a time.
PIECE: Final = 65536
#: Says to zlib that a header of gzip or zlib tells which of them it is.
_EITHER: Final = zlib.MAX_WBITS | 32
#: How a member of gzip begins.
_GZIP: Final = b"\x1f"
_ASKED_FOR: Final = frozenset({"gzip", "x-gzip", "deflate"})


class UnpackingError(Exception):
    """A body is not packed as its header says."""


class Body:
    """
    Takes in a body piece by piece.

    An encoding that was not asked for is left as it is, so the answer is no JSON.

    :param encoding: The header ``Content-Encoding``.
    :param largest: How many bytes it may have, packed as well as unpacked.
    """

    def __init__(self, encoding: str, largest: int) -> None:
        self._encoding = encoding.strip().lower()
        self._largest = largest
        self._parts: list[bytes] = []
        self._taken = 0
        self._size = 0
        self._unpacker: Any = None
        self._ended = False
        #: Whether none of it was left out.
        self.complete = True

    def take(self, piece: bytes) -> bool:
        """
        Add a piece, which is not empty; tell whether to read on.

        :raises UnpackingError: It is not packed as the header says.
        """
        self._taken += len(piece)
        # What is packed can be endless and unpack to nothing.
        self.complete = self._taken <= self._largest
        for part in self._unpacked(piece) if self._encoding in _ASKED_FOR else (piece,):
            self._size += len(part)
            if self._size > self._largest:
                self.complete = False
                break
            self._parts.append(part)
        return self.complete

    def content(self) -> bytes:
        """Give what was kept."""
        return b"".join(self._parts)

    def _unpacked(self, packed: bytes) -> Iterator[bytes]:
        more = not self._ended or self._goes_on(packed)
        while more:
            self._ended = False
            if self._unpacker is None:
                self._unpacker = zlib.decompressobj(self._window(packed))
            try:
                part = self._unpacker.decompress(packed, PIECE)
            except zlib.error:
                raise UnpackingError from None
            yield part
            if self._unpacker.eof:
                packed = self._unpacker.unused_data
                self._unpacker = None
                self._ended = True
                more = bool(packed) and self._goes_on(packed)
            else:
                packed = self._unpacker.unconsumed_tail
                # It may hold more than it gave, even when it has read everything.
                more = bool(packed) or len(part) == PIECE

    def _goes_on(self, rest: bytes) -> bool:
        """Whether gzip continues with another member. Everything else after the end is padding."""
        return self._encoding != "deflate" and rest.startswith(_GZIP)

    def _window(self, packed: bytes) -> int:
        # Many servers mean by deflate the bare stream, without the header of zlib.
        bare = self._encoding == "deflate" and packed[0] & 0x0F != zlib.DEFLATED
        return -zlib.MAX_WBITS if bare else _EITHER
