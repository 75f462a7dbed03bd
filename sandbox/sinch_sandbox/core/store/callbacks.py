"""The queue of callbacks in the ledger: written before anything is sent, so a killed process forgets none."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from sinch_sandbox.core.store.store import Store

CallbackState = Literal["waiting", "delivered", "dropped", "given_up", "refused", "withheld"]
WITHHELD: CallbackState = "withheld"
"""A report that a fault keeps from being sent at all."""

_COLUMNS = "type, url, batch_id, recipient, body, created_at, due_at, state, failed_at, attempts"


class Callback(NamedTuple):
    """One that is due."""

    seq: int
    url: str
    batch_id: str | None
    recipient: str | None
    body: str
    due_at: int
    failed_at: int | None
    """When it was first tried in vain."""


class Attempt(NamedTuple):
    """What came of trying once: an HTTP status, or an error without one."""

    at: int
    status: int | None
    error: str | None


def add(
    store: Store,
    url: str,
    document: Mapping[str, Any],
    created_at: int,
    *,
    due_at: int | None,
    batch_id: str | None = None,
    recipient: str | None = None,
    state: CallbackState = "waiting",
) -> None:
    """Queue one; without ``due_at`` it is held until it is released."""
    body = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    store.execute(
        f"INSERT INTO callbacks ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL, '[]')",
        (document["type"], url, batch_id, recipient, body, created_at, due_at, state),
    )


def release(store: Store, batch_id: str, recipient: str | None, due_at: int) -> None:
    """Let the held callbacks of a batch, or of one recipient of it, go after all that were queued so far."""
    where = "state = 'waiting' AND due_at IS NULL AND batch_id = :batch_id"
    if recipient is not None:
        where += " AND recipient = :recipient"
    values = {"batch_id": batch_id, "recipient": recipient, "due_at": due_at}
    for (seq,) in store.rows(f"SELECT seq FROM callbacks WHERE {where} ORDER BY seq", values):
        store.execute(
            f"INSERT INTO callbacks ({_COLUMNS})"
            f" SELECT {_COLUMNS.replace('due_at', ':due_at')} FROM callbacks WHERE seq = :seq",
            {"due_at": due_at, "seq": seq},
        )
        store.execute("DELETE FROM callbacks WHERE seq = :seq", {"seq": seq})


def due(store: Store, now: int, limit: int) -> list[Callback]:
    """Those whose time has come, the longest due first."""
    rows = store.rows(
        "SELECT seq, url, batch_id, recipient, body, due_at, failed_at FROM callbacks"
        " WHERE state = 'waiting' AND due_at <= :now ORDER BY due_at, seq LIMIT :limit",
        {"now": now, "limit": limit},
    )
    return [Callback(*row) for row in rows]


def next_due(store: Store, after: int) -> int | None:
    """When the next callback becomes due."""
    at: int | None = store.rows(
        "SELECT min(due_at) FROM callbacks WHERE state = 'waiting' AND due_at > :after", {"after": after}
    )[0][0]
    return at


def record(
    store: Store, callback: Callback, attempt: Attempt, state: CallbackState, due_at: int | None = None
) -> None:
    """Note an attempt and what follows from it; ``due_at`` is when to try again."""
    failed = state in ("waiting", "given_up")
    with store.transaction():
        store.execute(
            "UPDATE callbacks SET state = :state, due_at = :due_at,"
            " failed_at = CASE WHEN :failed THEN coalesce(failed_at, :at) ELSE failed_at END,"
            " attempts = json_insert(attempts, '$[#]', json(:attempt)) WHERE seq = :seq",
            {
                "seq": callback.seq,
                "state": state,
                "due_at": due_at,
                "failed": failed,
                "at": attempt.at,
                "attempt": json.dumps(attempt._asdict()),
            },
        )


def forget(store: Store) -> None:
    store.execute("DELETE FROM callbacks")
