"""A bare HTTP client, so that the tests see what is on the wire."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import requests

from sinch_sandbox.client import SandboxClient

ROOT = Path(__file__).parents[3]
TO = "+447700900222"
CALLBACK = "https://hooks.example.test/sms"


class Api:
    """Calls of one account; every method answers the raw response."""

    def __init__(self, url: str, account: str = "sandbox-plan", token: str = "sandbox-token") -> None:
        self.base = f"{url}/xms/v1/{account}"
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers["Authorization"] = f"Bearer {token}"

    def call(self, method: str, path: str, **kwargs: Any) -> requests.Response:
        return self.session.request(method, f"{self.base}{path}", timeout=10, **kwargs)

    def send(self, **fields: Any) -> requests.Response:
        """A batch that is fine unless ``fields`` say otherwise; a field set to ``...`` is left out."""
        return self.call("POST", "/batches", json=complete(fields))

    def sent(self, **fields: Any) -> dict[str, Any]:
        """The accepted batch."""
        return accepted(self.send(**fields), 201)

    def dry_run(self, query: str = "", **fields: Any) -> requests.Response:
        return self.call("POST", f"/batches/dry_run{query}", json=complete(fields))

    def get(self, batch_id: str) -> dict[str, Any]:
        return accepted(self.call("GET", f"/batches/{batch_id}"))

    def update(self, batch_id: str, **fields: Any) -> requests.Response:
        return self.call("POST", f"/batches/{batch_id}", json=fields)

    def replace(self, batch_id: str, **fields: Any) -> requests.Response:
        return self.call("PUT", f"/batches/{batch_id}", json=complete(fields))

    def cancel(self, batch_id: str) -> requests.Response:
        return self.call("DELETE", f"/batches/{batch_id}")

    def listed(self, **query: Any) -> dict[str, Any]:
        return accepted(self.call("GET", "/batches", params=query))

    def report(self, batch_id: str, **query: Any) -> dict[str, Any]:
        return accepted(self.call("GET", f"/batches/{batch_id}/delivery_report", params=query))

    def statuses(self, batch_id: str) -> list[tuple[int, str, int]]:
        """Code, status and count of each entry of the summary."""
        return [(each["code"], each["status"], each["count"]) for each in self.report(batch_id)["statuses"]]

    def recipient(self, batch_id: str, number: str) -> dict[str, Any]:
        return accepted(self.call("GET", f"/batches/{batch_id}/delivery_report/{number}"))


def complete(fields: dict[str, Any]) -> dict[str, Any]:
    data = {"to": [TO], "from": "+447700900111", "body": "Nightly load finished.", **fields}
    if "from_" in data:
        data["from"] = data.pop("from_")
    return {name: value for name, value in data.items() if value is not ...}


def accepted(response: requests.Response, status: int = 200) -> dict[str, Any]:
    assert response.status_code == status, f"{response.status_code} {response.text[:500]}"
    answer: dict[str, Any] = response.json()
    return answer


def refused(response: requests.Response, status: int, code: str, *words: str) -> None:
    assert response.status_code == status, f"{response.status_code} {response.text[:500]}"
    answer = response.json()
    assert set(answer) == {"code", "text"}
    assert answer["code"] == code, answer
    for word in words:
        assert word in answer["text"]


def bad_format(response: requests.Response, *words: str) -> None:
    refused(response, 400, "syntax_invalid_parameter_format", *words)


def constraint(response: requests.Response, *words: str) -> None:
    refused(response, 400, "syntax_constraint_violation", *words)


def access_token(url: str) -> str:
    response = requests.post(
        f"{url}/oauth2/token",
        data={"grant_type": "client_credentials"},
        auth=("sandbox-key", "sandbox-secret"),
        timeout=10,
    )
    token: str = accepted(response)["access_token"]
    return token


def in_(sandbox: SandboxClient, **delta: float) -> str:
    """An instant relative to the sandbox's clock, written as Sinch writes it."""
    moment = datetime.fromisoformat(sandbox.now()) + timedelta(**delta)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"


@contextmanager
def process(*arguments: str) -> Iterator[tuple[SandboxClient, subprocess.Popen[str]]]:
    """The command as users start it."""
    command = [sys.executable, "-m", "sinch_sandbox", "--port", "0", *arguments]
    with subprocess.Popen(
        command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as running:
        try:
            assert running.stdout is not None
            yield SandboxClient(running.stdout.readline().strip()), running
        finally:
            running.kill()
