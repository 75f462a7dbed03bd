"""Removes passwords from URLs before they are shown."""

from __future__ import annotations

import re

_PASSWORD = re.compile(r"(://[^/?#\s:@]*:)[^/?#\s]*@")


def masked(text: str) -> str:
    """A URL, or a text with URLs in it, without their passwords."""
    return _PASSWORD.sub(r"\1***@", text)
