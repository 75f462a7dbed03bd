"""The result of batches taken together, and whether it is good enough."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sinch_provider.sms.delivery.codes import FAILED, meaning
from sinch_provider.sms.delivery.progress import Counts, Progress, State, read_counts, write_counts

#: A line names at most this many batches.
_NAMED: Final = 3


def named(batch_ids: Sequence[str]) -> str:
    """Name batches in a text; if there are many, only the first ones."""
    if len(batch_ids) == 1:
        return f"Batch {batch_ids[0]}"
    rest = " ..." if len(batch_ids) > _NAMED else ""
    return f"{len(batch_ids)} batches ({', '.join(batch_ids[:_NAMED])}{rest})"


@dataclass(frozen=True)
class Summary:
    """
    The progress of several batches together.

    :param batch_ids: All batches.
    :param counts: Messages per status and code, over all batches.
    :param pending: Batches that are still waited for.
    :param overdue: Batches that have expired although some messages have no final status.
    """

    batch_ids: tuple[str, ...]
    counts: Counts
    pending: tuple[str, ...] = ()
    overdue: tuple[str, ...] = ()

    @classmethod
    def of(cls, progress: Iterable[Progress]) -> Summary:
        """Add up the progress of several batches."""
        entries = tuple(progress)
        return cls(
            tuple(entry.batch_id for entry in entries),
            sum((entry.counts for entry in entries), Counter()),
            tuple(entry.batch_id for entry in entries if not entry.over),
            tuple(entry.batch_id for entry in entries if entry.state is State.OVERDUE),
        )

    @property
    def by_status(self) -> dict[str, int]:
        """Messages per status."""
        totals: Counter[str] = Counter()
        for (status, _), count in self.counts.items():
            totals[status] += count
        return dict(sorted(totals.items()))

    def to_dict(self) -> dict[str, Any]:
        """Write the summary as JSON. It contains only ids and counts."""
        return {
            "batch_ids": list(self.batch_ids),
            "counts": write_counts(self.counts),
            "pending": list(self.pending),
            "overdue": list(self.overdue),
        }

    @classmethod
    def from_dict(cls, data: Any) -> Summary:
        """
        Read what :meth:`to_dict` wrote.

        :raises ValueError: The data has another shape.
        """
        if not isinstance(data, Mapping):
            raise ValueError("a summary must be an object")
        batch_ids, pending, overdue = (_ids(data, name) for name in ("batch_ids", "pending", "overdue"))
        return cls(batch_ids, read_counts(data.get("counts")), pending, overdue)

    @property
    def names(self) -> str:
        """Name the batches in a text; if there are many, only the first ones."""
        return named(self.batch_ids)

    def line(self) -> str:
        """Write the messages per status in one line."""
        return ", ".join(f"{status} {count}" for status, count in self.by_status.items()) or "no messages"

    def table(self) -> str:
        """Write the counts as a table: status, code, meaning, count."""
        rows = [("status", "code", "meaning", "count")]
        rows += [(s, str(code), meaning(code), str(n)) for (s, code), n in sorted(self.counts.items())]
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        return "\n".join(
            f"{row[0]:<{widths[0]}}  {row[1]:>{widths[1]}}  {row[2]:<{widths[2]}}  {row[3]:>{widths[3]}}"
            for row in rows
        )


@dataclass(frozen=True)
class OutcomePolicy:
    """
    When finished batches count as failed.

    :param max_failed: Fail when the share of failed messages reaches this. 1.0: only if every message failed.
        0: if at least one message failed.
    :param min_delivered: Fail when the share of delivered messages is below this.
    """

    max_failed: float = 1.0
    min_delivered: float = 0.0

    def verdict(self, summary: Summary) -> str | None:
        """Return why the outcome is a failure, or None if it is not."""
        total = sum(summary.counts.values())
        by_status = summary.by_status
        failed = sum(count for status, count in by_status.items() if status in FAILED)
        delivered = by_status.get("Delivered", 0)
        if failed and failed / total >= self.max_failed:
            return f"{failed} of {total} messages failed, which reaches max_failed={self.max_failed:g}"
        if not total and self.min_delivered > 0:
            return f"there were no messages, so min_delivered={self.min_delivered:g} was not reached"
        if total and delivered / total < self.min_delivered:
            return (
                f"{delivered} of {total} messages were delivered, below min_delivered={self.min_delivered:g}"
            )
        return None


def _ids(data: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = data.get(name)
    if not isinstance(value, (list, tuple)) or not all(isinstance(each, str) for each in value):
        raise ValueError(f"{name} must be a list of ids")
    return tuple(value)
