"""The inbox's search for part of a text, of a number or of a reference, or for a batch."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from sinch_sandbox.core.store import finding
from sinch_sandbox.core.store.database import Database
from sinch_sandbox.core.store.filtered import MessageFilter
from sinch_sandbox.core.store.messages import Messages, Place, StoredMessage


class Search:
    """Looks through messages in strides, newest first."""

    def __init__(self, database: Database, messages: Messages) -> None:
        self._db = database
        self._messages = messages

    def stride(self, before: Place, size: int) -> Place | None:
        """The place ``size`` messages before a place; None if there are fewer."""
        rows = self._db.rows(
            "SELECT batch, position FROM messages WHERE (batch, position) < (:batch, :position)"
            " ORDER BY batch DESC, position DESC LIMIT 1 OFFSET :stride",
            {"batch": before[0], "position": before[1], "stride": size - 1},
        )
        return (rows[0][0], rows[0][1]) if rows else None

    def matches(
        self,
        filter_: MessageFilter,
        now: int,
        originator: str | None,
        low: Place | None,
        high: Place,
        limit: int,
    ) -> list[StoredMessage]:
        """Messages that pass a filter, newest first.

        :param now: the moment that decides about statuses.
        :param originator: the sender of batches that name none.
        :param low: the first place to look at; None for the first message.
        :param high: the place before which to look.
        """
        first = low or (0, 0)
        condition, values = replace(filter_, q=None).condition(now, originator)
        values |= {"low": first[0], "low_position": first[1], "high": high[0], "high_position": high[1]}
        if filter_.q is not None:
            values |= finding.values(filter_.q)
            condition += f" AND ({self._text_condition(values)})"
        return self._messages.select(
            "(m.batch, m.position) >= (:low, :low_position)"
            f" AND (m.batch, m.position) < (:high, :high_position) AND {condition}"
            " ORDER BY m.batch DESC, m.position DESC LIMIT :limit",
            {**values, "limit": limit},
        )

    def _text_condition(self, values: dict[str, Any]) -> str:
        """A condition on ``m``; what it needs is added to the values."""
        # What all messages of a batch share is looked at once.
        between = "b.seq >= :low AND b.seq <= :high"
        for name, matches in (("shared", finding.text_matches("b.text")), ("named", finding.BATCH_MATCHES)):
            found = self._db.rows(f"SELECT b.seq FROM batches b WHERE {between} AND {matches}", values)
            values[name] = json.dumps([row[0] for row in found])
        return (
            f"{finding.NUMBER_MATCHES} OR m.batch IN (SELECT value FROM json_each(:named))"
            " OR CASE WHEN m.text IS NULL THEN m.batch IN (SELECT value FROM json_each(:shared))"
            f" ELSE {finding.text_matches('m.text')} END"
        )
