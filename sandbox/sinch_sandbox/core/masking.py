"""Removes passwords from URLs before they are shown."""

from __future__ import annotations

import re

_PASSWORD = re.compile(r"(://[^/?#\s:@]*:)[^/?#\s]*@")


def masked(text: str) -> str:
    """A URL or text with the passwords in its URLs masked."""
    return _PASSWORD.sub(r"\1***@", text)
