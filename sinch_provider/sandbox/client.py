"""Drives a sandbox, in this process or another, with nothing but the standard library."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlencode

from sinch_provider.sandbox.settings import Credentials

_PAGE = 10_000
_POLL_SECONDS = 0.02


class SandboxError(Exception):
    """The sandbox refused a control call."""


class SandboxClient:
    """The controls of a running sandbox.

    :param url: where it listens, such as ``http://127.0.0.1:8026``.
    """

    def __init__(self, url: str, credentials: Credentials | None = None) -> None:
        self.url = url.rstrip("/")
        self.credentials = credentials or Credentials()
        # A proxy from the environment has no business between a test and its own machine.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    # How to reach it

    @property
    def connection(self) -> dict[str, Any]:
        """An Airflow connection with the service plan's token."""
        return {
            "conn_type": "sinch",
            "login": self.credentials.service_plan_id,
            "password": self.credentials.api_token,
            "extra": {"base_url": self.url, "auth_url": self.url},
        }

    @property
    def project_connection(self) -> dict[str, Any]:
        """An Airflow connection with the project's key."""
        return {
            "conn_type": "sinch",
            "login": self.credentials.key_id,
            "password": self.credentials.key_secret,
            "extra": {"project_id": self.credentials.project_id, "base_url": self.url, "auth_url": self.url},
        }

    # What was sent

    def messages(self, **filters: str) -> list[dict[str, Any]]:
        """All messages, or those with this ``to``, ``batch_id``, ``client_reference``, or ``q`` in them.

        They come in the order they were sent, each with its ``status`` by now.
        """
        return self._all("messages", filters)

    def batches(self) -> list[dict[str, Any]]:
        """All batches of all accounts, the newest first."""
        return self._all("batches", {})

    def wait_for(self, count: int, timeout: float = 10, **filters: str) -> list[dict[str, Any]]:
        """Wait, in real time, until at least ``count`` messages were accepted."""
        deadline = time.monotonic() + timeout
        while len(found := self.messages(**filters)) < count:
            if time.monotonic() >= deadline:
                raise TimeoutError(f"{len(found)} of {count} messages after {timeout} s")
            time.sleep(_POLL_SECONDS)
        return found

    def clear(self) -> None:
        """Forget everything sent and received."""
        self._call("DELETE", "messages")

    def calls(self) -> dict[str, int]:
        """How often each operation was called; operations never called are not in it."""
        calls: dict[str, int] = self._call("GET", "calls")["calls"]
        return calls

    def clear_calls(self) -> None:
        self._call("DELETE", "calls")

    # What phones send

    def inbound(self, from_: str, body: Any, to: str | None = None, **details: Any) -> dict[str, Any]:
        """Let a phone send a message; without ``to`` it answers the latest one it was sent.

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

        :param wait: return when all callbacks that are due by then have been tried. A receiver of callbacks
            that moves the clock itself must not wait: it would wait for its own answer.
        """
        now: str = self._call("POST", "clock", {"advance": seconds, "wait": wait})["now"]
        return now

    # Trouble and other ends

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
        """Script outcomes per number or prefix, in place of earlier scripts."""
        self._call("PUT", "outcomes", list(scripts))

    def configure(self, **changes: Any) -> None:
        """Change settings until the next reset."""
        self._call("PATCH", "settings", changes)

    def reset(self) -> None:
        """As freshly started."""
        self._call("POST", "reset")

    def health(self) -> dict[str, Any]:
        health: dict[str, Any] = self._call("GET", "health")
        return health

    def _all(self, what: str, filters: dict[str, str]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            answer = self._call("GET", what, query={**filters, "limit": _PAGE, "offset": len(found)})
            found += answer[what]
            if len(found) >= answer["count"] or not answer[what]:
                return found

    def _call(self, method: str, path: str, body: Any = None, query: dict[str, Any] | None = None) -> Any:
        url = f"{self.url}/sandbox/{path}" + (f"?{urlencode(query)}" if query else "")
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
        try:
            with self._opener.open(request, timeout=30) as reply:
                return json.load(reply)
        except urllib.error.HTTPError as error:
            with error:
                raise SandboxError(f"{method} {path}: {error.code} {error.read().decode()}") from None
