"""A client for the control API that needs only the standard library."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

from sinch_sandbox.core.settings import Credentials
from sinch_sandbox.verdict import Verdict, read_verdict

_PAGE = 10_000
_LONGEST_WAIT = 20.0
_TIMEOUT = 30


class SandboxError(Exception):
    """The sandbox refused a control call."""


class SandboxClient:
    """Controls a running sandbox.

    :param url: where it listens, such as ``http://127.0.0.1:8026``.
    """

    def __init__(self, url: str, credentials: Credentials | None = None) -> None:
        self.url = url.rstrip("/")
        self.credentials = credentials or Credentials()
        # Tests call their own machine; ignore proxies from the environment.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    # How to reach it

    @property
    def connection(self) -> dict[str, Any]:
        """An Airflow connection with the service plan's token."""
        return self.credentials.plan_connection(self.url)

    @property
    def project_connection(self) -> dict[str, Any]:
        """An Airflow connection with the project's key."""
        return self.credentials.project_connection(self.url)

    # What was sent

    def messages(self, **filters: str | list[str]) -> list[dict[str, Any]]:
        """All messages, or those that pass all filters.

        They are in the order they were sent, each with its current ``status``.

        :param filters: ``to``, ``from_``, ``batch_id``, ``client_reference``, ``account``, ``status`` (one or
            several), ``since`` and ``until`` (ISO-8601), ``q`` (part of text or number).
        """
        return self._all("messages", filters)

    def latest(self, **filters: str | list[str]) -> dict[str, Any] | None:
        """The message that was sent last, of those that pass the filters."""
        found = self._call("GET", "messages/latest", query=filters, missing_is_none=True)
        return found if found is None else dict(found)

    def batches(self) -> list[dict[str, Any]]:
        """All batches of all accounts, the newest first."""
        return self._all("batches", {})

    def wait_for(self, count: int, timeout: float = 10, **filters: str | list[str]) -> list[dict[str, Any]]:
        """Wait, in real time, until at least ``count`` messages were accepted."""
        deadline = time.monotonic() + timeout
        while True:
            left = max(0.0, deadline - time.monotonic())
            query = {**filters, "limit": 1, "wait": count, "timeout": min(left, _LONGEST_WAIT)}
            found = self._call("GET", "messages", query=query)["count"]
            if found >= count:
                return self.messages(**filters)
            if left <= _LONGEST_WAIT:
                raise TimeoutError(f"{found} of {count} messages after {timeout} s")

    def verdict(self, expected: Iterable[str | tuple[str, str]], **filters: str | list[str]) -> Verdict:
        """Compare accepted with expected messages.

        Messages that a cancel kept from leaving do not count.

        :param expected: numbers; or pairs of number and ``client_reference``, which then together identify a
            recipient. One named twice is expected to get two.
        :param filters: as for ``messages``: which messages count.
        """
        recipients = list(expected)
        lines = (
            json.dumps(each if isinstance(each, str) else {"to": each[0], "client_reference": each[1]})
            for each in recipients
        )
        answer = self._call("POST", "ledger", lines=lines, query={**filters, "show": "problems"})
        return read_verdict(recipients, answer)

    def clear(self, **filters: str | list[str]) -> None:
        """Forget everything sent and received; with filters, only the messages that pass."""
        self._call("DELETE", "messages", query=filters)

    def calls(self) -> dict[str, int]:
        """How often each operation was called; operations never called are not in it."""
        calls: dict[str, int] = self._call("GET", "calls")["calls"]
        return calls

    def clear_calls(self) -> None:
        self._call("DELETE", "calls")

    # What phones send

    def inbound(self, from_: str, body: Any, to: str | None = None, **details: Any) -> dict[str, Any]:
        """Simulate a message from a phone; without ``to`` it answers the latest message to that phone.

        :param details: ``type``, ``udh``, ``operator_id``, ``sent_at``, ``client_reference``, ``account``.
        """
        message = {"from": from_, "body": body, **details}
        if to is not None:
            message["to"] = to
        inbound: dict[str, Any] = self._call("POST", "inbounds", message)
        return inbound

    def callbacks(self, **filters: str) -> list[dict[str, Any]]:
        """All callbacks, or those with this ``batch_id`` or ``state``, in the order they were queued."""
        return self._all("callbacks", filters)

    def clear_callbacks(self) -> None:
        self._call("DELETE", "callbacks")

    def inbounds(self) -> list[dict[str, Any]]:
        """All messages from phones, the newest first."""
        return self._all("inbounds", {})

    # The clock

    def now(self) -> str:
        """The sandbox's time, ISO-8601."""
        now: str = self._call("GET", "clock")["now"]
        return now

    def advance(self, seconds: float, wait: bool = True) -> str:
        """Move the clock forward; the new time.

        :param wait: return once all callbacks due by then have been attempted. A receiver of callbacks that
            moves the clock itself must not wait: it would wait for its own answer.
        """
        now: str = self._call("POST", "clock", {"advance": seconds, "wait": wait})["now"]
        return now

    # Faults, outcomes and settings

    def fault(self, kind: str, operation: str = "*", **details: Any) -> None:
        """Arm one more fault."""
        self._call("POST", "faults", {"kind": kind, "operation": operation, **details})

    def faults(self) -> list[dict[str, Any]]:
        """The armed faults, each with how often it ``struck``."""
        faults: list[dict[str, Any]] = self._call("GET", "faults")["faults"]
        return faults

    def clear_faults(self) -> None:
        self._call("DELETE", "faults")

    def script(self, *scripts: dict[str, Any]) -> None:
        """Script outcomes per number or prefix; earlier scripts are replaced."""
        self._call("PUT", "outcomes", list(scripts))

    def configure(self, **changes: Any) -> None:
        """Change settings until the next reset."""
        self._call("PATCH", "settings", changes)

    def reset(self) -> None:
        """Return to a fresh start: nothing sent, no faults, settings and clock as at the start."""
        self._call("POST", "reset")

    def health(self) -> dict[str, Any]:
        health: dict[str, Any] = self._call("GET", "health")
        return health

    def _all(self, what: str, filters: Mapping[str, Any]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            answer = self._call("GET", what, query={**filters, "limit": _PAGE, "offset": len(found)})
            found += answer[what]
            if len(found) >= answer["count"] or not answer[what]:
                return found

    def _call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        lines: Iterator[str] | None = None,
        query: Mapping[str, Any] | None = None,
        missing_is_none: bool = False,
    ) -> Any:
        named = {name.rstrip("_"): value for name, value in (query or {}).items()}
        url = f"{self.url}/sandbox/{path}" + (f"?{urlencode(named, doseq=True)}" if named else "")
        if lines is not None:
            data: Any = ((line + "\n").encode() for line in lines)
        else:
            data = None if body is None else json.dumps(body).encode()
        kind = "application/json" if lines is None else "application/x-ndjson"
        request = urllib.request.Request(url, data, {"Content-Type": kind}, method=method)
        try:
            with self._opener.open(request, timeout=_TIMEOUT) as reply:
                return json.load(reply)
        except urllib.error.HTTPError as error:
            with error:
                if error.code == 404 and missing_is_none:
                    return None
                raise SandboxError(f"{method} {path}: {error.code} {error.read().decode()}") from None
