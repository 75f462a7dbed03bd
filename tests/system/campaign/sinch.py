"""The sandbox as this test uses it: its counters, and what it holds back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import requests

from sinch_sandbox.client import SandboxClient

#: Seconds until a batch is listed.
_LISTING_LAG: Final = 4
#: Seconds that answers are held back: less than the client waits, so that a task may survive it.
_ANSWERS_HELD: Final = 4
#: Reports are as old as when their batches were accepted.
_REPORTS_HELD: Final = 3600


class Sinch:
    """
    What the test asks of the sandbox.

    :param client: Of the sandbox.
    :param prefix: How all numbers begin. Some texts to them fail.
    """

    def __init__(self, client: SandboxClient, prefix: str) -> None:
        self.client = client
        client.fault("listing_lag", "send", seconds=_LISTING_LAG, count=None)
        client.script({"prefix": prefix, "shares": {"temporary": 0.02, "permanent": 0.01}})

    @contextmanager
    def reports_held(self, of_newest: bool = False) -> Iterator[None]:
        """
        Hold back what Sinch reports about texts.

        :param of_newest: Only those of the batch that was accepted last.
        """
        match = {"batch_id": self._list("batches")["batches"][0]["id"]} if of_newest else {}
        with self._fault("report_gap", match=match, seconds=_REPORTS_HELD, count=None):
            yield

    @contextmanager
    def answers_held(self, count: int) -> Iterator[int]:
        """Hold back the answers to the next batches that are accepted."""
        with self._fault("latency", "send", when="after", seconds=_ANSWERS_HELD, count=count) as number:
            yield number

    @contextmanager
    def _fault(self, kind: str, operation: str = "*", **details: Any) -> Iterator[int]:
        self.client.fault(kind, operation, **details)
        number = self.client.faults()[-1]["id"]
        try:
            yield number
        finally:
            requests.delete(f"{self.client.url}/sandbox/faults/{number}", timeout=20)

    def struck(self, number: int) -> int:
        """Count the calls that a fault has hit."""
        return sum(each["struck"] for each in self.client.faults() if each["id"] == number)

    def batches(self) -> int:
        """Count the batches that were accepted."""
        return int(self._list("batches")["count"])

    def texts(self) -> int:
        """Count the texts to single people."""
        return int(self._list("messages")["count"])

    def _list(self, what: str) -> dict[str, Any]:
        answer = requests.get(f"{self.client.url}/sandbox/{what}", {"limit": 1}, timeout=20)
        found: dict[str, Any] = answer.json()
        return found

    def looks(self) -> int:
        """Count the delivery reports that were read."""
        return self.client.calls().get("delivery_report", 0)
