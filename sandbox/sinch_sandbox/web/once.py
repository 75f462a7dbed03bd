"""Calls that a browser repeats by itself, so that a text from the inbox's page is not sent twice."""

from __future__ import annotations

from collections import OrderedDict

HEADER = "x-sandbox-once"
"""Names one call of the page. Clients do not send it: whether they repeat calls is theirs to decide."""

_MOST = 1_000
_LONGEST = 100


class Once:
    """The names of the latest calls.

    A browser repeats a call, even a POST, if a connection that it used before ends without an answer.
    """

    def __init__(self) -> None:
        self._seen: OrderedDict[str, None] = OrderedDict()

    def is_repeated(self, name: str | None) -> bool:
        """Whether there was a call with this name. From now on there was."""
        if name is None:
            return False
        name = name[:_LONGEST]
        if name in self._seen:
            return True
        self._seen[name] = None
        if len(self._seen) > _MOST:
            self._seen.popitem(last=False)
        return False
