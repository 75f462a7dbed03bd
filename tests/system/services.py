"""What Airflow and the test stand on: Postgres, Redis, and the sandbox, which is never killed."""

from __future__ import annotations

import getpass
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

import psycopg
import redis

from sinch_sandbox.client import SandboxClient
from tests.system.processes import Service, SystemTestError, free_port, run

_DEBIAN_POSTGRES = Path("/usr/lib/postgresql")
#: Redis's own package, and Postgres's, in Debian and its kin.
_PACKAGES = {"redis-server": "redis-server", "initdb": "postgresql"}


def program(name: str) -> str | None:
    """Find a program; Debian keeps Postgres's off the PATH."""
    versions = sorted(_DEBIAN_POSTGRES.glob("*/bin"), key=lambda each: int(each.parent.name.split(".")[0]))
    path = os.pathsep.join([*map(str, reversed(versions)), os.environ.get("PATH", os.defpath)])
    return shutil.which(name, path=path)


def install_missing() -> None:
    """
    Install Redis and Postgres with apt-get where they are missing.

    :raises SystemTestError: This cannot be done here.
    """
    missing = [package for command, package in _PACKAGES.items() if program(command) is None]
    if not missing:
        return
    wanted = " ".join(missing)
    if shutil.which("apt-get") is None:
        raise SystemTestError(f"Please install {wanted}: this test needs it, and there is no apt-get here.")
    root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if root and shutil.which("sudo") is None:
        raise SystemTestError(f"Please install {wanted} (as root: apt-get install {wanted}).")
    print(f"Installing {wanted}", flush=True)
    for command in (["update"], ["install", "-y", "--no-install-recommends", *missing]):
        done = subprocess.run(
            [*root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", *command],
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise SystemTestError(
                f"apt-get {command[0]} failed; please install {wanted} yourself.\n{done.stderr[-2000:]}"
            )


def wait_until(check: Callable[[], bool], what: Service, patience: float = 60) -> None:
    """Wait for a service to do its work."""
    deadline = time.monotonic() + patience
    while True:
        try:
            if check():
                return
        except (OSError, psycopg.OperationalError, redis.RedisError):
            pass
        if not what.running or time.monotonic() > deadline:
            state = f"does not answer after {patience:.0f} s" if what.running else "has ended"
            raise SystemTestError(f"{what.name} {state}:\n{what.complaint()}")
        time.sleep(0.2)


class Postgres:
    """A database server of the test's own, reached by a socket in its folder."""

    def __init__(self, folder: Path) -> None:
        # Postgres refuses to run as root; its package brings a user for it.
        self._user = "postgres" if os.geteuid() == 0 else getpass.getuser()
        as_user = self._user if os.geteuid() == 0 else None
        home = folder / "postgres"
        home.mkdir(mode=0o700)
        if as_user:
            shutil.chown(home, as_user, as_user)
        self._home = home
        self._as_user = as_user
        environment = {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8"}
        initdb, postgres = program("initdb"), program("postgres")
        assert initdb is not None
        assert postgres is not None
        run(
            [initdb, "-D", str(home / "data"), "-A", "trust", "-U", self._user, "-E", "UTF8", "--no-sync"],
            environment,
            home / "initdb.log",
            as_user,
        )
        options = {
            "listen_addresses": "",
            "unix_socket_directories": str(home),
            "fsync": "off",
            "max_connections": "300",
        }
        settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        self.service = Service(
            "postgres", [postgres, "-D", str(home / "data"), *settings], environment, home, as_user
        )

    def start(self) -> None:
        self.service.start()
        wait_until(lambda: bool(self.query("select 1", database="postgres")), self.service)
        self.create("airflow")

    def create(self, database: str) -> None:
        with self.connect("postgres") as connection:
            connection.execute(f"create database {database}")

    def connect(self, database: str) -> psycopg.Connection:
        """Open a connection on which every statement is a transaction of its own."""
        target = f"dbname={database} user={self._user} host={self._home}"
        return psycopg.connect(target, autocommit=True)

    @property
    def url(self) -> str:
        """SQLAlchemy's address, for both of Airflow's drivers."""
        return f"postgresql+psycopg://{self._user}@/airflow?host={self._home}"

    def airflow_connection(self, database: str) -> dict[str, str]:
        """Describe a database as a connection of Airflow's."""
        return {"conn_type": "postgres", "host": str(self._home), "login": self._user, "schema": database}

    def query(self, sql: str, *values: object, database: str = "airflow") -> list[tuple[object, ...]]:
        with self.connect(database) as connection:
            return connection.execute(sql, values or None).fetchall()


class Redis:
    """Celery's broker. It writes every change down, so that killing it loses nothing."""

    def __init__(self, folder: Path) -> None:
        home = folder / "redis"
        home.mkdir()
        self.port = free_port()
        server = program("redis-server")
        assert server is not None
        options = f"--port {self.port} --bind 127.0.0.1 --save --appendonly yes --appendfsync no --dir {home}"
        self.service = Service("redis", [server, *options.split(" ")], dict(os.environ), home)
        self.client = redis.Redis(port=self.port, socket_timeout=5)

    def start(self) -> None:
        self.service.start()
        wait_until(self.client.ping, self.service)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"


class Sandbox:
    """Sinch's stand-in: the oracle."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        port = free_port()
        settings = ["--set", "dispatch_delay=2", "--set", "delivery_delay=4"]
        self.service = Service(
            "sandbox",
            [
                *(sys.executable, "-m", "sinch_sandbox"),
                *("--port", str(port), "--db", str(folder / "ledger.db"), *settings),
            ],
            environment,
            folder,
        )
        self.client = SandboxClient(f"http://127.0.0.1:{port}")

    def start(self) -> None:
        self.service.start()
        wait_until(lambda: bool(self.client.health()), self.service)

    def make_trouble(self, seed: int) -> None:
        """Be slow, lose answers, refuse and list late, so that kills meet requests on their way."""
        often = {"count": None, "seed": seed}
        fault = self.client.fault
        fault("latency", "send", when="after", seconds=2.5, probability=0.4, **often)
        fault("latency", "send", seconds=1.5, probability=0.3, **often)
        fault("latency", "list", seconds=0.7, probability=0.3, **often)
        fault("listing_lag", "send", seconds=12, probability=0.3, **often)
        fault("lost_reply", "send", how="hang", probability=0.06, **often)
        fault("lost_reply", "send", how="reset", probability=0.04, **often)
        fault("server_error", "send", when="after", probability=0.03, **often)
        fault("rate_limited", "send", retry_after=1, probability=0.04, **often)
        fault("server_error", "*", probability=0.02, **often)


def start_services(
    stack: ExitStack, folder: Path, environment: Mapping[str, str]
) -> tuple[Postgres, Sandbox]:
    """Start a database and a sandbox, which end with the stack."""
    database = Postgres(folder)
    stack.callback(database.service.end)
    database.start()
    sandbox = Sandbox(folder, dict(environment))
    stack.callback(sandbox.service.end)
    sandbox.start()
    return database, sandbox
