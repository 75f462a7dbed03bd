"""Fills ``${key}`` in a body with the values of each recipient (Sinch API reference, message parameters)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from sinch_sandbox.core import phone

_PLACEHOLDER = re.compile(r"\$\{([A-Za-z0-9_.\-]{1,16})\}")
_DEFAULT = "default"


class Template:
    """A body and its parameters. Recipient keys match with or without ``+``, as numbers do elsewhere."""

    def __init__(
        self, body: str, parameters: Mapping[str, Mapping[str, str]], *, undefined: str = "abort"
    ) -> None:
        self._body = body
        self._keep_undefined = undefined == "verbatim"
        self._values = {
            key: {phone.normalise_number(name) or name: text for name, text in values.items()}
            for key, values in parameters.items()
        }
        used = set(_PLACEHOLDER.findall(body))
        self._keys = {key for key in used if key in self._values or not self._keep_undefined}

    @property
    def is_personal(self) -> bool:
        """Whether recipients may get different texts, or no text."""
        return bool(self._keys)

    def lacks_value(self, recipient: str) -> bool:
        return any(self._value(key, recipient) is None for key in self._keys)

    def render(self, recipient: str) -> str:
        """The text for one recipient; a placeholder without a value stays as it is."""

        def fill(match: re.Match[str]) -> str:
            value = self._value(match[1], recipient)
            return match[0] if value is None else value

        return _PLACEHOLDER.sub(fill, self._body)

    def _value(self, key: str, recipient: str) -> str | None:
        values = self._values.get(key, {})
        return values.get(recipient, values.get(_DEFAULT))
