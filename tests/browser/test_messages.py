"""What the inbox shows of messages, and that it shows it by itself."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from sinch_sandbox.client import SandboxClient

from .conftest import send

HOSTILE = (
    "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
    '<b>bold</b> <a href="javascript:alert(1)">link</a> &lt;i&gt; \u202e reversed \x07 ${name}'
)


def test_an_empty_inbox_tells_how_to_send(page: Page, sinch_sandbox: SandboxClient) -> None:
    page.goto(sinch_sandbox.url)
    expect(page.get_by_role("heading", name="No texts yet")).to_be_visible()
    expect(page.get_by_role("main")).to_contain_text(f"curl {sinch_sandbox.url}/xms/v1/sandbox-plan/batches")
    expect(page.get_by_role("main")).to_contain_text("AIRFLOW_CONN_SINCH_DEFAULT")


def test_a_text_appears_without_a_reload(page: Page, sinch_sandbox: SandboxClient) -> None:
    page.goto(sinch_sandbox.url)
    expect(page.get_by_text("No texts yet")).to_be_visible()
    page.evaluate("window.isTheSamePage = true")
    send(sinch_sandbox, body="Doors open at 19:00.")
    entry = page.get_by_role("link", name=re.compile("44 7700 900222"))
    expect(entry).to_contain_text("Doors open at 19:00.")
    expect(page.get_by_text("No texts yet")).to_be_hidden()
    entry.click()
    expect(page.locator(".bubble.out")).to_have_count(1)
    send(sinch_sandbox, body="Doors are open.")
    expect(page.locator(".bubble.out").last).to_contain_text("Doors are open.")
    expect(page.locator(".bubble.out")).to_have_count(2)
    assert page.evaluate("window.isTheSamePage")


def test_what_is_new_is_marked_until_it_is_read(page: Page, sinch_sandbox: SandboxClient) -> None:
    send(sinch_sandbox, to=["+447700900333"])
    page.goto(sinch_sandbox.url)
    old = page.locator("a.entry", has_text="44 7700 900333")
    expect(old).to_be_visible()
    expect(old.get_by_text("new", exact=True)).to_be_hidden()
    send(sinch_sandbox, to=["+447700900222"], body="Fresh.")
    entry = page.locator("a.entry", has_text="44 7700 900222")
    expect(entry.get_by_text("new", exact=True)).to_be_visible()
    expect(page.get_by_role("status")).to_have_text("New text to +44 7700 900222: Fresh.")
    entry.click()
    expect(entry.get_by_text("new", exact=True)).to_be_hidden()


def test_statuses_follow_the_clock(page: Page, sinch_sandbox: SandboxClient) -> None:
    send(sinch_sandbox)
    page.goto(f"{sinch_sandbox.url}/#/phones/447700900222")
    bubble = page.locator(".bubble")
    expect(bubble.locator(".meta")).to_contain_text("Queued")
    sinch_sandbox.advance(1)
    expect(bubble.locator(".meta")).to_contain_text("Dispatched")
    bubble.get_by_text("Details").click()
    sinch_sandbox.advance(2)
    expect(bubble.locator(".meta")).to_contain_text("Delivered")
    # Details that were open stay open although the bubble is another now.
    expect(bubble.locator(".timeline li")).to_have_text(
        [re.compile("Queued.*400"), re.compile("Dispatched.*401"), re.compile("Delivered.*0 no error")]
    )
    expect(bubble.locator(".timeline li").last).to_be_visible()


@pytest.mark.parametrize(
    ("number", "seconds", "words"),
    [
        ("+447700900150", 3, "150 unknown subscriber, permanent"),
        ("+447700900402", 3, "402 unroutable"),
        ("+447700900401", 9, "401 handed to the operator, no receipt yet"),
    ],
)
def test_codes_come_with_their_meaning(
    page: Page, sinch_sandbox: SandboxClient, number: str, seconds: int, words: str
) -> None:
    send(sinch_sandbox, to=[number])
    sinch_sandbox.advance(seconds)
    page.goto(f"{sinch_sandbox.url}/#/phones/{number[1:]}")
    page.get_by_text("Details").click()
    expect(page.locator(".timeline li").last).to_contain_text(words)


def test_the_character_that_forced_unicode_is_marked_and_named(
    page: Page, sinch_sandbox: SandboxClient
) -> None:
    send(sinch_sandbox, body="See you “soon” {here}. " * 4)
    page.goto(f"{sinch_sandbox.url}/#/phones/447700900222")
    bubble = page.locator(".bubble")
    expect(bubble.locator(".meta")).to_contain_text("2 parts")
    expect(bubble.locator(".meta")).to_contain_text("unicode")
    expect(bubble.locator(".text mark")).to_have_text(["“", "”"] * 4)
    bubble.get_by_text("Details").click()
    expect(bubble.locator(".characters li")).to_have_text(
        [
            re.compile(r"U\+201C left double quotation mark × 4"),
            re.compile(r"U\+201D right double quotation mark × 4"),
        ]
    )


def test_a_gsm_text_has_nothing_marked(page: Page, sinch_sandbox: SandboxClient) -> None:
    send(sinch_sandbox, body="Smörgås {10 €}")
    page.goto(f"{sinch_sandbox.url}/#/phones/447700900222")
    expect(page.locator(".bubble .text")).to_have_text("Smörgås {10 €}")
    expect(page.locator(".bubble mark")).to_have_count(0)


def test_hostile_texts_stay_texts(page: Page, sinch_sandbox: SandboxClient) -> None:
    batch_id = send(sinch_sandbox, body=HOSTILE, client_reference=HOSTILE)
    sinch_sandbox.inbound("+447700900222", HOSTILE)
    for view in ("phones/447700900222", "batches", f"batches/{batch_id}", "search/script"):
        page.goto(f"{sinch_sandbox.url}/#/{view}")
        shown = page.get_by_text("<script>document.title='owned'</script>").first
        expect(shown).to_be_visible()
    page.goto(f"{sinch_sandbox.url}/#/phones/447700900222")
    expect(page.locator(".bubble")).to_have_count(2)
    texts = page.locator(".bubble .text").all_text_contents()
    assert texts == [HOSTILE, HOSTILE]
    assert page.locator(".bubble b, .bubble script, .bubble img, main a[href^=javascript]").count() == 0
    expect(page).not_to_have_title(re.compile("owned"))


def test_writing_from_right_to_left_and_emoji(page: Page, sinch_sandbox: SandboxClient) -> None:
    text = "مرحبا بالعالم 👨‍👩‍👧‍👦 שלום"
    send(sinch_sandbox, body=text)
    page.goto(f"{sinch_sandbox.url}/#/phones/447700900222")
    shown = page.locator(".bubble .text")
    expect(shown).to_have_text(text)
    assert shown.evaluate("node => getComputedStyle(node).direction") == "rtl"
    # A family is one picture only as long as nothing stands between its members.
    expect(shown.locator("mark").filter(has_text="👨‍👩‍👧‍👦")).to_have_count(1)


def test_a_reply_goes_to_the_other_side(page: Page, sinch_sandbox: SandboxClient) -> None:
    send(sinch_sandbox)
    page.goto(f"{sinch_sandbox.url}/#/phones/447700900222")
    box = page.get_by_role("textbox", name="Reply from")
    box.fill("Thanks!")
    box.press("Enter")
    reply = page.locator(".bubble.in")
    expect(reply).to_contain_text("Thanks!")
    expect(box).to_have_value("")
    expect(page.locator("a.entry")).to_contain_text("Thanks!")
    (kept,) = sinch_sandbox.inbounds()
    assert (kept["from"], kept["to"], kept["body"]) == ("447700900222", "447700900111", "Thanks!")
    left = page.locator(".bubble.out").bounding_box()
    right = reply.bounding_box()
    assert left is not None
    assert right is not None
    assert right["x"] + right["width"] > left["x"] + left["width"]


def test_a_reply_from_elsewhere_appears(page: Page, sinch_sandbox: SandboxClient) -> None:
    page.goto(sinch_sandbox.url)
    expect(page.get_by_text("No texts yet")).to_be_visible()
    sinch_sandbox.inbound("+447700900222", "Is anybody there?", to="+447700900111")
    page.get_by_role("link", name=re.compile("Is anybody there")).click()
    expect(page.locator(".bubble.in")).to_contain_text("Is anybody there?")


def test_long_conversations_load_as_one_scrolls(page: Page, sinch_sandbox: SandboxClient) -> None:
    for index in range(120):
        send(sinch_sandbox, body=f"Text number {index}.")
    page.goto(f"{sinch_sandbox.url}/#/phones/447700900222")
    newest = page.get_by_text("Text number 119.").last
    expect(newest).to_be_in_viewport()
    for shown in (100, 120):
        page.locator("main .scroller").evaluate("node => node.scrollTo(0, 0)")
        expect(page.locator(".bubble")).to_have_count(shown)
    expect(page.locator(".bubble").first).to_contain_text("Text number 0.")


def test_many_phones_load_as_one_scrolls(page: Page, sinch_sandbox: SandboxClient) -> None:
    send(sinch_sandbox, to=[f"+9995010{index:04}" for index in range(300)])
    page.goto(sinch_sandbox.url)
    entries = page.locator("a.entry")
    expect(entries.first).to_contain_text("+999 501 002 99")
    for shown in (100, 150, 200, 250, 300):
        page.locator("#list").evaluate("node => node.scrollTo(0, node.scrollHeight)")
        expect(entries.nth(shown - 1)).to_be_attached()
    expect(entries).to_have_count(300)
    expect(entries.last).to_contain_text("+999 501 000 00")
