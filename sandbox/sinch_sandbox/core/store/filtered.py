"""Messages that pass filters, for the control API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from sinch_sandbox.core.store import finding
from sinch_sandbox.core.store.database import Database
from sinch_sandbox.core.store.messages import Place
from sinch_sandbox.core.store.moment import CODE_NOW, MESSAGES_AND_BATCHES, STATUS_NOW, STOPPED


@dataclass(frozen=True)
class MessageFilter:
    """What a message must have to pass; None lets everything pass."""

    to: str | None = None
    """The recipient's digits."""
    sender: str | None = None
    batch_id: str | None = None
    position: int | None = None
    """The message's place in its batch."""
    client_reference: str | None = None
    account: str | None = None
    statuses: tuple[str, ...] = ()
    """One of these statuses by now; empty for any."""
    since: int | None = None
    """Accepted at this instant or later."""
    until: int | None = None
    """Accepted before this instant."""
    q: str | None = None
    """Part of the text, of the number or of the reference, or the id of the batch."""

    def condition(self, now: int, originator: str | None) -> tuple[str, dict[str, Any]]:
        """A condition on ``m`` and ``b``, and its values."""
        values: dict[str, Any] = {"now": now}
        conditions = ["1"]
        for name, column in (
            ("to", "m.recipient"),
            ("batch_id", "b.id"),
            ("position", "m.position"),
            ("client_reference", "b.client_reference"),
            ("account", "b.account"),
        ):
            value = getattr(self, name)
            if value is not None:
                conditions.append(f"{column} = :{name}")
                values[name] = value
        if self.sender is not None:
            conditions.append("coalesce(b.sender, :originator) = :sender")
            values["originator"] = originator
            values["sender"] = self.sender
        if self.statuses:
            names = {f"status{index}": status for index, status in enumerate(self.statuses)}
            conditions.append(f"{STATUS_NOW} IN ({', '.join(f':{name}' for name in names)})")
            values.update(names)
        if self.since is not None:
            conditions.append("b.created_at >= :since")
            values["since"] = self.since
        if self.until is not None:
            conditions.append("b.created_at < :until")
            values["until"] = self.until
        if self.q is not None:
            text = finding.text_matches("coalesce(m.text, b.text)")
            conditions.append(f"({text} OR {finding.NUMBER_MATCHES} OR {finding.BATCH_MATCHES})")
            values.update(finding.values(self.q))
        return " AND ".join(conditions), values


class SentMessage(NamedTuple):
    """A message as it is now."""

    batch: int
    position: int
    batch_id: str
    recipient: str
    sender: str | None
    text: str
    parts: int
    encoding: str
    status: str
    code: int
    client_reference: str | None
    created_at: int
    final_at: int | None

    @property
    def place(self) -> Place:
        return self.batch, self.position


_COLUMNS = (
    "m.batch, m.position, b.id, m.recipient, b.sender, coalesce(m.text, b.text), m.parts, m.encoding,"
    f" {STATUS_NOW}, {CODE_NOW}, b.client_reference, b.created_at, m.final_at"
)


class FilteredMessages:
    """The messages that pass a filter at one moment.

    :param now: the moment that decides about statuses.
    :param originator: the sender of batches that name none.
    """

    def __init__(self, database: Database, filter_: MessageFilter, now: int, originator: str | None) -> None:
        self._db = database
        self._where, self._values = filter_.condition(now, originator)

    def count(self) -> int:
        """How many there are."""
        # A join that no condition needs looks up a batch for each message: seconds for a million messages.
        source = MESSAGES_AND_BATCHES if "b." in self._where else "messages m"
        count: int = self._db.value(f"SELECT count(*) FROM {source} WHERE {self._where}", self._values)
        return count

    def page(self, limit: int, offset: int) -> list[SentMessage]:
        """One page, in the order they were sent."""
        return self._select(
            "ORDER BY m.batch, m.position LIMIT :limit OFFSET :offset", limit=limit, offset=offset
        )

    def latest(self) -> SentMessage | None:
        """The one that was sent last."""
        found = self._select("ORDER BY m.batch DESC, m.position DESC LIMIT 1")
        return found[0] if found else None

    def after(self, place: Place, limit: int) -> list[SentMessage]:
        """The next ones behind a place, in the order they were sent."""
        return self._select(
            "AND (m.batch, m.position) > (:batch, :position) ORDER BY m.batch, m.position LIMIT :limit",
            batch=place[0],
            position=place[1],
            limit=limit,
        )

    def places(self) -> list[tuple[int, int, str]]:
        """Batch, position and recipient of each."""
        return self._db.rows(
            f"SELECT m.batch, m.position, m.recipient FROM {MESSAGES_AND_BATCHES} WHERE {self._where}",
            self._values,
        )

    def count_in(self, low: int, high: int) -> int:
        """How many are in the batches after ``low`` up to ``high``."""
        count: int = self._db.value(
            f"SELECT count(*) FROM {MESSAGES_AND_BATCHES} WHERE {self._where}"
            " AND m.batch > :low AND m.batch <= :high",
            {**self._values, "low": low, "high": high},
        )
        return count

    def accepted_in(self, low: int, high: int) -> list[tuple[str, str | None, str]]:
        """Number, reference and batch id of each in the batches after ``low`` up to ``high``.

        Messages that a cancel kept from leaving are not among them.
        """
        return self._db.rows(
            f"SELECT m.recipient, b.client_reference, b.id FROM {MESSAGES_AND_BATCHES} WHERE {self._where}"
            f" AND m.batch > :low AND m.batch <= :high AND NOT {STOPPED} ORDER BY m.batch, m.position",
            {**self._values, "low": low, "high": high},
        )

    def _select(self, rest: str, **values: Any) -> list[SentMessage]:
        rows = self._db.rows(
            f"SELECT {_COLUMNS} FROM {MESSAGES_AND_BATCHES} WHERE {self._where} {rest}",
            {**self._values, **values},
        )
        return list(map(SentMessage._make, rows))
