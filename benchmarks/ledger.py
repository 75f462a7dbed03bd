"""Many batches in the ledger of a sandbox whose clock stands still, so that none of them is delivered yet."""

from __future__ import annotations

import http.client
import json
import shutil
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from running import RefusedError, Server, batch, server

PROJECT: Final = "sandbox-project"
KEY: Final = "sandbox-key:sandbox-secret"
#: Senders at a time.
_SENDERS: Final = 32
#: The clock of a new sandbox goes on with the present, so nothing may be delivered by itself.
_DELAY: Final = 36_000
_ARGUMENTS: Final = (
    *("--clock", "manual"),
    *("--set", f"delivery_delay={_DELAY}"),
    *("--set", f"token_lifetime={10 * _DELAY}"),
)


def connection(url: str) -> str:
    """The Airflow connection with the credentials of a project, so that tokens are counted."""
    login, password = KEY.split(":")
    extra = {"project_id": PROJECT, "base_url": url, "auth_url": url}
    return json.dumps({"conn_type": "sinch", "login": login, "password": password, "extra": extra})


class Ledger:
    """
    Batches of one recipient each, accepted once, for many sandboxes.

    :param folder: Where the ledger lies.
    :param count: How many batches.
    """

    def __init__(self, folder: Path, count: int) -> None:
        self._db = folder / "all.db"
        self._copies = 0
        self.batch_ids: list[str] = []
        with server(self._db, *_ARGUMENTS) as running:
            token = _token(running)
            senders = [
                threading.Thread(target=self._send, args=(running, token, range(first, count, _SENDERS)))
                for first in range(_SENDERS)
            ]
            for sender in senders:
                sender.start()
            for sender in senders:
                sender.join()
        if len(self.batch_ids) != count:
            raise RefusedError(f"only {len(self.batch_ids)} of {count} batches were accepted")

    def _send(self, running: Server, token: str, indexes: range) -> None:
        caller = http.client.HTTPConnection(running.address, timeout=60)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        for index in indexes:
            caller.request("POST", f"/xms/v1/{PROJECT}/batches", batch(index, 1), headers)
            self.batch_ids.append(json.loads(caller.getresponse().read())["id"])
        caller.close()

    @contextmanager
    def serve(self) -> Iterator[Controlled]:
        """A sandbox with these batches, none of which has left."""
        self._copies += 1
        db = self._db.with_name(f"{self._copies}.db")
        for source in self._db.parent.glob(f"{self._db.name}*"):
            shutil.copy(source, db.with_name(source.name.replace(self._db.name, db.name)))
        with server(db, *_ARGUMENTS) as running:
            yield Controlled(running)
        for left in db.parent.glob(f"{db.name}*"):
            left.unlink()


class Controlled:
    """A running sandbox, and what its control API is asked for."""

    def __init__(self, running: Server) -> None:
        self.server = running

    def _ask(self, method: str, path: str, body: bytes | None = None) -> Any:
        caller = http.client.HTTPConnection(self.server.address, timeout=60)
        caller.request(method, f"/sandbox/{path}", body, {"Content-Type": "application/json"})
        answer = json.loads(caller.getresponse().read())
        caller.close()
        return answer

    def calls(self, operation: str) -> int:
        """How often an operation was called so far."""
        return int(self._ask("GET", "calls")["calls"].get(operation, 0))

    def deliver(self) -> None:
        """Give every message its final status."""
        self._ask("POST", "clock", json.dumps({"advance": 2 * _DELAY, "wait": False}).encode())


def _token(running: Server) -> str:
    caller = http.client.HTTPConnection(running.address, timeout=60)
    headers = {
        "Authorization": f"Basic {b64encode(KEY.encode()).decode()}",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    caller.request("POST", "/oauth2/token", b"grant_type=client_credentials", headers)
    token: str = json.loads(caller.getresponse().read())["access_token"]
    caller.close()
    return token
