"""The command ``sinch-sandbox``."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Sequence
from types import FrameType

import sinch_provider
from sinch_provider.sandbox.server import RunningSandbox, is_loopback
from sinch_provider.sandbox.settings import Credentials, Settings, parse_assignment
from sinch_provider.sandbox.sinch.outcomes import MAGIC, MAGIC_PREFIX
from sinch_provider.sandbox.state import Options
from sinch_provider.sandbox.store import TEMPORARY

DEFAULT_PORT = 8026

_EPILOG = f"""\
examples:
  sinch-sandbox                                start on port {DEFAULT_PORT}; nothing is kept
  sinch-sandbox --db sms.db                    keep everything, even over kill -9
  sinch-sandbox --clock real --speed 60        a minute passes every second
  sinch-sandbox --clock manual --port 0        for tests: any free port, time moves only when told
  sinch-sandbox --set cancel_after_dispatch=409 --set delivery_delay=30

while it runs, at its address:
  /                   the inbox: what every phone received
  /sandbox/docs       all calls, Sinch's and the sandbox's own, with examples to copy
  /sandbox/messages   what was sent, as JSON; /sandbox/export.csv for a spreadsheet
  /sandbox/metrics    figures for Prometheus

Numbers +{MAGIC_PREFIX}ddd end in ways their last digits name: {MAGIC_PREFIX}150 is an unknown subscriber,
{MAGIC_PREFIX}401 never gets a receipt. GET /sandbox/outcomes lists all {len(MAGIC)} of them.
In tests the pytest fixture sinch_sandbox starts a sandbox by itself.
"""


def parser() -> argparse.ArgumentParser:
    credentials = Credentials()
    result = argparse.ArgumentParser(
        prog="sinch-sandbox",
        description="Sinch SMS on your own machine: takes batches, delivers to nobody, shows what was sent.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    result.add_argument("--version", action="version", version=f"%(prog)s {sinch_provider.__version__}")

    where = result.add_argument_group("where it listens")
    where.add_argument("--host", default="127.0.0.1", metavar="ADDRESS", help="address to bind (%(default)s)")
    where.add_argument(
        "--port", type=int, default=DEFAULT_PORT, help="port, 0 for any free one (%(default)s)"
    )
    where.add_argument(
        "--allow-remote",
        action="store_true",
        help="bind other than loopback addresses and answer to any host name",
    )
    where.add_argument(
        "--allow-remote-callbacks",
        action="store_true",
        help="post callbacks to other than loopback addresses, if batches or settings say so",
    )

    what = result.add_argument_group("what it keeps, and its time")
    what.add_argument(
        "--db",
        default=TEMPORARY,
        metavar="PATH",
        help="SQLite file to keep everything in (default: a temporary one)",
    )
    what.add_argument(
        "--clock",
        choices=("real", "manual"),
        default="real",
        help="real runs, manual moves when told (%(default)s)",
    )
    what.add_argument(
        "--speed", type=_speed, default=1.0, metavar="N", help="the real clock runs N times as fast"
    )

    who = result.add_argument_group("who may call it")
    who.add_argument(
        "--service-plan-id", default=credentials.service_plan_id, metavar="ID", help="(%(default)s)"
    )
    who.add_argument("--api-token", default=credentials.api_token, metavar="TOKEN", help="(%(default)s)")
    who.add_argument("--project-id", default=credentials.project_id, metavar="ID", help="(%(default)s)")
    who.add_argument("--key-id", default=credentials.key_id, metavar="ID", help="(%(default)s)")
    who.add_argument("--key-secret", default=credentials.key_secret, metavar="SECRET", help="(%(default)s)")

    how = result.add_argument_group("how it behaves")
    how.add_argument(
        "--set",
        action="append",
        default=[],
        dest="assignments",
        type=_assignment,
        metavar="NAME=VALUE",
        help="change a setting, as often as needed; GET /sandbox/settings lists them",
    )
    return result


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


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT."""
    command = parser()
    given = command.parse_args(arguments)
    if not is_loopback(given.host) and not given.allow_remote:
        command.error(
            f"{given.host} can be reached from elsewhere; say --allow-remote if that is what you want"
        )
    options = Options(
        db=given.db,
        clock=given.clock,
        speed=given.speed,
        credentials=Credentials(
            given.service_plan_id, given.api_token, given.project_id, given.key_id, given.key_secret
        ),
        settings=Settings().changed(dict(given.assignments)),
        allow_remote=given.allow_remote,
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
Open it in a browser: the inbox shows what is sent here.

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

Ctrl+C ends it."""


if __name__ == "__main__":
    sys.exit(main())
