"""``python -m tests.contract CALLS``: as many calls as one has time for."""

from __future__ import annotations

import sys

from sinch_sandbox.server import Options, RunningSandbox

from .calling import Caller


def main(calls: int) -> int:
    with RunningSandbox(Options(clock="manual")) as sandbox:
        caller = Caller(sandbox)
        try:
            findings = caller.make(calls)
        finally:
            caller.close()
    print(findings.report())
    return 1 if findings.failures else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
