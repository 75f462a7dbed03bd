"""Filters, and what a cancelled text looks like."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from sinch_sandbox.client import SandboxClient

from .conftest import send


@pytest.fixture
def batch_id(sinch_sandbox: SandboxClient) -> str:
    """The id of a batch of which one text failed; there is another batch."""
    found = send(
        sinch_sandbox, to=["+447700900222", "+447700900150"], body="Doors open.", client_reference="Tickets"
    )
    sinch_sandbox.advance(3)
    send(sinch_sandbox, to=["+447700900333"], body="Nightly load finished.", client_reference="nightly")
    return found


def test_filters_by_status_reference_and_batch(
    page: Page, sinch_sandbox: SandboxClient, batch_id: str
) -> None:
    page.goto(sinch_sandbox.url)
    page.get_by_role("link", name="Filter").click()
    expect(page.get_by_text("choose a filter")).to_be_visible()
    filters = page.get_by_role("form", name="Filters")
    found = page.locator("a.entry .number")
    filters.get_by_label("Status").select_option("Failed")
    expect(found).to_have_text(["+44 7700 900150"])
    filters.get_by_label("Status").select_option("")
    filters.get_by_label("Reference").fill("nightly")
    page.keyboard.press("Enter")
    expect(found).to_have_text(["+44 7700 900333"])
    expect(filters.get_by_label("Reference")).to_be_focused()
    filters.get_by_label("Reference").fill("")
    filters.get_by_label("Batch").fill(batch_id)
    page.keyboard.press("Enter")
    expect(found).to_have_text(["+44 7700 900150", "+44 7700 900222"])
    # Words and filters go together, and the address has them all.
    page.get_by_role("searchbox", name="Search texts").fill("07700 900222")
    expect(found).to_have_text(["+44 7700 900222"])
    address = page.url
    page.goto("about:blank")
    page.goto(address)
    expect(found).to_have_text(["+44 7700 900222"])
    expect(filters.get_by_label("Batch")).to_have_value(batch_id)
    filters.get_by_label("Status").select_option("Failed")
    expect(page.get_by_text("No text passes these filters.")).to_be_visible()


def test_search_finds_references_and_batches(page: Page, sinch_sandbox: SandboxClient, batch_id: str) -> None:
    page.goto(sinch_sandbox.url)
    box = page.get_by_role("searchbox", name="Search texts")
    found = page.locator("a.entry")
    box.fill("night")
    expect(found).to_have_count(1)
    box.fill("tick")
    expect(found).to_have_count(2)
    expect(found.first.locator(".small")).to_have_text("reference Tickets")
    expect(found.first.locator("mark")).to_have_text("Tick")
    box.fill(batch_id)
    expect(found).to_have_count(2)


def test_a_batch_leads_to_its_texts_with_a_status(
    page: Page, sinch_sandbox: SandboxClient, batch_id: str
) -> None:
    page.goto(f"{sinch_sandbox.url}/#/batches/{batch_id}")
    page.get_by_role("list", name="Messages by status").get_by_role("link", name=re.compile("Failed")).click()
    expect(page.locator("a.entry .number")).to_have_text(["+44 7700 900150"])


def test_a_reference_leads_to_all_its_texts(page: Page, sinch_sandbox: SandboxClient, batch_id: str) -> None:
    page.goto(f"{sinch_sandbox.url}/#/phones/447700900150")
    page.get_by_text("Details").click()
    page.get_by_role("link", name="Tickets").click()
    page.get_by_role("button", name="More for this reference").click()
    page.get_by_role("link", name="Search in its texts").click()
    expect(page.locator("a.entry .number")).to_have_text(["+44 7700 900150", "+44 7700 900222"])


def test_the_list_of_batches_is_filtered(page: Page, sinch_sandbox: SandboxClient, batch_id: str) -> None:
    page.goto(f"{sinch_sandbox.url}/#/batches")
    found = page.locator("a.entry")
    expect(found).to_have_count(2)
    box = page.get_by_role("searchbox", name="Filter batches")
    for words, number in (("TICKETS", "Tickets"), ("load", "nightly"), (batch_id, "Tickets")):
        box.fill(words)
        expect(found).to_have_count(1)
        expect(found.locator(".number")).to_have_text(number)
    box.fill("nothing like it")
    expect(page.get_by_text("No batch has this")).to_be_visible()
    box.fill("")
    expect(found).to_have_count(2)


@pytest.mark.parametrize("status", ["Cancelled", "Aborted"])
def test_cancelled_texts_look_cancelled(page: Page, sinch_sandbox: SandboxClient, status: str) -> None:
    sinch_sandbox.configure(cancelled_status=status)
    send(sinch_sandbox, to=["+447700900402"], body="Not cancelled.")
    sinch_sandbox.advance(3)
    batch_id = send(sinch_sandbox, body="See you.", send_at="2100-01-01T00:00:00Z")
    page.goto(f"{sinch_sandbox.url}/#/batches/{batch_id}")
    page.get_by_role("button", name="More for this batch").click()
    page.get_by_role("button", name="Cancel this batch").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel the batch").click()
    expect(page.locator(".state")).to_have_text("⊘ cancelled")
    assert sinch_sandbox.calls() == {"send": 2, "cancel": 1}
    page.get_by_role("button", name="More for this batch").click()
    expect(page.get_by_role("button", name="Delete this batch")).to_be_visible()
    expect(page.get_by_role("button", name="Cancel this batch")).to_be_hidden()

    def struck(selector: str, text: str) -> bool:
        node = page.locator(selector, has_text=text)
        line: str = node.evaluate("node => getComputedStyle(node).textDecorationLine")
        return line == "line-through"

    assert struck("blockquote", "See you.")
    for view in ("batches", "phones", "search/see"):
        page.goto(f"{sinch_sandbox.url}/#/{view}")
        assert struck("a.entry .preview", "See you.")
    page.goto(f"{sinch_sandbox.url}/#/phones/447700900222")
    assert struck(".bubble .text", "See you.")
    expect(page.locator(".bubble .meta")).to_contain_text(re.compile("cancelled", re.IGNORECASE))
    page.goto(f"{sinch_sandbox.url}/#/phones/447700900402")
    assert not struck(".bubble .text", "Not cancelled.")


def test_the_page_spells_it_one_way(page: Page, sinch_sandbox: SandboxClient) -> None:
    batch_id = send(sinch_sandbox, send_at="2100-01-01T00:00:00Z")
    page.request.delete(
        f"{sinch_sandbox.url}/xms/v1/sandbox-plan/batches/{batch_id}",
        headers={"Authorization": "Bearer sandbox-token"},
    )
    for view in (
        "phones",
        "phones/447700900222",
        "batches",
        f"batches/{batch_id}",
        "settings",
        "search/load",
    ):
        page.goto(f"{sinch_sandbox.url}/#/{view}")
        expect(page.locator(f'#panes[data-address="#/{view}"][aria-busy="false"]')).to_be_attached()
        assert "canceled" not in page.locator("body").inner_text().lower()
