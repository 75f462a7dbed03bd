"""A text written in the page."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from sinch_sandbox.client import SandboxClient

from .conftest import Watch, opened, send

TO, OTHER = "+447700900222", "+447700900333"


def box(page: Page, label: str) -> Locator:
    return page.get_by_role("textbox", name=re.compile(f"^{re.escape(label)}"))


def test_it_looks_like_one_that_a_client_sent(page: Page, sinch_sandbox: SandboxClient) -> None:
    page.goto(sinch_sandbox.url)
    page.get_by_role("link", name="Write a text").click()
    expect(box(page, "To")).to_have_value(TO)
    expect(box(page, "Text")).to_be_focused()
    page.keyboard.type("Hi ${name}, doors open.")
    box(page, "From").fill("+447700900111")
    box(page, "${name}").fill("Maria")
    box(page, "Reference").fill("tickets")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".bubble.out .text")).to_have_text("Hi Maria, doors open.")
    expect(page).to_have_url(re.compile(f"#/phones/{TO[1:]}$"))
    send(
        sinch_sandbox,
        to=[TO],
        body="Hi ${name}, doors open.",
        parameters={"name": {"default": "Maria"}},
        client_reference="tickets",
    )

    def facts(batch: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in batch.items() if name != "id" and not name.endswith("_at")}

    by_client, by_page = sinch_sandbox.batches()
    assert facts(by_page) == facts(by_client)
    assert sinch_sandbox.calls() == {"send": 2}


def test_parts_and_encoding_are_shown_while_one_types(page: Page, sinch_sandbox: SandboxClient) -> None:
    page.goto(f"{sinch_sandbox.url}/#/write")
    size = page.locator(".size")
    expect(box(page, "To")).to_be_focused()
    box(page, "Text").fill("Hello")
    expect(size).to_have_text("1 part · GSM-7 · 5 used, 155 left")
    box(page, "Text").fill("x" * 161)
    expect(size).to_have_text("2 parts · GSM-7 · 161 used, 145 left")
    box(page, "Text").fill("“Hello” ${x}")
    expect(size).to_have_text("1 part · UCS-2 (unicode) · 12 used, 58 left")
    expect(page.get_by_text("Unicode because of “ (left double quotation mark)")).to_be_visible()
    box(page, "To").fill(f"{TO}, {OTHER}")
    box(page, "${x}").fill("y" * 100)
    expect(size).to_have_text(
        "2 parts · UCS-2 (unicode) · 108 used, 26 left · 2 recipients, 4 parts in total"
    )
    box(page, "To").fill("nobody")
    expect(page.get_by_text("'nobody' is not")).to_be_visible()
    box(page, "Text").fill("")
    expect(size).to_have_text("")
    assert (sinch_sandbox.calls(), sinch_sandbox.messages()) == ({}, [])


def test_one_text_to_several_phones(page: Page, sinch_sandbox: SandboxClient) -> None:
    page.goto(f"{sinch_sandbox.url}/#/write")
    box(page, "To").fill(f"{TO}\n{OTHER}; +44 7700 900 444")
    box(page, "Text").fill("Hello")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("main")).to_contain_text("3 recipients")
    (batch,) = sinch_sandbox.batches()
    assert page.url.endswith(f"#/batches/{batch['id']}")
    assert batch["to"] == ["447700900222", "447700900333", "447700900444"]


def test_one_for_later(page: Page, sinch_sandbox: SandboxClient) -> None:
    page.goto(f"{sinch_sandbox.url}/#/write/{TO[1:]}")
    box(page, "Text").fill("Happy new year")
    box(page, "Send at").fill("2100-01-01T00:00:00Z")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".bubble .meta")).to_contain_text("leaves 1 Jan 2100")


@pytest.mark.parametrize(
    ("fault", "words", "accepted"),
    [
        ({"kind": "server_error", "status": 503}, "The answer was 503.", 0),
        ({"kind": "rate_limited"}, "The answer was 429.", 0),
        ({"kind": "lost_reply"}, "There was no reply. It may have been accepted all the same", 1),
        ({"kind": "lost_reply", "how": "reset"}, "There was no reply.", 1),
        ({"kind": "malformed"}, "The answer was 201, but it cannot be read.", 1),
        ({"kind": "redirect", "location": "/elsewhere"}, "The answer was a redirect.", 0),
    ],
)
def test_a_fault_hits_it_as_it_hits_a_client(
    watched: tuple[Page, Watch],
    sinch_sandbox: SandboxClient,
    fault: dict[str, Any],
    words: str,
    accepted: int,
) -> None:
    page, watch = watched
    watch.forgive("503", "429", "ERR_EMPTY_RESPONSE", "ERR_CONNECTION", "ERR_INCOMPLETE")
    sinch_sandbox.fault(operation="send", **fault)
    page.goto(f"{sinch_sandbox.url}/#/write/{TO[1:]}")
    box(page, "Text").fill("Hello")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("alert")).to_contain_text(words)
    assert len(sinch_sandbox.messages()) == accepted
    assert sinch_sandbox.faults()[0]["struck"] == 1
    # What was written is still there, to be sent again.
    expect(box(page, "Text")).to_have_value("Hello")
    expect(page.get_by_role("button", name="Send")).to_be_enabled()


def test_what_sinch_refuses_is_explained_in_its_words(
    watched: tuple[Page, Watch], sinch_sandbox: SandboxClient
) -> None:
    page, watch = watched
    watch.forgive("400")
    page.goto(f"{sinch_sandbox.url}/#/write")
    box(page, "To").fill("07700 900222")
    box(page, "Text").fill("Hello")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("alert")).to_contain_text(
        "The answer was 400. Parameter 'to[0]' has a bad format"
    )


def test_it_is_written_and_sent_by_keyboard(browser: Browser, sinch_sandbox: SandboxClient) -> None:
    send(sinch_sandbox)
    with opened(browser, sinch_sandbox.url, (390, 760)) as (page, _):
        page.goto(sinch_sandbox.url)
        expect(page.locator("a.entry")).to_have_count(1)
        page.keyboard.press("n")
        expect(box(page, "To")).to_be_focused()
        page.keyboard.type(OTHER)
        for text in ("Shop", "Hello, and no more"):
            page.keyboard.press("Tab")
            page.keyboard.type(text)
        for _ in range(3):
            page.keyboard.press("Tab")
        expect(page.get_by_role("button", name="Send")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator(".bubble.out")).to_contain_text("Hello, and no more")
        expect(page.locator(".bubble.out .sender")).to_have_text("Shop")


def test_a_conversation_is_continued(page: Page, sinch_sandbox: SandboxClient) -> None:
    send(sinch_sandbox)
    page.goto(f"{sinch_sandbox.url}/#/phones/{TO[1:]}")
    page.get_by_role("button", name="More for this phone").click()
    page.get_by_role("link", name="Text this phone").click()
    expect(box(page, "To")).to_have_value(TO)
