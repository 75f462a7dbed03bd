"""Messages from phones: receiving and listing them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.datastructures import QueryParams

from sinch_sandbox.core.sandbox import Sandbox
from sinch_sandbox.core.store.inbounds import Inbound
from sinch_sandbox.core.store.messages import Answered
from sinch_sandbox.core.times import format_time
from sinch_sandbox.sinch import groups
from sinch_sandbox.sinch.errors import Problems, not_found
from sinch_sandbox.sinch.paging import read_addresses, read_page, read_window


def document(inbound: Inbound) -> dict[str, Any]:
    """An inbound message as Sinch shows it; the same JSON is posted as a callback."""
    shown = {
        "id": inbound.id,
        "from": inbound.sender,
        "to": inbound.recipient,
        **inbound.fields,
        "received_at": format_time(inbound.received_at),
    }
    if inbound.client_reference is not None:
        shown["client_reference"] = inbound.client_reference
    return shown


def latest_message_to(
    sandbox: Sandbox, phone: str, account: str | None = None, sender: str | None = None
) -> Answered | None:
    """The message that a phone would answer; ``account`` and ``sender`` narrow it down."""
    return sandbox.store.messages.latest_to(
        phone, sandbox.clock.now(), sandbox.settings.default_originator, account, sender
    )


def receive(
    sandbox: Sandbox,
    account: str,
    sender: str,
    recipient: str,
    fields: Mapping[str, Any],
    client_reference: str | None = None,
) -> Inbound:
    """Receive a message. If the account has the feature, it gets the reference of the batch it answers.

    A phone that sends the keyword of a group joins or leaves the group.
    """
    now = sandbox.clock.now()
    if client_reference is None and sandbox.settings.inbound_client_reference:
        answered = latest_message_to(sandbox, sender, account, recipient)
        client_reference = answered.client_reference if answered else None
    inbound = Inbound(sandbox.ids.new(now), account, sender, recipient, client_reference, now, fields)
    url = sandbox.settings.inbound_callback_url or sandbox.settings.default_callback_url
    with sandbox.store.transaction():
        sandbox.store.inbounds.add(inbound)
        if fields["type"] == "mo_text":
            groups.apply_keywords(sandbox, account, recipient, sender, fields["body"])
        if url:
            sandbox.store.callbacks.add(url, document(inbound), now, due_at=now)
    return inbound


def find(sandbox: Sandbox, account: str, inbound_id: str) -> Inbound:
    found = sandbox.store.inbounds.find(account, inbound_id)
    if found is None:
        raise not_found()
    return found


def list_inbounds(sandbox: Sandbox, account: str, query: QueryParams) -> dict[str, Any]:
    """The newest first, by the time they came in."""
    problems = Problems()
    page = read_page(query, problems)
    start, end = read_window(query, sandbox.clock.now(), sandbox.settings, problems)
    recipients = read_addresses(query, "to", problems)
    problems.raise_first()
    count, found = sandbox.store.inbounds.listed(
        account, (start, end), recipients, query.get("client_reference"), page.size, page.offset
    )
    return page.answer("inbounds", count, [document(each) for each in found], sandbox.settings)
