"""One HTTP request and one HTTP answer, as plain data."""

from __future__ import annotations

import platform
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from sinch_provider import __version__

if TYPE_CHECKING:
    from sinch_provider.sms.wire.encoding import Echo

TOKEN_PATH: Final = "/oauth2/token"
#: Bytes, after decompression, of the largest answers: a page of a hundred batches of a thousand recipients
#: each, a dry run for a thousand recipients, or every number of a batch to groups.
LARGEST_ANSWER: Final = 16 * 1024 * 1024
#: Every entry of Sinch's answers has more than half as many bytes as this. An answer with more entries than
#: fit, such as one that consists of brackets, is not parsed: each entry becomes an object in memory.
_BYTES_PER_ENTRY: Final = 32

USER_AGENT: Final = f"airflow-provider-sinch/{__version__} (Python/{platform.python_version()})"
#: Headers of every request. The transports add them.
COMMON_HEADERS: Final = {
    "Accept": "application/json",
    "Accept-Encoding": "gzip, deflate",
    "User-Agent": USER_AGENT,
}


@dataclass(frozen=True)
class Request:
    """
    An HTTP request without its bearer token.

    :param method: HTTP method.
    :param url: Absolute URL.
    :param headers: Headers, except ``COMMON_HEADERS``, and ``Authorization`` of API calls.
    :param body: The encoded body; None for requests without one.
    """

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | None = field(repr=False)


@dataclass(frozen=True)
class Answer:
    """
    An HTTP answer.

    :param status: HTTP status.
    :param headers: Header names in lower case.
    :param body: The decompressed body.
    :param complete: False if reading stopped because the body was longer than ``largest``.
    :param largest: The most bytes that an answer to this call may have.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    complete: bool = True
    largest: int = LARGEST_ANSWER

    def json(self, unread: Collection[str] = (), echoes: Mapping[str, Echo] | None = None) -> Any:
        """
        Read the body as JSON.

        :param unread: Names of fields to leave out, because nobody needs them.
        :param echoes: What some of the others probably hold.
        :raises ValueError: The body is not JSON, or too large or too deep to be an answer of Sinch.
        """
        value, fault = self._parse(unread, echoes) if unread else self._parsed
        if fault:
            raise ValueError(fault)
        return value

    @cached_property
    def _parsed(self) -> tuple[Any, str]:
        return self._parse()

    def _parse(
        self, unread: Collection[str] = (), echoes: Mapping[str, Echo] | None = None
    ) -> tuple[Any, str]:
        # Imported late, because whoever only describes calls needs no JSON.
        from sinch_provider.sms.wire.encoding import decode

        most = self.largest // _BYTES_PER_ENTRY
        if len(self.body) > most and sum(map(self.body.count, (b"[", b"{", b","))) > most:
            return None, "too many entries"
        try:
            return decode(self.body, unread, echoes), ""
        except RecursionError:
            return None, "nested too deeply"
        except ValueError:
            return None, "not JSON"
