"""
Unpacks the bodies of answers piece by piece, up to a limit.

The HTTP libraries do not do this alike: it depends on their versions and on other installed packages. Some
unpack a whole piece at once, even if it becomes very large.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any, Final

#: Bytes that are read, or unpacked, at a time.
PIECE: Final = 65536
#: Makes zlib detect by the header whether the data is gzip or zlib.
_EITHER: Final = zlib.MAX_WBITS | 32
#: The first byte of every gzip member.
_GZIP: Final = b"\x1f"
_ASKED_FOR: Final = frozenset({"gzip", "x-gzip", "deflate"})


class UnpackingError(Exception):
    """A body is not packed as its header says."""


class Body:
    """
    Takes in a body piece by piece.

    A body with an encoding that was not requested is not unpacked, so it is not JSON.

    :param encoding: The header ``Content-Encoding``.
    :param largest: The most bytes that it may have, both packed and unpacked.
    """

    def __init__(self, encoding: str, largest: int) -> None:
        self._encoding = encoding.strip().lower()
        self._largest = largest
        self._parts: list[bytes] = []
        self._taken = 0
        self._size = 0
        self._unpacker: Any = None
        self._ended = False
        #: Whether the whole body was kept.
        self.complete = True

    def take(self, piece: bytes) -> bool:
        """
        Add a piece that is not empty; return whether to read more.

        :raises UnpackingError: It is not packed as the header says.
        """
        self._taken += len(piece)
        # Packed data can be endless and unpack to nothing.
        self.complete = self._taken <= self._largest
        for part in self._unpacked(piece) if self._encoding in _ASKED_FOR else (piece,):
            self._size += len(part)
            if self._size > self._largest:
                self.complete = False
                break
            self._parts.append(part)
        return self.complete

    def content(self) -> bytes:
        """Return the bytes that were kept."""
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
                # zlib may still hold output, even if it has read all input.
                more = bool(packed) or len(part) == PIECE

    def _goes_on(self, rest: bytes) -> bool:
        """Whether gzip continues with another member. Everything else after the end is padding."""
        return self._encoding != "deflate" and rest.startswith(_GZIP)

    def _window(self, packed: bytes) -> int:
        # Many servers send "deflate" without the header of zlib.
        bare = self._encoding == "deflate" and packed[0] & 0x0F != zlib.DEFLATED
        return -zlib.MAX_WBITS if bare else _EITHER
