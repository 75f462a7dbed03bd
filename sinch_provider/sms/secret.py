"""Secrets, and objects with secrets, that cannot be shown or stored."""

from __future__ import annotations

import hmac
from typing import Any, NoReturn


class Unstorable:
    """
    Base of objects with credentials. They cannot be serialised or copied.

    Airflow stores what a task returns, and would store a dataclass field by field.
    """

    def serialize(self) -> NoReturn:
        """Refuse to be serialised by Airflow."""
        self._refuse()

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        self._refuse()

    def __getstate__(self) -> NoReturn:
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise TypeError(
            f"{type(self).__name__} contains credentials and cannot be stored or copied. "
            "Return ids and results from a task, and make a new client from the connection."
        )


class Secret(Unstorable):
    """
    A token or password.

    :param value: The secret text.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the secret text."""
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
