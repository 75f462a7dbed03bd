"""The list of batches, and the faults that spoil it."""

from __future__ import annotations

from typing import Any

from sinch_sandbox.core.faults import Fault
from sinch_sandbox.sinch import batches
from sinch_sandbox.sinch.calls import Call
from sinch_sandbox.sinch.contradictions import foreign
from sinch_sandbox.sinch.errors import Problems
from sinch_sandbox.sinch.paging import Page, read_addresses, read_page, read_window


def list_batches(call: Call) -> dict[str, Any]:
    problems = Problems()
    trouble = {fault.kind: fault for fault in call.listing}
    page = read_page(call.query, problems)
    start, end = read_window(call.query, call.now, call.sandbox.settings, problems)
    senders = read_addresses(call.query, "from", problems)
    problems.raise_first()
    reference = None if "listing_unfiltered" in trouble else call.query.get("client_reference")
    count, found = call.sandbox.store.batches.listed(
        call.account, (start, end), call.now, senders, reference, page.size, page.offset
    )
    items = [batches.document(each) for each in found]
    if "listing_partial" in trouble:
        items = _first(items, page, trouble["listing_partial"])
    if "listing_garbled" in trouble:
        count += 1
        items.insert(len(items) // 2, _garbled(call, trouble["listing_garbled"]))
    if "listing_unlabelled" in trouble:
        for item in items:
            item.pop("client_reference", None)
    return page.answer("batches", count, items, call.sandbox.settings)


def _first(items: list[Any], page: Page, fault: Fault) -> list[Any]:
    """The items of a page that remain if the list ends too early."""
    most = page.size if fault.items is None else fault.items
    return items[: max(0, most - page.offset)]


def _garbled(call: Call, fault: Fault) -> dict[str, Any]:
    """Another account's batch with a field missing or wrong."""
    item = foreign(call.sandbox)
    if fault.lacks == "id":
        del item["id"]
    else:
        item["canceled"] = None
    return item
