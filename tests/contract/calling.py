"""Calls the sandbox as its own description allows, and as it forbids, and looks at how the calls end."""

from __future__ import annotations

import base64
import warnings
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import HypothesisException
from schemathesis import APIOperation, Case, GenerationMode

from sinch_sandbox.client import SandboxClient

EXCLUDED = {"GET /sandbox/events": "a stream without an end"}
"""Operations that are not called, and why."""

TAMED = {
    "/sandbox/faults": "faults are taken back after the call that arms them: they make 5xx and silence",
    "/sandbox/messages": "what waits for messages waits for a moment only",
}
"""Paths whose calls are made and kept from getting in the way, and why."""

_TOKEN = {"Authorization": "Bearer sandbox-token"}
_KEY = {"Authorization": f"Basic {base64.b64encode(b'sandbox-key:sandbox-secret').decode()}"}
_TOUCHY = ("send_at", "expire_at", "delivery_report", "callback_url")


@dataclass
class Findings:
    """How the calls ended."""

    calls: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    """5xx, calls without an answer, and successes that do not look as described."""

    def report(self) -> str:
        statuses = ", ".join(f"{status}: {count}" for status, count in sorted(self.statuses.items()))
        lines = [
            f"{self.calls.total():,} calls of {len(self.calls)} operations; {statuses}",
            *(f"not called: {operation}: {reason}" for operation, reason in EXCLUDED.items()),
            *(f"tamed: {path}: {reason}" for path, reason in TAMED.items()),
            f"{len(self.failures)} failures",
            *self.failures[:20],
        ]
        return "\n".join(lines)


class Caller:
    """Makes the calls of a run, the same ones every time."""

    def __init__(self, sandbox: SandboxClient) -> None:
        self.findings = Findings()
        self._sandbox = sandbox
        self._session = requests.Session()
        self._session.trust_env = False
        document = self._session.get(f"{sandbox.url}/sandbox/openapi.json", timeout=10).json()
        found = schemathesis.openapi.from_dict(document).get_all_operations()
        # A description that cannot be read fails here: then there is no `ok`.
        self._operations: list[APIOperation[Any, Any, Any, Any]] = [each.ok() for each in found]  # type: ignore[union-attr]

    def close(self) -> None:
        self._session.close()

    def make(self, calls: int) -> Findings:
        """Make at least this many calls, of all operations in turn."""
        operations = [each for each in self._operations if each.label not in EXCLUDED]
        number = 0
        while self.findings.calls.total() < calls:
            missing = calls - self.findings.calls.total()
            examples = max(1, min(100, missing // (2 * len(operations)) + 1))
            for operation in operations:
                self._call_many(operation, examples, number)
            number += 1
        return self.findings

    def _call_many(self, operation: APIOperation[Any, Any, Any, Any], examples: int, number: int) -> None:
        self._sandbox.reset()
        self._sandbox.configure(token_rate_limit=False)
        there = self._something_there()
        for mode in GenerationMode:

            @seed(number)
            @settings(
                max_examples=examples,
                database=None,
                deadline=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            @given(case=operation.as_strategy(generation_mode=mode), draw=st.integers(0, 9))
            def call(case: Case, draw: int) -> None:
                if draw < 9:
                    # Else hardly a call would get past an account or a batch that nobody knows.
                    case.path_parameters = {**case.path_parameters, **_of(case, there)}
                    case.headers.update(_credentials(case))
                if draw < 5 and isinstance(case.body, dict):
                    # Times have to fit together, and a report needs a callback URL; chance finds neither.
                    case.body = {name: value for name, value in case.body.items() if name not in _TOUCHY}
                self._call(operation, case)

            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    call()
                except HypothesisException:
                    # There is nothing to get wrong in a call without parameters.
                    continue

    def _call(self, operation: APIOperation[Any, Any, Any, Any], case: Case) -> None:
        label = operation.label
        self.findings.calls[label] += 1
        if "wait" in (case.query or {}):
            case.query = {**case.query, "timeout": 0.01}
        try:
            answer = case.call(base_url=self._sandbox.url, session=self._session, timeout=60)
        except requests.RequestException as error:
            self.findings.failures.append(f"{label}: {error!r}")
            return
        self.findings.statuses[answer.status_code] += 1
        if answer.status_code >= 500:
            self.findings.failures.append(f"{label}: {answer.status_code}: {case.as_curl_command()[:1000]}")
        elif answer.status_code < 300:
            try:
                operation.validate_response(answer)
            except (Exception, BaseExceptionGroup) as error:
                self.findings.failures.append(f"{label}: {error!s:.500}: {case.as_curl_command()[:300]}")
        if operation.path.startswith("/sandbox/faults"):
            self._sandbox.clear_faults()

    def _something_there(self) -> dict[str, str]:
        """Identifiers that exist, for the parameters of paths."""
        url = f"{self._sandbox.url}/xms/v1/sandbox-plan"
        later = {
            "to": ["+447700900222"],
            "body": "Hi",
            "send_at": "8000-01-01T00:00:00Z",
            "feedback_enabled": True,
        }
        batch = self._session.post(f"{url}/batches", json=later, headers=_TOKEN, timeout=10).json()
        group = self._session.post(f"{url}/groups", json={"name": "Staff"}, headers=_TOKEN, timeout=10).json()
        inbound = self._sandbox.inbound("+447700900222", "Yes", to="+447700900111")
        return {
            "account": "sandbox-plan",
            "batch_id": batch["id"],
            "group_id": group["id"],
            "inbound_id": inbound["id"],
        }

    def _made(self, url: str, fields: dict[str, Any]) -> dict[str, Any]:
        made: dict[str, Any] = self._session.post(url, json=fields, headers=_TOKEN, timeout=10).json()
        return made


def _credentials(case: Case) -> dict[str, str]:
    return _KEY if case.path == "/oauth2/token" else _TOKEN if case.path.startswith("/xms/") else {}


def _of(case: Case, there: dict[str, str]) -> dict[str, str]:
    return {name: there[name] for name in case.path_parameters if name in there}
