"""Messages as the control API filters and shows them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field, WithJsonSchema

from sinch_sandbox.core import phone
from sinch_sandbox.core.limits import Given, at_most
from sinch_sandbox.core.outcomes import STATUSES
from sinch_sandbox.core.sandbox import Sandbox
from sinch_sandbox.core.store import finding
from sinch_sandbox.core.store.store import CODE_NOW, STATUS_NOW
from sinch_sandbox.core.times import format_time, parse_time


def _status(text: str) -> str:
    for status in STATUSES:
        if status.lower() == text.lower():
            return status
    raise ValueError(f"{text[:40]!r} is none of {', '.join(STATUSES)}")


Status = Annotated[str, AfterValidator(_status), WithJsonSchema({"type": "string", "enum": list(STATUSES)})]


def _instant(text: str) -> str:
    moment = parse_time(text, bare_date=True)
    if moment is None:
        raise ValueError(f"{text[:40]!r} is not an ISO-8601 date or time")
    return format_time(moment)


Instant = Annotated[str, AfterValidator(_instant)]


class MessageFilters(Given):
    """Which messages are meant; all of them where nothing is said. A misspelt filter is refused."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)

    to: str | None = Field(None, description="The recipient's number, however it is written.")
    from_: str | None = Field(None, alias="from", description="The sender, of the plan or of the batch.")
    batch_id: str | None = None
    client_reference: str | None = None
    account: str | None = Field(None, description="Service plan or project.")
    status: Annotated[list[Status] | None, at_most(100)] = Field(
        None, description="What it is by now; repeat it for several."
    )
    since: Instant | None = Field(None, description="Accepted at this time or later, ISO-8601.")
    until: Instant | None = Field(None, description="Accepted before this time, ISO-8601.")
    q: str | None = Field(None, description="Part of a text, or of a number however it is written.")

    def condition(self, sandbox: Sandbox) -> tuple[str, dict[str, Any]]:
        """A condition on the rows of ``SOURCE``, and its values, ``now`` among them."""
        values: dict[str, Any] = {"now": sandbox.clock.now()}
        conditions = ["1"]
        for name, column, value in (
            ("to", "m.recipient", None if self.to is None else phone.normalise_number(self.to) or self.to),
            ("batch_id", "b.id", self.batch_id),
            ("client_reference", "b.client_reference", self.client_reference),
            ("account", "b.account", self.account),
        ):
            if value is not None:
                conditions.append(f"{column} = :{name}")
                values[name] = value
        if self.from_ is not None:
            conditions.append("coalesce(b.sender, :originator) = :sender")
            values["originator"] = sandbox.settings.default_originator
            values["sender"] = phone.normalise_sender(self.from_) or self.from_
        if self.status:
            names = {f"status{index}": status for index, status in enumerate(self.status)}
            conditions.append(f"{STATUS_NOW} IN ({', '.join(f':{name}' for name in names)})")
            values.update(names)
        if self.since is not None:
            conditions.append("b.created_at >= :since")
            values["since"] = parse_time(self.since)
        if self.until is not None:
            conditions.append("b.created_at < :until")
            values["until"] = parse_time(self.until)
        if self.q is not None:
            text = finding.text_matches("coalesce(m.text, b.text)")
            conditions.append(f"({text} OR {finding.NUMBER_MATCHES})")
            values.update(finding.values(self.q))
        return " AND ".join(conditions), values


COLUMNS = (
    "b.id, m.position, m.recipient, b.sender, coalesce(m.text, b.text), m.parts, m.encoding,"
    f" {STATUS_NOW}, {CODE_NOW}, b.client_reference, b.created_at, m.final_at"
)
SOURCE = "messages m JOIN batches b ON b.seq = m.batch"


def shown(sandbox: Sandbox, row: tuple[Any, ...]) -> dict[str, Any]:
    """One message, from a row of ``COLUMNS``."""
    batch_id, position, to, sender, body, parts, encoding, status, code, reference, created_at, final_at = row
    received = status == "Delivered"
    return {
        "id": f"{batch_id}-{position}",
        "batch_id": batch_id,
        "to": to,
        "from": sender or sandbox.settings.default_originator,
        "body": body,
        "parts": parts,
        "encoding": encoding,
        "status": status,
        "code": code,
        "client_reference": reference,
        "created_at": format_time(created_at),
        "received": received,
        "received_at": format_time(final_at) if received else None,
    }
