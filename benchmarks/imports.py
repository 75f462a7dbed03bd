"""CPU that importing our modules adds to a Dag file, beside the notifiers of official providers."""

from __future__ import annotations

import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from figures import Figure, Plot, Ratio, Result, main

#: How often every contender is imported in a round.
STARTS: Final = 20

OURS: Final = "sinch_provider.{}".format
_MADE: Final = """
from sinch_provider.operators.send import SinchSendBatchOperator
SinchSendBatchOperator(task_id="send", to=["+447700900222"], body="Hi", from_="Bistro")
"""
_SMTP: Final = "import airflow.providers.smtp.notifications.smtp"
_SMTP_MADE: Final = """
from airflow.providers.smtp.notifications.smtp import SmtpNotifier
SmtpNotifier(from_email="from@example.com", to="to@example.com", subject="Hi", html_content="Hi")
"""
_NOTIFIER_MADE: Final = """
from sinch_provider.notifications.sms import SinchSmsNotifier
SinchSmsNotifier(to="+447700900222", from_="Bistro", body="Hi")
"""
_SLACK: Final = "airflow.providers.slack.notifications.slack"

#: Statements by key, and what they stand for.
CONTENDERS: Final[Mapping[str, tuple[str, str]]] = {
    "send": (f"import {OURS('operators.send')}", "our operator that sends"),
    "all": (
        f"import {OURS('operators.batches')}, {OURS('sensors.batches')}",
        "all our operators and the sensor",
    ),
    "notifier": (f"import {OURS('notifications.sms')}", "our notifier"),
    "decorator": (f"import {OURS('decorators.sms')}", "our decorator, in a file that has imported `task`"),
    "retry_policy": (f"import {OURS('retries')}", "our retry policy"),
    "smtp": (_SMTP, "the smtp notifier"),
    "smtp_beside_task": (_SMTP, "the smtp notifier, in a file that has imported `task`"),
    "slack": (f"import {_SLACK}", "the slack notifier"),
    "send_made": (_MADE, "our operator that sends, with a task made of it"),
    "notifier_made": (_NOTIFIER_MADE, "our notifier, with a notifier made"),
    "smtp_made": (_SMTP_MADE, "the smtp notifier, with a notifier made"),
}

#: What a Dag file that uses them has imported anyway. It does not count.
BEFORE: Final[Mapping[str, str]] = dict.fromkeys(
    ("decorator", "smtp_beside_task"), "from airflow.sdk import task"
)

# Runs in a process of its own. The Dag processor does the same: it imports Airflow once, keeps the garbage
# collector from what it has then, and imports every Dag file in a fork.
_ROUND: Final = """
import gc, json, os, sys, time
starts, statements, before = json.load(sys.stdin)
from airflow.sdk import BaseOperator
base = time.process_time()
gc.freeze()

def cost(statement, before):
    read, write = os.pipe()
    if not os.fork():
        exec(before)
        began = time.process_time()
        exec(statement)
        os.write(write, str(time.process_time() - began).encode())
        os._exit(0)
    os.close(write)
    with open(read) as answer:
        found = float(answer.read())
    os.wait()
    return found

found = {key: [] for key in statements}
for _ in range(starts):
    for key, statement in statements.items():
        found[key].append(cost(statement, before.get(key, "")))
json.dump({"base": base, **found}, sys.stdout)
"""


def one_round(statements: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, float]:
    """The CPU of each contender in ms: the median of its starts."""
    done = subprocess.run(
        [sys.executable, "-c", _ROUND],
        input=json.dumps([STARTS, statements, dict(BEFORE)]),
        env=dict(environment),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    base = found.pop("base") * 1000
    return {"base": base, **{key: 1000 * statistics.median(costs) for key, costs in found.items()}}


def statements_here() -> dict[str, str]:
    """The contenders that are installed."""
    missing = set() if importlib.util.find_spec(_SLACK.partition(".notifications")[0]) else {"slack"}
    return {key: statement for key, (statement, _) in CONTENDERS.items() if key not in missing}


def measure(rounds: int) -> Result:
    statements = statements_here()
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **{name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
            "AIRFLOW_HOME": str(Path(folder) / "airflow"),
            # Every module is compiled once, in the first round, which does not count.
            "PYTHONPYCACHEPREFIX": str(Path(folder) / "compiled"),
        }
        one_round(statements, environment)
        found = [one_round(statements, environment) for _ in range(rounds)]
    figures = [
        Figure(
            "imports.base",
            "Python and `from airflow.sdk import BaseOperator`",
            "ms",
            [each["base"] for each in found],
        ),
        *(
            Figure(f"imports.{key}", f"On top: {CONTENDERS[key][1]}", "ms", [each[key] for each in found])
            for key in statements
        ),
    ]
    peer = "imports.smtp"
    return Result(
        name="imports",
        title="CPU of importing our modules in a Dag file",
        floor="Airflow itself, which every Dag file imports: what the others add comes on top of it",
        figures=figures,
        ratios=[
            Ratio("imports.all/smtp", "all our operators and the sensor / smtp", "imports.all", peer, 1.0),
            Ratio("imports.send/smtp", "our operator that sends / smtp", "imports.send", peer, 1.0),
            Ratio("imports.notifier/smtp", "our notifier / smtp", "imports.notifier", peer, 1.0),
            Ratio(
                "imports.decorator/smtp",
                "our decorator / smtp, both in a file that has imported `task`",
                "imports.decorator",
                "imports.smtp_beside_task",
                1.0,
            ),
            Ratio("imports.retry_policy/smtp", "our retry policy / smtp", "imports.retry_policy", peer, 1.0),
            Ratio(
                "imports.notifier_made/smtp_made",
                "our notifier with a notifier made / smtp with a notifier made",
                "imports.notifier_made",
                "imports.smtp_made",
                1.0,
            ),
            Ratio(
                "imports.send_made/smtp_made",
                "our operator with a task made of it / smtp with a notifier made",
                "imports.send_made",
                "imports.smtp_made",
            ),
        ],
        plots=[
            Plot(
                key="imports",
                title="CPU of an import in a Dag file",
                y="ms on top of Airflow",
                bars=[f"imports.{key}" for key in statements],
            )
        ],
        notes=[
            f"Those on top are medians of {STARTS} imports a round, each in a new fork of a process that "
            "has imported Airflow, as the Dag processor does it. All modules are compiled.",
        ],
    )


if __name__ == "__main__":
    main(measure)
