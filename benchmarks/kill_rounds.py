"""Whether the sandbox keeps its word when it is killed.

Each round starts the server on the same ledger, lets several clients send, update, replace and cancel, and
kills it with SIGKILL at a random moment. After the restart every change that a client saw accepted must be
there with all its recipients; a change whose answer never came may be there or not, as a whole. Nothing
else may be in the ledger.
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

from running import PLAN, Caller, RefusedError, Server, batch, machine, number, server

BATCHES = f"/xms/v1/{PLAN}/batches"


@dataclass(frozen=True)
class State:
    """A batch as far as a client knows."""

    to: frozenset[str]
    text: str
    canceled: bool = False


class Client:
    """Calls until the server is gone, and remembers what it was told."""

    def __init__(self, server: Server, seed: str) -> None:
        self.known: dict[str, State] = {}
        self.in_doubt: dict[str, State] = {}
        """Changes that got no answer, by batch."""
        self.sends_in_doubt: set[State] = set()
        self.acknowledged: Counter[str] = Counter()
        self.refused: str | None = None
        self._caller = Caller(server)
        self._chance = random.Random(seed)
        self._send_at = (datetime.now(UTC) + timedelta(days=1)).isoformat()

    def run(self) -> None:
        try:
            while True:
                self._one_call()
        except RefusedError as error:
            self.refused = str(error)
        except (OSError, http.client.HTTPException):
            pass
        finally:
            self._caller.close()

    def _one_call(self) -> None:
        open_batches = [each for each, state in self.known.items() if not state.canceled]
        verb = self._chance.choices(("send", "update", "replace", "cancel"), (6, 2, 1, 1))[0]
        if verb == "send" or not open_batches:
            self._send()
            return
        batch_id = self._chance.choice(open_batches)
        state = self.known[batch_id]
        if verb == "cancel":
            self._change(verb, batch_id, replace(state, canceled=True), "DELETE", None)
            return
        added, text = self._recipients(100), self._text()
        if verb == "replace":
            body = self._body(added, text)
            self._change(verb, batch_id, State(_digits(added), text), "PUT", body)
            return
        if len(state.to) + len(added) <= 1000:
            to = state.to | _digits(added)
            body = json.dumps({"to_add": added, "body": text}).encode()
            self._change(verb, batch_id, State(to, text), "POST", body)

    def _send(self) -> None:
        to, text = self._recipients(self._chance.choice((1, 10, 100, 1000))), self._text()
        state = State(_digits(to), text)
        self.sends_in_doubt.add(state)
        batch_id = self._caller.send(self._body(to, text))["id"]
        self.sends_in_doubt.remove(state)
        self.known[batch_id] = state
        self.acknowledged["send"] += 1

    def _change(self, verb: str, batch_id: str, state: State, method: str, body: bytes | None) -> None:
        self.in_doubt[batch_id] = state
        status, answer = self._caller.call(method, f"{BATCHES}/{batch_id}", body)
        if status != 200:
            raise RefusedError(f"{verb}: {status} {answer[:300]!r}")
        self.known[batch_id] = self.in_doubt.pop(batch_id)
        self.acknowledged[verb] += 1

    def _recipients(self, most: int) -> list[str]:
        first = self._chance.randrange(999_000)
        return [number(first + index) for index in range(self._chance.randint(1, most))]

    def _text(self) -> str:
        return f"Order {self._chance.randrange(10**9)} is ready."

    def _body(self, to: list[str], text: str) -> bytes:
        return batch(0, 0, to=to, body=text, send_at=self._send_at)


def _digits(numbers: list[str]) -> frozenset[str]:
    return frozenset(each.removeprefix("+") for each in numbers)


def load_and_kill(running: Server, clients: list[Client], moment: float) -> None:
    threads = [threading.Thread(target=client.run) for client in clients]
    for thread in threads:
        thread.start()
    time.sleep(moment)
    running.kill()
    for thread in threads:
        thread.join()
    for client in clients:
        if client.refused:
            raise SystemExit(f"A call that had to succeed was refused: {client.refused}")


def stored(caller: Caller, batch_id: str) -> State | None:
    """A batch as the ledger has it; its messages have to agree with what it says of itself."""
    status, answer = caller.call("GET", f"{BATCHES}/{batch_id}")
    if status == 404:
        return None
    shown = json.loads(answer)
    _, answer = caller.call("GET", f"/sandbox/messages?{urlencode({'batch_id': batch_id, 'limit': 1000})}")
    messages = json.loads(answer)["messages"]
    recipients = [each["to"] for each in messages]
    cancelled = {each["status"] == "Cancelled" for each in messages}
    consistent = (
        len(set(recipients)) == len(recipients)
        and set(recipients) == set(shown["to"])
        and {each["body"] for each in messages} == {shown["body"]}
        and cancelled == {shown["canceled"]}
    )
    return State(frozenset(recipients), shown["body"], shown["canceled"]) if consistent else None


def settle(caller: Caller, clients: list[Client]) -> set[str]:
    """Compare what clients were told with the ledger, take over what was in doubt; which batches are lost."""
    lost = set()
    for client in clients:
        for batch_id, expected in client.known.items():
            found = stored(caller, batch_id)
            if found is None or found not in (expected, client.in_doubt.get(batch_id)):
                lost.add(batch_id)
            else:
                client.known[batch_id] = found
        client.in_doubt.clear()
    return lost


def all_batches(caller: Caller) -> set[str]:
    found: set[str] = set()
    while True:
        _, answer = caller.call("GET", f"/sandbox/batches?limit=1000&offset={len(found)}")
        page = json.loads(answer)["batches"]
        if not page:
            return found
        found.update(each["id"] for each in page)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=100, help="kills (%(default)s)")
    parser.add_argument("--clients", type=int, default=4, help="threads that call at once (%(default)s)")
    parser.add_argument("--longest", type=float, default=0.5, help="seconds of load at most (%(default)s)")
    parser.add_argument("--seed", type=int, default=None, help="of calls and moments; else a new one")
    given = parser.parse_args()
    seed = random.randrange(10**6) if given.seed is None else given.seed
    print(f"kill_rounds: {given.rounds} rounds, {given.clients} clients, seed {seed}; {machine()}")
    chance = random.Random(seed)
    everyone: list[Client] = []
    clients: list[Client] = []
    lost: set[str] = set()
    with tempfile.TemporaryDirectory() as folder:
        db = Path(folder) / "sms.db"
        for round_ in range(given.rounds):
            with server(db, "--clock", "manual") as running:
                lost |= settle(Caller(running), clients)
                clients = [Client(running, f"{seed}/{round_}/{name}") for name in range(given.clients)]
                everyone += clients
                load_and_kill(running, clients, chance.uniform(0.02, given.longest))
        with server(db, "--clock", "manual") as running:
            caller = Caller(running)
            lost |= settle(caller, clients)
            # All of them, because a later crash may take what an earlier one left.
            lost |= settle(caller, everyone)
            known = {batch_id for client in everyone for batch_id in client.known}
            in_doubt = {state for client in everyone for state in client.sends_in_doubt}
            others = all_batches(caller) - known
            unexplained = {each for each in others if stored(caller, each) not in in_doubt}
    told = sum((client.acknowledged for client in everyone), Counter[str]())
    recipients = sum(len(state.to) for client in everyone for state in client.known.values())
    print(f"  kills          {given.rounds:8,}")
    print(f"  acknowledged   {told.total():8,}  ({', '.join(f'{n:,} {verb}' for verb, n in told.items())})")
    print(f"  recipients     {recipients:8,}  in {len(known):,} batches")
    print(f"  lost           {len(lost):8,}  {' '.join(sorted(lost)[:5])}")
    print(f"  unanswered     {len(in_doubt):8,}  sends, {len(others):,} of them in the ledger")
    print(f"  unexplained    {len(unexplained):8,}  {' '.join(sorted(unexplained)[:5])}")
    return 1 if lost or unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
