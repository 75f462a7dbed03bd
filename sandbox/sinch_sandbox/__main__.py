"""The command ``sinch-sandbox``."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import fields
from types import FrameType

from pydantic import ValidationError

import sinch_sandbox
from sinch_sandbox.control.outcomes import Script
from sinch_sandbox.core import outcomes
from sinch_sandbox.core.outcomes import MAGIC, MAGIC_PREFIX
from sinch_sandbox.core.settings import Credentials, Settings, parse_assignment
from sinch_sandbox.core.store.database import TEMPORARY
from sinch_sandbox.server import Options, RunningSandbox, is_loopback
from sinch_sandbox.web.guards import is_host_name
from sinch_sandbox.web.patience import raise_descriptor_limit

DEFAULT_PORT = 8026
ENVIRONMENT = "SINCH_SANDBOX_"
"""The prefix of environment variables for secrets, which a list of processes would show as options."""

_EPILOG = f"""\
examples:
  sinch-sandbox                                start on port {DEFAULT_PORT}; nothing is kept
  sinch-sandbox --db sms.db                    keep everything, even after kill -9
  sinch-sandbox --clock real --speed 60        a minute passes every second
  sinch-sandbox --clock manual --port 0        for tests: any free port; time moves only when you move it
  sinch-sandbox --set cancel_after_dispatch=409 --set delivery_delay=30
  sinch-sandbox --script '{{"prefix": "+44", "shares": {{"temporary": 0.1}}}}'
                                               a tenth of these numbers fails for now, always the same ones
  sinch-sandbox --host 0.0.0.0 --allow-remote --allow-host sandbox.corp
                                               for a closed network: no password protects it

while it runs, at its address:
  /                   the inbox: what each phone received
  /sandbox/docs       all calls, Sinch's and the sandbox's own, with examples to copy
  /sandbox/messages   what was sent, as JSON; /sandbox/export.csv for a spreadsheet
  /sandbox/metrics    metrics for Prometheus

The last digits of a number +{MAGIC_PREFIX}ddd decide its outcome: {MAGIC_PREFIX}150 is an unknown subscriber,
{MAGIC_PREFIX}401 never gets a receipt. GET /sandbox/outcomes lists all {len(MAGIC)} of them.
In tests the pytest fixture sinch_sandbox starts a sandbox.
"""


def parser() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(
        prog="sinch-sandbox",
        description="A stand-in for Sinch SMS on your own machine: it accepts batches, delivers to nobody,"
        " and shows what was sent.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    result.add_argument("--version", action="version", version=f"%(prog)s {sinch_sandbox.__version__}")

    where = result.add_argument_group("network")
    where.add_argument("--host", default="127.0.0.1", metavar="ADDRESS", help="address to bind (%(default)s)")
    where.add_argument(
        "--port", type=int, default=DEFAULT_PORT, help="port, 0 for any free one (%(default)s)"
    )
    where.add_argument(
        "--allow-remote",
        action="store_true",
        help="listen where other machines can reach it. Everyone who reaches it controls it: they can read"
        " all messages and the credentials, change settings, and trigger callbacks. Callbacks to loopback"
        " addresses are then refused",
    )
    where.add_argument(
        "--allow-host",
        action="append",
        default=[],
        dest="hosts",
        type=_host_name,
        metavar="NAME",
        help="answer requests for this host name too; may be repeated. Addresses and localhost always work",
    )
    where.add_argument(
        "--allow-remote-callbacks",
        action="store_true",
        help="post callbacks to other machines too, if batches or settings ask for it",
    )

    what = result.add_argument_group("storage and clock")
    what.add_argument(
        "--db",
        default=TEMPORARY,
        metavar="PATH",
        help="SQLite file that keeps everything (default: a temporary one)",
    )
    what.add_argument(
        "--clock",
        choices=("real", "manual"),
        default="real",
        help="real: runs; manual: moves only when you move it (%(default)s)",
    )
    what.add_argument(
        "--speed", type=_speed, default=1.0, metavar="N", help="the real clock runs N times as fast"
    )

    who = result.add_argument_group(
        "credentials",
        f"Each can also be given as an environment variable, such as {ENVIRONMENT}API_TOKEN, which a list of"
        f" processes does not show. {ENVIRONMENT}CALLBACK_SECRET is the setting callback_secret.",
    )
    for each in fields(Credentials):
        who.add_argument(
            f"--{each.name.replace('_', '-')}",
            metavar=each.name.rpartition("_")[2].upper(),
            help=f"default: {each.default}",
        )

    how = result.add_argument_group("behaviour")
    how.add_argument(
        "--set",
        action="append",
        default=[],
        dest="assignments",
        type=_assignment,
        metavar="NAME=VALUE",
        help="change a setting; may be repeated. GET /sandbox/settings lists them",
    )
    how.add_argument(
        "--script",
        action="append",
        default=[],
        dest="scripts",
        type=_script,
        metavar="JSON",
        help="how messages to some numbers end, as POST /sandbox/outcomes takes it; may be repeated",
    )
    return result


def _host_name(text: str) -> str:
    if not is_host_name(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a host name; give it without scheme and port")
    return text


def _speed(text: str) -> float:
    speed = float(text)
    if not 0 < speed <= 1_000_000:
        raise argparse.ArgumentTypeError("must be more than 0 and at most 1000000")
    return speed


def _assignment(text: str) -> tuple[str, object]:
    try:
        name, value = parse_assignment(text)
        Settings().changed({name: value})
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return name, value


def _script(text: str) -> tuple[str, outcomes.Script]:
    try:
        script = Script.model_validate_json(text)
    except ValidationError as error:
        faults = (f"{'.'.join(map(str, each['loc'])) or 'script'}: {each['msg']}" for each in error.errors())
        raise argparse.ArgumentTypeError("; ".join(faults)) from None
    return script.digits(), script.outcome()


def _credentials(given: argparse.Namespace) -> Credentials:
    """From the options, else from the environment, else the defaults."""
    found = {
        each.name: getattr(given, each.name) or os.environ.get(ENVIRONMENT + each.name.upper())
        for each in fields(Credentials)
    }
    return Credentials(**{name: value for name, value in found.items() if value})


def _settings(given: argparse.Namespace) -> Settings:
    changes = dict(given.assignments)
    secret = os.environ.get(f"{ENVIRONMENT}CALLBACK_SECRET")
    return Settings().changed({"callback_secret": secret, **changes} if secret else changes)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT."""
    command = parser()
    given = command.parse_args(arguments)
    if not is_loopback(given.host) and not given.allow_remote:
        command.error(
            f"other machines can reach {given.host}, and everyone who reaches the sandbox controls it;"
            " add --allow-remote if you want that"
        )
    raise_descriptor_limit()
    options = Options(
        db=given.db,
        clock=given.clock,
        speed=given.speed,
        credentials=_credentials(given),
        settings=_settings(given),
        outcomes=tuple(given.scripts),
        allow_remote=given.allow_remote,
        allow_hosts=tuple(given.hosts),
        allow_remote_callbacks=given.allow_remote_callbacks,
    )
    try:
        running = RunningSandbox(options, given.host, given.port)
    except OSError as error:
        print(
            f"sinch-sandbox: cannot listen on {given.host} port {given.port}: {error.strerror}",
            file=sys.stderr,
        )
        return 1

    def end(number: int, frame: FrameType | None) -> None:
        running.stopped.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    try:
        running.start()
        print(running.url, flush=True)
        print(_greeting(running), flush=True)
        running.stopped.wait()
    except RuntimeError as error:
        print(f"sinch-sandbox: {error}: {error.__cause__}", file=sys.stderr)
        return 1
    finally:
        running.stop()
    return 0


def _greeting(running: RunningSandbox) -> str:
    client = running.client()
    return f"""
Open this address in a browser: the inbox shows what is sent.

Airflow connection with the service plan's token:
  {json.dumps(client.connection)}
Airflow connection with the project's key:
  {json.dumps(client.project_connection)}

What was sent:  {client.url}/sandbox/messages
Callbacks:      {client.url}/sandbox/callbacks
Clock:          {client.url}/sandbox/clock
Faults:         {client.url}/sandbox/faults
Settings:       {client.url}/sandbox/settings
All calls:      {client.url}/sandbox/docs

Press Ctrl+C to stop it."""


if __name__ == "__main__":
    sys.exit(main())
