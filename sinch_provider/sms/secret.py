"""Secrets that are neither shown nor stored, wherever the objects that hold them end up."""

from __future__ import annotations

import hmac
from typing import Any, NoReturn


class Unstorable:
    """
    Base of what holds credentials: no copy of it is written anywhere.

    Airflow stores what a task returns, and would write a dataclass down field by field.
    """

    def serialize(self) -> NoReturn:
        """Refuse Airflow's serialisation."""
        self._refuse()

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        self._refuse()

    def __getstate__(self) -> NoReturn:
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise TypeError(
            f"{type(self).__name__} holds credentials and is not stored or copied. "
            "Return ids and results from a task, and make the client anew from the connection."
        )


class Secret(Unstorable):
    """
    A token or password.

    :param value: What it is.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return what it is."""
        return self._value

    def __repr__(self) -> str:
        return "***"

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash(self._value)
