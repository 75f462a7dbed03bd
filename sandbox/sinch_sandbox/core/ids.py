"""Identifiers that look and sort like Sinch's: 26 characters that begin with the time and always grow."""

from __future__ import annotations

import secrets

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_RANDOM_BITS = 80


class IdFactory:
    """Monotonic ULIDs: within one millisecond, or when the clock steps back, the last one plus one."""

    def __init__(self, last: str | None = None) -> None:
        self._last = _decode(last) if last else 0

    def new(self, now: int) -> str:
        fresh = (now << _RANDOM_BITS) | secrets.randbits(_RANDOM_BITS)
        is_later = fresh >> _RANDOM_BITS > self._last >> _RANDOM_BITS
        self._last = fresh if is_later else self._last + 1
        return _encode(self._last)


def _encode(value: int) -> str:
    return "".join(_ALPHABET[(value >> shift) & 31] for shift in range(125, -1, -5))


def _decode(text: str) -> int:
    value = 0
    for character in text:
        value = (value << 5) | _ALPHABET.index(character)
    return value
