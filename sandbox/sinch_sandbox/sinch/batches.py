"""The eight batch operations, without HTTP."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace as with_changes
from typing import Any

from sinch_sandbox.core import phone
from sinch_sandbox.core.sandbox import Sandbox
from sinch_sandbox.core.store.batches import Batch, Fields
from sinch_sandbox.core.times import DAY, SECOND, format_time
from sinch_sandbox.sinch import batch_fields as validation
from sinch_sandbox.sinch import groups, planning
from sinch_sandbox.sinch.batch_fields import MAX_RECIPIENTS, TEXT
from sinch_sandbox.sinch.composing import draft
from sinch_sandbox.sinch.errors import MISSING_CALLBACK_URL, Problems, Refusal, already_dispatched, not_found

MAX_VALIDITY = 3 * DAY
NULL_MEANS_DEFAULT = ("delivery_report", "expire_at", "callback_url", "send_at", "parameters")
"""Fields that an explicit null resets in an update; a null in any other field counts as absent."""

_LEGACY_NAMES = {"toAdd": "to_add", "toRemove": "to_remove"}


def document(batch: Batch) -> dict[str, Any]:
    """The batch as Sinch shows it: numbers as digits, and optional fields absent instead of null."""
    fields = batch.fields
    shown = {
        "id": batch.id,
        **fields,
        "canceled": batch.canceled_at is not None,
        "created_at": format_time(batch.created_at),
        "modified_at": format_time(batch.modified_at),
        "delivery_report": fields.get("delivery_report", "none"),
        "expire_at": format_time(batch.expires_at),
        "feedback_enabled": fields.get("feedback_enabled", False),
    }
    if "send_at" in fields:
        shown["send_at"] = format_time(fields["send_at"])
    if fields["type"] == TEXT:
        shown.setdefault("flash_message", False)
    return shown


def send(sandbox: Sandbox, account: str, data: Mapping[str, Any], now: int, listing_lag: float = 0) -> Batch:
    """Accept a batch at ``now``."""
    problems = Problems()
    fields = _read_complete(sandbox, data, problems)
    if sandbox.settings.delivery_report_required and data.get("delivery_report") is None:
        problems.constraint("delivery_report", "may not be empty")
    starts_at = _start(fields, now)
    expires_at = _check_expiry(sandbox, fields, starts_at, problems)
    problems.raise_first()
    _check_rules(sandbox, account, fields)
    batch = Batch(0, sandbox.ids.new(now), account, fields, now, now, starts_at, None, expires_at, None)
    return planning.accept(sandbox, batch, listed_at=now + round(listing_lag * SECOND))


def dry_run(
    sandbox: Sandbox, account: str, data: Mapping[str, Any], per_recipient: bool, detail_limit: int
) -> dict[str, Any]:
    """How many messages and parts a send would have; groups count with their current members."""
    now = sandbox.clock.now()
    problems = Problems()
    fields = _read_complete(sandbox, data, problems)
    _check_expiry(sandbox, fields, _start(fields, now), problems)
    problems.raise_first()
    recipients = planning.recipients(sandbox, account, fields["to"])
    drafts = list(draft(fields, recipients, sandbox.settings))
    answer: dict[str, Any] = {
        "number_of_recipients": len(recipients),
        "number_of_messages": sum(each.parts for each in drafts),
    }
    if per_recipient and fields["type"] == TEXT:
        answer["per_recipient"] = [
            {
                "recipient": each.recipient,
                "number_of_parts": each.parts,
                "body": each.text,
                "encoding": each.encoding,
            }
            for each in drafts[:detail_limit]
        ]
    return answer


def find(sandbox: Sandbox, account: str, batch_id: str) -> Batch:
    if not phone.is_group_id(batch_id) and sandbox.settings.malformed_batch_id == 400:
        problems = Problems()
        problems.bad_format("batch_id", batch_id, "a valid identifier")
        problems.raise_first()
    batch = sandbox.store.batches.find(account, batch_id)
    if batch is None:
        raise not_found()
    return batch


def update(sandbox: Sandbox, account: str, batch_id: str, data: Mapping[str, Any], now: int) -> Batch:
    """Change the named fields and keep the others; allowed until the first message leaves the queue."""
    batch = find(sandbox, account, batch_id)
    problems = Problems()
    data = {_LEGACY_NAMES.get(name, name): value for name, value in data.items()}
    kind = batch.fields["type"]
    if validation.read_type(data, problems, default=kind) != kind:
        problems.constraint("type", "of a batch cannot be changed")
    data.pop("to", None)
    changes = validation.read_fields(data, kind, sandbox.settings, problems)
    fields = {**batch.fields, **changes}
    for name in NULL_MEANS_DEFAULT:
        if name in data and data[name] is None:
            fields.pop(name, None)
    fields["to"] = _changed_recipients(fields, problems)
    validation.check_whole(fields, data, kind, sandbox.settings, problems)
    starts_at = _start(fields, now) if "send_at" in data else batch.starts_at
    expires_at = _check_expiry(sandbox, fields, starts_at, problems)
    problems.raise_first()
    changed = with_changes(batch, fields=fields, modified_at=now, starts_at=starts_at, expires_at=expires_at)
    return _rewrite(sandbox, batch, changed, batch.fields["to"])


def replace(sandbox: Sandbox, account: str, batch_id: str, data: Mapping[str, Any], now: int) -> Batch:
    """New content under the old id; fields that are not named get their default."""
    batch = find(sandbox, account, batch_id)
    problems = Problems()
    fields = _read_complete(sandbox, data, problems)
    starts_at = _start(fields, now)
    expires_at = _check_expiry(sandbox, fields, starts_at, problems)
    problems.raise_first()
    changed = with_changes(batch, fields=fields, modified_at=now, starts_at=starts_at, expires_at=expires_at)
    return _rewrite(sandbox, batch, changed)


def cancel(sandbox: Sandbox, account: str, batch_id: str, now: int) -> Batch:
    """Stop the messages that still wait. A finished or cancelled batch stays as it is."""
    batch = find(sandbox, account, batch_id)
    if batch.canceled_at is not None:
        return batch
    stoppable, unfinished = (
        (True, True) if now < batch.starts_at else sandbox.store.messages.anything_left(batch, now)
    )
    if not stoppable and sandbox.settings.cancel_after_dispatch == 409:
        raise Refusal(409)
    if not unfinished:
        return batch
    planning.cancel(sandbox, batch, now)
    return with_changes(batch, canceled_at=now, modified_at=now)


def feedback(sandbox: Sandbox, account: str, batch_id: str, data: Mapping[str, Any], now: int) -> None:
    """The customer reports that messages arrived; without groups an empty list means the whole batch."""
    batch = find(sandbox, account, batch_id)
    problems = Problems()
    given = data.get("recipients")
    if given is None:
        problems.constraint("recipients", "may not be empty")
    members = sandbox.store.messages.recipients(batch)
    limit = max(len(members), MAX_RECIPIENTS)
    numbers = []
    if given is not None:
        numbers = validation.read_numbers("recipients", given, problems, limit=limit) or []
    if isinstance(given, list) and len(given) > limit:
        problems.constraint("recipients", f"may not have more than {limit} items")
    if not batch.fields.get("feedback_enabled"):
        problems.constraint("feedback_enabled", "is not set for this batch")
    if given == [] and planning.groups_among(batch.fields["to"]):
        problems.constraint("recipients", "must name a number, since the batch is addressed to a group")
    if sandbox.settings.feedback_unknown_recipient == "refuse":
        known = set(members)
        for index, number in enumerate(numbers):
            if number not in known:
                problems.constraint(f"recipients[{index}]", "is not a recipient of this batch")
    problems.raise_first()
    sandbox.store.batches.add_feedback(batch, numbers or members, now)


def _read_complete(sandbox: Sandbox, data: Mapping[str, Any], problems: Problems) -> Fields:
    kind = validation.read_type(data, problems)
    data = {name: value for name, value in data.items() if name not in ("to_add", "to_remove")}
    fields = validation.read_fields(data, kind, sandbox.settings, problems)
    fields["type"] = kind
    validation.check_whole(fields, data, kind, sandbox.settings, problems)
    return fields


def _changed_recipients(fields: Fields, problems: Problems) -> list[str]:
    """Adds before removes, so a number in both ends up removed."""
    removed = set(fields.pop("to_remove", []))
    targets = list(fields["to"])
    known = set(targets)
    for number in fields.pop("to_add", []):
        if number not in known:
            targets.append(number)
            known.add(number)
    targets = [target for target in targets if target not in removed]
    if not 1 <= len(targets) <= MAX_RECIPIENTS:
        problems.constraint("to", f"must have between 1 and {MAX_RECIPIENTS} items after the change")
    return targets


def _start(fields: Fields, now: int) -> int:
    """When a batch starts; a ``send_at`` in the past means now."""
    starts_at: int = max(fields.get("send_at", now), now)
    return starts_at


def _check_expiry(sandbox: Sandbox, fields: Fields, starts_at: int, problems: Problems) -> int:
    latest = starts_at + MAX_VALIDITY
    expires_at: int = fields.get("expire_at", latest)
    if expires_at <= starts_at:
        problems.constraint("expire_at", "must be after the time of sending")
    if expires_at > latest:
        if sandbox.settings.expire_beyond_max == "refuse":
            problems.constraint("expire_at", "may not be more than 3 days after the time of sending")
        expires_at = latest
    return expires_at


def _check_rules(sandbox: Sandbox, account: str, fields: Fields, named_before: Collection[str] = ()) -> None:
    """Refuse a valid request that cannot be done. Groups named before may have been deleted since."""
    named = planning.groups_among(fields["to"])
    groups.check_known(sandbox, account, (each for each in named if each not in named_before))
    wants_report = fields.get("delivery_report", "none") != "none"
    if wants_report and "callback_url" not in fields and sandbox.settings.default_callback_url is None:
        raise Refusal(403, MISSING_CALLBACK_URL, "Delivery report requested but there is no callback URL.")


def _rewrite(sandbox: Sandbox, batch: Batch, changed: Batch, named_before: Collection[str] = ()) -> Batch:
    """Replace ``batch`` by ``changed``, unless its first message has left already."""
    left = batch.leaves_at is not None and batch.leaves_at <= changed.modified_at
    if left or batch.canceled_at is not None:
        raise already_dispatched()
    _check_rules(sandbox, batch.account, changed.fields, named_before)
    return planning.change(sandbox, changed, changed.modified_at)
