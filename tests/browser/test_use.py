"""Keyboard, screen sizes, colours, a server that goes and comes back."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from sinch_sandbox.client import SandboxClient
from sinch_sandbox.server import Options, RunningSandbox

from .conftest import DESKTOP, PHONE, Watch, opened, send

AXE = (resources.files("axe_playwright_python") / "axe.min.js").read_text()
LONG = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerk" * 4
VIEWS = (
    "phones", "phones/447700900222", "batches", "batches/{batch}", "search/load", "search?status=Failed",
    "faults", "settings", "write/447700900222", "connect", "clock",
)  # fmt: skip


@pytest.fixture
def filled(sinch_sandbox: SandboxClient) -> tuple[SandboxClient, str]:
    """A bit of everything that a view can show; and the id of a batch."""
    batch_id = send(
        sinch_sandbox,
        to=["+447700900222", "+447700900333", "+447700900150", "+447700900401", "+447700900902"],
        body="Hi ${name}: " + LONG + " “soon” مرحبا",
        parameters={"name": {"default": "there"}},
        client_reference=LONG,
    )
    sinch_sandbox.advance(5)
    send(sinch_sandbox, body="Nightly load finished.")
    sinch_sandbox.inbound("+447700900222", "Thanks! " + LONG)
    sinch_sandbox.fault("rate_limited", "send", count=None, retry_after=2, match={"client_reference": LONG})
    sinch_sandbox.fault("lost_reply", how="reset")
    return sinch_sandbox, batch_id


def show(page: Page, sandbox: SandboxClient, view: str) -> None:
    """Open a view and wait until it has all it shows."""
    page.goto(f"{sandbox.url}/#/{view}")
    expect(page.locator(f'#panes[data-address="#/{view}"][aria-busy="false"]')).to_be_attached()
    details = page.locator("main details:not([open]) summary")
    while details.count():
        details.first.click()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_that_axe_finds_serious(
    browser: Browser, filled: tuple[SandboxClient, str], scheme: str
) -> None:
    sandbox, batch_id = filled
    serious = []
    with opened(browser, sandbox.url, color_scheme=scheme, reduced_motion="reduce") as (page, _):
        page.goto(sandbox.url)
        page.evaluate(AXE)
        for view in VIEWS:
            show(page, sandbox, view.format(batch=batch_id))
            found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
            serious += [
                (view, each["id"], each["help"], [node["html"][:200] for node in each["nodes"]])
                for each in found
                if each["impact"] in ("serious", "critical")
            ]
    assert serious == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nor_in_an_empty_inbox(browser: Browser, sinch_sandbox: SandboxClient, scheme: str) -> None:
    with opened(browser, sinch_sandbox.url, color_scheme=scheme) as (page, _):
        page.goto(sinch_sandbox.url)
        expect(page.get_by_text("No texts yet")).to_be_visible()
        page.evaluate(AXE)
        found = page.evaluate("axe.run()")["violations"]
        assert [each["id"] for each in found if each["impact"] in ("serious", "critical")] == []


def test_axe_does_find_things(browser: Browser, sinch_sandbox: SandboxClient) -> None:
    with opened(browser, sinch_sandbox.url) as (page, _):
        show(page, sinch_sandbox, "clock")
        page.locator("button", has_text="+1 minute").evaluate("node => node.textContent = ''")
        page.evaluate(AXE)
        found = page.evaluate("axe.run()")["violations"]
        assert "button-name" in {each["id"] for each in found}


@pytest.mark.parametrize("size", [DESKTOP, PHONE, (320, 560)])
def test_nothing_is_wider_than_the_screen(
    browser: Browser, filled: tuple[SandboxClient, str], size: tuple[int, int]
) -> None:
    sandbox, batch_id = filled
    wide = []
    with opened(browser, sandbox.url, size) as (page, _):
        for view in VIEWS:
            show(page, sandbox, view.format(batch=batch_id))
            wide += page.evaluate(
                """(view) => [...document.querySelectorAll("html, .panes, #list, #main, .scroller, .bubble")]
                .filter((node) => node.clientWidth && node.scrollWidth > node.clientWidth + 1)
                .map((node) => `${view}: ${node.id || node.className || node.tagName}`)""",
                view,
            )
    assert wide == []


def test_a_phone_shows_one_pane_at_a_time(browser: Browser, filled: tuple[SandboxClient, str]) -> None:
    sandbox, _ = filled
    with opened(browser, sandbox.url, PHONE) as (page, _watch):
        show(page, sandbox, "phones")
        entry = page.locator("a.entry", has_text="44 7700 900222")
        entry.click()
        expect(page.locator(".bubble").first).to_be_visible()
        expect(entry).to_be_hidden()
        page.get_by_role("link", name="Back to all phones").click()
        expect(entry).to_be_visible()
        expect(page.locator(".bubble")).to_have_count(0)
        entry.click()
        page.go_back()
        expect(entry).to_be_visible()


def test_all_of_it_by_keyboard(browser: Browser, sinch_sandbox: SandboxClient) -> None:
    for number in ("+447700900222", "+447700900333", "+447700900444"):
        send(sinch_sandbox, to=[number], body=f"To {number[-3:]}.")
    with opened(browser, sinch_sandbox.url) as (page, _):
        show(page, sinch_sandbox, "phones")
        entries = page.locator("a.entry")
        expect(entries).to_have_count(3)
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
        page.keyboard.press("/")
        expect(page.get_by_role("searchbox")).to_be_focused()
        page.keyboard.press("ArrowDown")
        expect(entries.nth(0)).to_be_focused()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowDown")
        expect(entries.nth(2)).to_be_focused()
        page.keyboard.press("ArrowUp")
        expect(entries.nth(1)).to_be_focused()
        # Visible: the focus has an outline.
        assert entries.nth(1).evaluate("node => getComputedStyle(node).outlineStyle") == "solid"
        page.keyboard.press("Enter")
        expect(page.locator(".bubble")).to_contain_text("To 333.")
        expect(page.get_by_role("main")).to_be_focused()
        expect(entries.nth(1)).to_have_attribute("aria-current", "true")
        page.keyboard.press("Escape")
        expect(page.locator(".bubble")).to_have_count(0)
        expect(entries.nth(1)).to_be_focused()
        page.keyboard.press("/")
        page.keyboard.type("To 222")
        expect(entries).to_have_count(1)
        page.keyboard.press("Escape")
        expect(entries).to_have_count(3)
        expect(page.get_by_role("searchbox")).to_have_value("")


def test_a_slash_in_a_reply_is_a_slash(page: Page, sinch_sandbox: SandboxClient) -> None:
    send(sinch_sandbox)
    page.goto(f"{sinch_sandbox.url}/#/phones/447700900222")
    page.get_by_role("textbox", name="Reply from").press_sequentially("1/2")
    expect(page.get_by_role("textbox", name="Reply from")).to_have_value("1/2")


def test_focus_stays_when_news_arrive(page: Page, sinch_sandbox: SandboxClient) -> None:
    send(sinch_sandbox)
    page.goto(sinch_sandbox.url)
    entry = page.locator("a.entry", has_text="44 7700 900222")
    entry.focus()
    send(sinch_sandbox, body="Once more.")
    expect(entry).to_contain_text("Once more.")
    expect(entry).to_be_focused()


def test_the_colours_can_be_chosen_and_are_kept(browser: Browser, sinch_sandbox: SandboxClient) -> None:
    with opened(browser, sinch_sandbox.url, color_scheme="light") as (page, _):

        def background() -> str:
            colour: str = page.evaluate("getComputedStyle(document.body).backgroundColor")
            return colour

        page.goto(sinch_sandbox.url)
        light = background()
        page.get_by_role("button", name="Colours: system").click()
        assert background() == light
        page.get_by_role("button", name="Colours: light").click()
        dark = background()
        assert dark != light
        page.reload()
        expect(page.get_by_role("button", name="Colours: dark")).to_be_visible()
        assert background() == dark
        page.get_by_role("button", name="Colours: dark").click()
        page.emulate_media(color_scheme="dark")
        assert background() == dark


def test_a_server_that_goes_and_comes_back(browser: Browser, tmp_path: Path) -> None:
    options = Options(db=str(tmp_path / "sms.db"), clock="manual")
    first = RunningSandbox(options)
    sandbox = first.start()
    try:
        with opened(browser, sandbox.url) as (page, watch):
            watch.forgive("ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED_ENCODING", "ERR_CONNECTION_RESET")
            send(sandbox)
            page.goto(f"{sandbox.url}/#/phones/447700900222")
            expect(page.locator(".bubble")).to_have_count(1)
            first.stop()
            banner = page.get_by_text("The sandbox is not running or cannot be reached.")
            expect(banner).to_be_visible()
            # What was there can still be read.
            expect(page.locator(".bubble")).to_have_count(1)
            with RunningSandbox(options, port=int(sandbox.url.rpartition(":")[2])) as again:
                expect(banner).to_be_hidden()
                send(again, body="Back again.")
                expect(page.locator(".bubble").last).to_contain_text("Back again.")
                page.close()
    finally:
        first.stop()


def test_a_running_clock_moves_statuses_by_itself(browser: Browser) -> None:
    with (
        RunningSandbox(Options(clock="real", speed=20)) as sandbox,
        opened(browser, sandbox.url) as (page, _),
    ):
        looks: list[str] = []
        page.on("request", lambda request: looks.append(request.url))
        page.goto(f"{sandbox.url}/#/phones/447700900222")
        expect(page.get_by_text("This phone has not received anything.")).to_be_visible()
        send(sandbox)
        expect(page.locator(".bubble .meta")).to_contain_text("Delivered")
        # It looked when something was due, not all the time.
        assert len([url for url in looks if "/sandbox/inbox/phones/" in url]) < 12


def test_ending_the_server_does_not_wait_for_open_pages(browser: Browser) -> None:
    running = RunningSandbox(Options())
    sandbox = running.start()
    with opened(browser, sandbox.url) as (page, watch):
        watch.forgive("ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED_ENCODING", "ERR_CONNECTION_RESET")
        page.goto(sandbox.url)
        expect(page.get_by_text("No texts yet")).to_be_visible()
        running.stop()
        assert running.stopped.is_set()


def test_links_can_be_shared_and_back_works(page: Page, sinch_sandbox: SandboxClient) -> None:
    batch_id = send(sinch_sandbox)
    page.goto(sinch_sandbox.url)
    page.locator("a.entry").click()
    expect(page).to_have_title(re.compile(r"\+44 7700 900222"))
    page.get_by_role("link", name="Batches").click()
    page.locator("a.entry").click()
    expect(page).to_have_title(re.compile(batch_id))
    page.go_back()
    page.go_back()
    expect(page.locator(".bubble")).to_have_count(1)
    expect(page.get_by_role("link", name="Phones", exact=True)).to_have_attribute("aria-current", "page")


@pytest.mark.parametrize("name", ["constructor", "__proto__", "toString", "hasOwnProperty", "nothing"])
def test_an_address_that_names_no_view_leads_to_the_phones(
    watched: tuple[Page, Watch], sinch_sandbox: SandboxClient, name: str
) -> None:
    page, watch = watched
    send(sinch_sandbox)
    page.goto(f"{sinch_sandbox.url}/#/{name}")
    expect(page.get_by_role("link", name="+44 7700 900222")).to_be_visible()
    assert page.title().startswith("Phones")
    page.goto(f"{sinch_sandbox.url}/#/{name}/x")
    expect(page.get_by_role("link", name="+44 7700 900222")).to_be_visible()
    assert watch.problems == []
