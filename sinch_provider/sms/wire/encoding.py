"""
JSON, with msgspec where it is installed: several times as fast as the standard library.

Airflow 3 brings msgspec. Where it does not accept something, the standard library decides, so the results are
the same without it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from typing import Any

_encode: Callable[[Any], bytes] | None = None
_decode: Callable[[Any], Any] | None = None
_split: Callable[[bytes], dict[str, Any]] | None = None
try:
    import msgspec.json
except ImportError:
    pass
else:
    _encode = msgspec.json.Encoder().encode
    _decode = msgspec.json.Decoder().decode
    #: Reads an object, and leaves the values of its fields as they are written.
    _split = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def encode(value: Any) -> bytes:
    """
    Write a value as JSON.

    :param value: What a checked request consists of: dicts with text as keys, lists, texts, whole numbers,
        booleans and None.
    """
    if _encode is not None:
        try:
            return _encode(value)
        except Exception:
            # Half a character pair, or a type of the user's own that is text. json can write both.
            pass
    return json.dumps(value, separators=(",", ":")).encode()


class Echo:
    """
    A value that the other side mostly repeats as it was written.

    :param value: The value.
    """

    def __init__(self, value: Any) -> None:
        self.value = value
        self._written = encode(value)

    def read(self, written: Any) -> Any:
        """Read JSON. If it is the value, that takes no time."""
        if bytes(written) == self._written:
            return self.value
        assert _decode is not None
        return _decode(written)


def decode(text: bytes, unread: Collection[str] = (), echoes: Mapping[str, Echo] | None = None) -> Any:
    """
    Read JSON.

    :param unread: Names of fields to leave out, if it is an object. They must be JSON too.
    :param echoes: What fields of it probably hold, if some are unread.
    :raises ValueError: It is not JSON.
    :raises RecursionError: It is nested too deeply.
    """
    if _decode is not None and _split is not None:
        try:
            # Raw fields are not checked for characters that are none. Of ASCII all are.
            if unread and text.isascii():
                known = echoes or {}
                return {
                    name: known[name].read(raw) if name in known else _decode(raw)
                    for name, raw in _split(text).items()
                    if name not in unread
                }
            return _without(_decode(text), unread)
        except Exception:
            # json accepts more: other encodings than UTF-8, half a character pair, numbers that are infinite.
            pass
    return _without(json.loads(text), unread)


def _without(value: Any, unread: Collection[str]) -> Any:
    if unread and isinstance(value, dict):
        return {name: item for name, item in value.items() if name not in unread}
    return value
