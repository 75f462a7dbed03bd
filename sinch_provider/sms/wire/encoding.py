"""
JSON, with msgspec where it is installed: several times as fast as the standard library.

Airflow 3 brings msgspec. Where it does not accept something, the standard library decides, so the results are
the same without it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

_encode: Callable[[Any], bytes] | None = None
_decode: Callable[[bytes], Any] | None = None
try:
    import msgspec.json
except ImportError:
    pass
else:
    _encode = msgspec.json.Encoder().encode
    _decode = msgspec.json.Decoder().decode


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


def decode(text: bytes) -> Any:
    """
    Read JSON.

    :raises ValueError: It is not JSON.
    :raises RecursionError: It is nested too deeply.
    """
    if _decode is not None:
        try:
            return _decode(text)
        except Exception:
            # json accepts more: other encodings than UTF-8, half a character pair, numbers that are infinite.
            pass
    return json.loads(text)
