"""Search, batches and the panels."""

from __future__ import annotations

import re
from typing import get_args

import pytest
from playwright.sync_api import Locator, Page, expect

from sinch_sandbox.client import SandboxClient
from sinch_sandbox.core.faults import Kind

from .conftest import Watch, post, send


def _offered(field: Locator) -> list[str]:
    """Give what can be chosen in a field, once the page has filled it."""
    options = field.locator("option")
    expect(options).not_to_have_count(0)
    values: list[str] = options.evaluate_all("all => all.map((each) => each.value)")
    return values


def test_search_finds_texts_and_numbers(page: Page, sinch_sandbox: SandboxClient) -> None:
    send(sinch_sandbox, to=["+447700900222"], body="Doors open at 19:00.")
    send(sinch_sandbox, to=["+447700900333"], body="Nightly load finished.")
    send(
        sinch_sandbox,
        to=["+447700900444"],
        body="Hi ${name}",
        parameters={"name": {"+447700900444": "Åsa"}},
    )
    page.goto(sinch_sandbox.url)
    box = page.get_by_role("searchbox")
    found = page.locator("a.entry")
    box.fill("DOORS")
    expect(found).to_have_count(1)
    expect(found.locator("mark")).to_have_text("Doors")
    box.fill("hi åsa")
    expect(found).to_contain_text("Hi Åsa")
    box.fill("+44 7700 900 333")
    expect(found).to_contain_text("Nightly load finished.")
    box.fill("nothing like it")
    expect(page.get_by_text("No text, number, reference or batch id contains this.")).to_be_visible()
    box.fill("07700 900333")
    expect(found).to_have_count(1)
    expect(found).to_contain_text("+44 7700 900333")
    box.fill("77009")
    expect(found).to_have_count(3)
    page.go_back()
    expect(page).to_have_url(re.compile("#?/?(phones)?$"))


def test_a_search_can_be_shared(page: Page, sinch_sandbox: SandboxClient) -> None:
    send(sinch_sandbox, body="100% sure? #yes/no")
    page.goto(sinch_sandbox.url)
    page.get_by_role("searchbox").fill("100% sure? #yes/no")
    expect(page.locator("a.entry mark")).to_have_text("100% sure? #yes/no")
    address = page.url
    page.goto("about:blank")
    page.goto(address)
    expect(page.get_by_role("searchbox")).to_have_value("100% sure? #yes/no")
    expect(page.locator("a.entry mark")).to_have_text("100% sure? #yes/no")


def test_a_batch_shows_its_progress(page: Page, sinch_sandbox: SandboxClient) -> None:
    batch_id = send(
        sinch_sandbox,
        to=["+447700900222", "+447700900333", "+447700900150", "+447700900401"],
        body="Doors open. " * 20,
        client_reference="doors",
    )
    page.goto(f"{sinch_sandbox.url}/#/batches")
    page.get_by_role("link", name=re.compile("doors")).click()
    main = page.get_by_role("main")
    expect(main).to_contain_text(batch_id)
    expect(main).to_contain_text("4 recipients, 8 parts in total")
    progress = main.get_by_role("img", name=re.compile("Queued"))
    expect(progress).to_have_attribute("aria-label", "4 Queued")
    sinch_sandbox.advance(3)
    expect(main.locator(".progress")).to_have_attribute("aria-label", "1 Dispatched, 2 Delivered, 1 Failed")
    expect(main.locator("tbody tr")).to_have_count(4)
    expect(main.locator("tbody tr", has_text="0150")).to_contain_text("150 unknown subscriber")
    expect(main.locator("dl")).to_contain_text("client_reference")
    main.get_by_role("link", name=re.compile("7700 900222")).click()
    page.get_by_text("Details").click()
    page.get_by_role("link", name=batch_id).click()
    expect(page).to_have_url(re.compile(f"#/batches/{batch_id}$"))


def test_a_scheduled_batch_can_be_seen_to_be_cancelled(page: Page, sinch_sandbox: SandboxClient) -> None:
    batch_id = send(sinch_sandbox, send_at="2100-01-01T00:00:00Z")
    page.goto(f"{sinch_sandbox.url}/#/batches/{batch_id}")
    expect(page.locator(".state")).to_have_text("scheduled")
    post_url = f"{sinch_sandbox.url}/xms/v1/sandbox-plan/batches/{batch_id}"
    page.request.delete(post_url, headers={"Authorization": "Bearer sandbox-token"})
    expect(page.locator(".state")).to_have_text("⊘ cancelled")
    expect(page.locator("main .progress")).to_have_attribute("aria-label", "1 Cancelled")


def test_a_large_batch_loads_as_one_scrolls(page: Page, sinch_sandbox: SandboxClient) -> None:
    batch_id = send(sinch_sandbox, to=[f"+9995010{index:04}" for index in range(250)])
    page.goto(f"{sinch_sandbox.url}/#/batches/{batch_id}")
    for shown in (100, 200, 250):
        expect(page.locator("tbody tr").nth(shown - 1)).to_be_attached()
        page.locator("main .scroller").evaluate("node => node.scrollTo(0, node.scrollHeight)")
    expect(page.locator("tbody tr")).to_have_count(250)


def test_all_batches_of_a_reference_with_their_sum(
    watched: tuple[Page, Watch], sinch_sandbox: SandboxClient
) -> None:
    page, watch = watched
    reference = "spring/sale? 1"
    for first in range(0, 360, 3):
        send(sinch_sandbox, to=[f"+9995010{first + i:04}" for i in range(3)], client_reference=reference)
    send(sinch_sandbox, to=["+447700900150", "+447700900401"], client_reference=reference)
    batch_id = send(sinch_sandbox, send_at="2100-01-01T00:00:00Z", client_reference=reference)
    send(sinch_sandbox, client_reference="spring")
    sinch_sandbox.advance(3)
    page.goto(f"{sinch_sandbox.url}/#/batches/{batch_id}")
    main = page.get_by_role("main")
    main.get_by_role("link", name=reference).click()
    figures = main.locator("dl.sum")
    expect(figures.locator("dd")).to_have_text(["122", "363", "360", "1", "2", "0"])
    expect(figures.locator("dt")).to_have_text(
        ["batches", "recipients", "delivered", "failed", "pending", "cancelled"]
    )
    expect(main.locator(".progress").first).to_have_attribute(
        "aria-label", "1 Queued, 1 Dispatched, 360 Delivered, 1 Failed"
    )
    batches = main.get_by_role("list", name="Batches of this reference").get_by_role("listitem")
    expect(batches).to_have_count(100)
    main.locator(".scroller").evaluate("node => node.scrollTo(0, node.scrollHeight)")
    expect(batches).to_have_count(122)
    page.request.delete(
        f"{sinch_sandbox.url}/xms/v1/sandbox-plan/batches/{batch_id}",
        headers={"Authorization": "Bearer sandbox-token"},
    )
    expect(figures.locator("dd")).to_have_text(["122", "363", "360", "1", "1", "1"])
    main.locator(".legend").get_by_role("link", name="Failed").click()
    expect(page.locator("a.entry")).to_have_count(1)
    expect(page.locator("a.entry")).to_contain_text("900150")
    page.go_back()
    main.get_by_role("listitem").locator("a.entry").first.click()
    expect(page).to_have_url(re.compile(f"#/batches/{batch_id}$"))
    page.go_back()
    expect(page.get_by_role("link", name="Batches", exact=True)).to_have_attribute("aria-current", "page")
    watch.forgive("404")
    sinch_sandbox.reset()
    expect(main.get_by_text("No batch has this reference.")).to_be_visible()


def test_a_text_leads_to_its_reference(page: Page, sinch_sandbox: SandboxClient) -> None:
    send(sinch_sandbox, client_reference="doors")
    page.goto(f"{sinch_sandbox.url}/#/phones/447700900222")
    page.get_by_text("Details").click()
    page.get_by_role("link", name="doors").click()
    expect(page.get_by_role("main").locator("dl.sum dd")).to_have_text(["1", "1", "0", "0", "1", "0"])
    expect(page).to_have_title("Reference doors · Sinch sandbox")


def test_a_batch_that_is_not_there(watched: tuple[Page, Watch], sinch_sandbox: SandboxClient) -> None:
    page, watch = watched
    watch.forgive("404")
    page.goto(f"{sinch_sandbox.url}/#/batches/01J8ZC4M7T2Q9KX5RVBW3NHYDP")
    expect(page.get_by_text("There is no such batch.")).to_be_visible()


def test_the_clock_moves_and_texts_arrive(page: Page, sinch_sandbox: SandboxClient) -> None:
    send(sinch_sandbox)
    before = sinch_sandbox.now()
    page.goto(f"{sinch_sandbox.url}/#/clock")
    expect(page.locator(".big-clock")).to_have_text(f"{before[:19].replace('T', ' ')} UTC")
    page.get_by_role("button", name="+1 minute").click()
    expect(page.locator(".big-clock")).not_to_have_text(f"{before[:19].replace('T', ' ')} UTC")
    page.get_by_role("link", name="Phones", exact=True).click()
    expect(page.locator("a.entry").get_by_role("img", name="Delivered")).to_be_visible()
    page.goto(f"{sinch_sandbox.url}/#/clock")
    page.get_by_label("Move by").fill("2")
    page.get_by_label("Unit").select_option("days")
    page.get_by_role("button", name="Move the clock").click()
    day = f"{int(before[8:10]):02}"
    expect(page.locator(".big-clock")).not_to_contain_text(f"-{day} ")


def test_a_fault_from_the_panel_strikes_as_set(page: Page, sinch_sandbox: SandboxClient) -> None:
    page.goto(f"{sinch_sandbox.url}/#/faults")
    expect(page.get_by_text("No fault is armed.")).to_be_visible()
    page.get_by_label("Kind").select_option("server_error")
    page.get_by_label("Operation").select_option("send")
    page.get_by_label("Status").fill("503")
    page.get_by_label("How often").fill("2")
    page.get_by_role("button", name="Arm it").click()
    armed = page.get_by_role("list", name="Armed faults").get_by_role("listitem")
    expect(armed).to_contain_text("struck 0 of 2")
    assert post(sinch_sandbox).status_code == 503
    expect(armed).to_contain_text("struck 1 of 2")
    assert sinch_sandbox.messages() == []
    page.get_by_role("button", name="Disarm server error (5xx) on send").click()
    expect(page.get_by_text("No fault is armed.")).to_be_visible()
    assert post(sinch_sandbox).status_code == 201


def test_the_form_offers_only_operations_that_fit(page: Page, sinch_sandbox: SandboxClient) -> None:
    page.goto(f"{sinch_sandbox.url}/#/faults")
    operation = page.get_by_label("Operation")
    for kind in _offered(page.get_by_label("Kind")):
        page.get_by_label("Kind").select_option(kind)
        for offered in _offered(operation):
            sinch_sandbox.fault(kind, offered)
    page.get_by_label("Kind").select_option("listing_lag")
    expect(operation.locator("option")).to_have_text(["every call", "send"])


def test_every_kind_of_trouble_can_be_armed(page: Page, sinch_sandbox: SandboxClient) -> None:
    page.goto(f"{sinch_sandbox.url}/#/faults")
    kinds = _offered(page.get_by_label("Kind"))
    assert set(kinds) == set(get_args(Kind))
    armed = page.get_by_role("list", name="Armed faults").get_by_role("listitem")
    for number, kind in enumerate(kinds, 1):
        page.get_by_label("Kind").select_option(kind)
        if page.get_by_label("How", exact=True).is_visible() and kind == "late":
            page.get_by_label("How", exact=True).select_option("hang")
        page.get_by_role("button", name="Arm it").click()
        expect(armed).to_have_count(number)
    assert [each["kind"] for each in sinch_sandbox.faults()] == kinds


def test_disarming_one_fault_leaves_the_others_their_count(page: Page, sinch_sandbox: SandboxClient) -> None:
    sinch_sandbox.fault("rate_limited", "send", count=None)
    sinch_sandbox.fault("malformed", "list")
    page.goto(f"{sinch_sandbox.url}/#/faults")
    assert post(sinch_sandbox).status_code == 429
    page.get_by_role("button", name="Disarm malformed reply on list").click()
    armed = page.get_by_role("list", name="Armed faults").get_by_role("listitem")
    expect(armed).to_have_count(1)
    expect(armed).to_contain_text("struck 1")
    assert [(each["kind"], each["struck"]) for each in sinch_sandbox.faults()] == [("rate_limited", 1)]


def test_what_the_panel_refuses_it_explains(
    watched: tuple[Page, Watch], sinch_sandbox: SandboxClient
) -> None:
    page, watch = watched
    watch.forgive("422")
    page.goto(f"{sinch_sandbox.url}/#/clock")
    page.get_by_label("Move by").fill("9999999")
    page.get_by_label("Unit").select_option("days")
    page.get_by_role("button", name="Move the clock").click()
    expect(page.get_by_role("alert")).to_contain_text("the clock cannot go beyond the year 9000")


@pytest.mark.parametrize("kind", ["service plan's token", "project's key"])
def test_connections_to_copy(page: Page, sinch_sandbox: SandboxClient, kind: str) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{sinch_sandbox.url}/#/connect")
    page.get_by_role("button", name=f"Copy the connection with the {kind}").click()
    expect(page.get_by_role("button", name=f"Copy the connection with the {kind}")).to_have_text("Copied")
    copied = page.evaluate("navigator.clipboard.readText().then(JSON.parse)")
    wanted = sinch_sandbox.project_connection if "project" in kind else sinch_sandbox.connection
    assert copied == wanted


def test_a_reset_empties_the_page(page: Page, sinch_sandbox: SandboxClient) -> None:
    send(sinch_sandbox)
    page.goto(sinch_sandbox.url)
    expect(page.locator("a.entry")).to_have_count(1)
    sinch_sandbox.reset()
    expect(page.get_by_text("No texts yet")).to_be_visible()
    expect(page.locator("a.entry")).to_have_count(0)
