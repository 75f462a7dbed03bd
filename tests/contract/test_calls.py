"""No call, however odd, makes the sandbox fail, and no success looks other than described."""

from __future__ import annotations

import pytest

from sinch_sandbox.client import SandboxClient

from .calling import Caller

CALLS = 300


def test_no_call_makes_it_fail(sinch_sandbox: SandboxClient) -> None:
    caller = Caller(sinch_sandbox)
    try:
        findings = caller.make(CALLS)
    finally:
        caller.close()
    assert findings.calls.total() >= CALLS
    # Most calls get past the door.
    assert findings.statuses[200] + findings.statuses[201] > CALLS / 5
    if findings.failures:
        pytest.fail(findings.report())
