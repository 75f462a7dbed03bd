"""Deleting, exporting, faults and settings, from the page."""

from __future__ import annotations

import csv
import json
import re

import pytest
from playwright.sync_api import Browser, Page, expect

from sinch_sandbox.client import SandboxClient

from .conftest import Watch, opened, post, send
from .test_use import AXE

TO, OTHER = "+447700900222", "+447700900333"


def choose(page: Page, menu: str, item: str) -> None:
    page.get_by_role("button", name=menu).click()
    page.get_by_text(item).click()


def answer(page: Page, name: str) -> None:
    """Answer the question, which then is gone."""
    page.get_by_role("dialog").get_by_role("button", name=name).click()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_everything_can_be_deleted_and_is_asked_about_once(page: Page, sinch_sandbox: SandboxClient) -> None:
    send(sinch_sandbox, to=[TO, OTHER])
    sinch_sandbox.inbound(TO, "Thanks!")
    page.goto(sinch_sandbox.url)
    for stay in ("click", "Escape"):
        choose(page, "More for all phones", "Delete everything")
        question = page.get_by_role("dialog", name="Delete everything?")
        expect(question).to_contain_text("2 texts in 1 batch")
        # The safe answer has the keyboard.
        expect(question.get_by_role("button", name="Keep")).to_be_focused()
        if stay == "click":
            answer(page, "Keep")
        else:
            page.keyboard.press("Escape")
            expect(question).to_have_count(0)
        expect(page.locator("a.entry")).to_have_count(2)
    choose(page, "More for all phones", "Delete everything")
    answer(page, "Delete everything")
    expect(page.get_by_text("No texts yet")).to_be_visible()
    expect(page.locator("a.entry")).to_have_count(0)
    expect(page.get_by_role("status")).to_have_text("Everything is deleted")
    assert (sinch_sandbox.messages(), sinch_sandbox.inbounds()) == ([], [])


def test_a_conversation_can_be_deleted(page: Page, sinch_sandbox: SandboxClient) -> None:
    send(sinch_sandbox, to=[TO, OTHER])
    sinch_sandbox.inbound(TO, "Thanks!")
    sinch_sandbox.inbound(OTHER, "Hello!")
    page.goto(f"{sinch_sandbox.url}/#/phones/{TO[1:]}")
    choose(page, "More for this phone", "Delete this conversation")
    answer(page, "Delete")
    expect(page.locator("a.entry")).to_have_count(1)
    expect(page.locator("a.entry")).to_contain_text("900333")
    expect(page).to_have_url(re.compile("#/phones$"))
    assert [each["to"] for each in sinch_sandbox.messages()] == [OTHER[1:]]
    assert [each["from"] for each in sinch_sandbox.inbounds()] == [OTHER[1:]]


def test_a_batch_can_be_deleted(page: Page, sinch_sandbox: SandboxClient) -> None:
    gone, kept = send(sinch_sandbox, client_reference="gone"), send(sinch_sandbox, client_reference="kept")
    page.goto(f"{sinch_sandbox.url}/#/batches/{gone}")
    choose(page, "More for this batch", "Delete this batch")
    answer(page, "Delete")
    expect(page.locator("a.entry")).to_have_count(1)
    expect(page.locator("a.entry")).to_contain_text("kept")
    assert [each["id"] for each in sinch_sandbox.batches()] == [kept]


def test_one_text_and_one_reply_can_be_deleted(page: Page, sinch_sandbox: SandboxClient) -> None:
    for body in ("One", "Two"):
        send(sinch_sandbox, body=body)
    sinch_sandbox.inbound(TO, "Three")
    sinch_sandbox.inbound(TO, "Four")
    page.goto(f"{sinch_sandbox.url}/#/phones/{TO[1:]}")
    for text, what in (("One", "text"), ("Three", "reply")):
        bubble = page.locator(".bubble", has_text=text)
        bubble.get_by_text("Details").click()
        bubble.get_by_role("button", name=f"Delete this {what}").click()
        answer(page, "Delete")
        expect(bubble).to_have_count(0)
    assert sorted(page.locator(".bubble .text").all_text_contents()) == ["Four", "Two"]
    assert [each["body"] for each in sinch_sandbox.messages()] == ["Two"]
    assert [each["body"] for each in sinch_sandbox.inbounds()] == ["Four"]


def test_what_others_delete_vanishes_however_far_one_has_scrolled(
    page: Page, sinch_sandbox: SandboxClient
) -> None:
    send(sinch_sandbox, to=[f"+9995010{index:04}" for index in range(120)])
    page.goto(sinch_sandbox.url)
    entries = page.locator("a.entry")
    for shown in (100, 120):
        page.locator("#list").evaluate("node => node.scrollTo(0, node.scrollHeight)")
        expect(entries.nth(shown - 1)).to_be_attached()
    page.request.delete(f"{sinch_sandbox.url}/sandbox/messages?to=99950100000")
    page.request.delete(f"{sinch_sandbox.url}/sandbox/messages?to=99950100119")
    expect(entries.first).to_contain_text("001 18")
    # What is shown may be read anew more than once: the page hears of each deletion.
    page.wait_for_function(
        """() => {
            const list = document.querySelector("#list");
            list.scrollTo(0, list.scrollHeight);
            return document.querySelectorAll("a.entry").length === 118;
        }"""
    )
    expect(entries.last).to_contain_text("000 01")
    expect(page.get_by_role("status")).to_have_text("")


def test_what_cannot_be_deleted_is_explained(
    watched: tuple[Page, Watch], sinch_sandbox: SandboxClient
) -> None:
    page, watch = watched
    watch.forgive("404")
    batch_id = send(sinch_sandbox)
    page.goto(f"{sinch_sandbox.url}/#/batches/{batch_id}")
    choose(page, "More for this batch", "Delete this batch")
    sinch_sandbox.clear()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Delete").click()
    expect(dialog.get_by_role("alert")).to_have_text("there is no such batch")
    answer(page, "Keep")


def test_exports(page: Page, sinch_sandbox: SandboxClient) -> None:
    first = send(sinch_sandbox, to=[TO], body="One")
    send(sinch_sandbox, to=[TO, OTHER], body="Two")

    def exported(view: str, menu: str, kind: str) -> list[tuple[str, str]]:
        page.goto(f"{sinch_sandbox.url}/#/{view}")
        expect(page.locator(f'#panes[data-address="#/{view}"][aria-busy="false"]')).to_be_attached()
        page.get_by_role("button", name=menu).click()
        with page.expect_download() as download:
            page.get_by_role("link", name=f"Export as {kind}").click()
        assert download.value.suggested_filename == f"messages.{kind.lower()}"
        text = download.value.path().read_text()
        rows = json.loads(text) if kind == "JSON" else csv.DictReader(text.splitlines())
        return [(each["to"][-3:], each["body"]) for each in rows]

    everything = [("222", "One"), ("222", "Two"), ("333", "Two")]
    assert exported("phones", "More for all phones", "CSV") == everything
    assert exported("batches", "More for all batches", "JSON") == everything
    assert exported(f"phones/{TO[1:]}", "More for this phone", "CSV") == everything[:2]
    assert exported(f"batches/{first}", "More for this batch", "JSON") == everything[:1]
    assert exported("search/two?status=Queued", "More for what was found", "CSV") == everything[1:]


def test_faults_are_switched_off_and_on(page: Page, sinch_sandbox: SandboxClient) -> None:
    page.goto(f"{sinch_sandbox.url}/#/faults")
    badge = page.get_by_role("link", name=re.compile("^Faults")).locator(".badge")
    page.get_by_role("button", name="The next send gets a 500").click()
    switch = page.get_by_role("switch", name="Switch server error (5xx) on send")
    expect(switch).to_be_checked()
    expect(badge).to_have_text("1")
    switch.focus()
    page.keyboard.press("Space")
    expect(page.get_by_role("status")).to_have_text("Fault is off")
    expect(switch).not_to_be_checked()
    expect(switch).to_be_focused()
    expect(badge).to_be_hidden()
    assert post(sinch_sandbox).status_code == 201
    switch.check()
    expect(page.get_by_role("status")).to_have_text("Fault is on")
    assert post(sinch_sandbox).status_code == 500
    armed = page.get_by_role("list", name="Armed faults").get_by_role("listitem")
    expect(armed).to_contain_text("struck 1 of 1")
    expect(armed).to_contain_text("spent")
    expect(switch).not_to_be_checked()
    switch.check()
    expect(armed).to_contain_text("struck 0 of 1")
    assert post(sinch_sandbox).status_code == 500


def test_all_usual_faults_can_be_armed(page: Page, sinch_sandbox: SandboxClient) -> None:
    page.goto(f"{sinch_sandbox.url}/#/faults")
    usual = page.locator(".panel > .buttons button")
    armed = page.get_by_role("list", name="Armed faults").get_by_role("listitem")
    for index in range(usual.count()):
        usual.nth(index).click()
        expect(armed).to_have_count(index + 1)
    assert len(sinch_sandbox.faults()) == usual.count() == 6


def setting(page: Page, name: str) -> object:
    return page.request.get("/sandbox/settings").json()[name]


def test_settings_are_changed_where_they_stand(browser: Browser, sinch_sandbox: SandboxClient) -> None:
    with opened(browser, sinch_sandbox.url, base_url=sinch_sandbox.url) as (page, _):
        page.goto("/#/settings")
        saved = page.get_by_role("status")
        for name, wanted in (
            ("delivery_delay", 7.5),
            ("default_max_parts", 3),
            ("default_originator", "Shop"),
        ):
            page.get_by_label(name, exact=True).fill(str(wanted))
            page.keyboard.press("Enter")
            expect(saved).to_have_text(f"{name} is changed")
            assert setting(page, name) == wanted
        for name, label, value in (
            ("cancel_after_dispatch", "409", 409), ("token_rate_limit", "false", False)
        ):  # fmt: skip
            page.get_by_label(name, exact=True).select_option(label)
            expect(saved).to_have_text(f"{name} is changed")
            assert setting(page, name) == value
        page.get_by_label("default_max_parts", exact=True).fill("")
        page.keyboard.press("Tab")
        expect(page.get_by_role("button", name="Put default_max_parts back to none")).to_be_hidden()
        assert setting(page, "default_max_parts") is None
        back = page.get_by_role("button", name="Put delivery_delay back to 2")
        back.click()
        expect(back).to_be_hidden()
        expect(page.get_by_label("delivery_delay", exact=True)).to_have_value("2")
        expect(page.get_by_label("delivery_delay", exact=True)).to_be_focused()
        assert setting(page, "delivery_delay") == 2


def test_every_setting_can_be_changed_and_others_see_it(page: Page, sinch_sandbox: SandboxClient) -> None:
    page.goto(f"{sinch_sandbox.url}/#/settings")
    field = page.get_by_label("history_days", exact=True)
    expect(field).to_have_value("14")
    sinch_sandbox.configure(history_days=35)
    expect(field).to_have_value("35")
    names = page.get_by_role("list", name="Settings").locator(".name").all_text_contents()
    assert names == list(page.request.get(f"{sinch_sandbox.url}/sandbox/settings").json())


def test_a_secret_is_set_and_never_shown(page: Page, sinch_sandbox: SandboxClient) -> None:
    page.goto(f"{sinch_sandbox.url}/#/settings")
    field = page.get_by_label("callback_secret", exact=True)
    expect(field).to_have_attribute("type", "password")
    field.fill("correct horse")
    page.keyboard.press("Enter")
    expect(field).to_have_attribute("placeholder", "set")
    expect(field).to_have_value("")
    page.get_by_role("button", name="Put callback_secret back to none").click()
    expect(field).to_have_attribute("placeholder", "none")


def test_a_value_that_does_not_fit_is_explained(
    watched: tuple[Page, Watch], sinch_sandbox: SandboxClient
) -> None:
    page, watch = watched
    watch.forgive("422")
    page.goto(f"{sinch_sandbox.url}/#/settings")
    page.get_by_label("text_limit", exact=True).fill("-1")
    page.keyboard.press("Enter")
    row = (
        page.get_by_role("list", name="Settings").get_by_role("listitem").filter(has_text="Longest text body")
    )
    expect(row.get_by_role("alert")).to_contain_text("text_limit must be between 0 and")


def test_numbers_are_scripted_changed_and_put_back(page: Page, sinch_sandbox: SandboxClient) -> None:
    page.goto(f"{sinch_sandbox.url}/#/settings")
    form = page.get_by_role("form", name="Script a number")
    numbers = page.get_by_role("list", name="Numbers").get_by_role("listitem")
    expect(numbers.filter(has_text="900150")).to_contain_text("unknown subscriber")
    form.get_by_label("Number begins with").fill("+44 7700 900333")
    form.get_by_label("Ends as").select_option("Rejected")
    expect(form.get_by_label("Code")).to_have_value("60")
    expect(form).to_contain_text("screened or blocked by the operator")
    form.get_by_label("Seconds to the receipt").fill("5")
    form.get_by_role("button", name="Script it").click()
    mine = numbers.filter(has_text="+447700900333")
    expect(mine).to_contain_text("Rejected60")
    expect(mine).to_contain_text("5 s to the receipt")
    page.get_by_role("button", name="Change +44 7700 900150").click()
    expect(form.get_by_label("Ends as")).to_be_focused()
    form.get_by_label("Ends as").select_option("Delivered")
    form.get_by_role("button", name="Script it").click()
    magic = numbers.filter(has_text="900150")
    expect(magic).to_contain_text("scripted")
    expect(magic).to_have_count(1)
    send(sinch_sandbox, to=[OTHER, "+447700900150"])
    sinch_sandbox.advance(6)
    assert [each["status"] for each in sinch_sandbox.messages()] == ["Rejected", "Delivered"]
    for name in ("+447700900333", "+447700900150"):
        page.get_by_role("button", name=f"Remove {name}").click()
    expect(mine).to_have_count(0)
    expect(magic).to_contain_text("unknown subscriber")


def test_numbers_are_scripted_by_shares(page: Page, sinch_sandbox: SandboxClient) -> None:
    page.goto(f"{sinch_sandbox.url}/#/settings")
    form = page.get_by_role("form", name="Script a number")
    numbers = page.get_by_role("list", name="Numbers").get_by_role("listitem")
    form.get_by_label("Number begins with").fill("+999")
    expect(form.get_by_label("Seed")).to_be_hidden()
    form.get_by_label("Ends as").select_option("shares")
    expect(form.get_by_label("Code")).to_be_hidden()
    form.get_by_label("% temporary failure").fill("5")
    form.get_by_label("% without a receipt").fill("2.5")
    form.get_by_label("Seed").fill("7")
    form.get_by_role("button", name="Script it").click()
    mine = numbers.filter(has_text="+999")
    expect(mine).to_contain_text("92.5 % delivered · 5 % temporary · 2.5 % never, seed 7")
    expect(form.get_by_label("Seed")).to_be_hidden()
    page.get_by_role("button", name="Change +999").click()
    expect(form.get_by_label("% without a receipt")).to_have_value("2.5")
    form.get_by_label("% without a receipt").fill("100")
    form.get_by_label("% temporary failure").fill("0")
    form.get_by_role("button", name="Script it").click()
    expect(mine).to_contain_text("100 % never, seed 7")
    send(sinch_sandbox, to=["+99950100000", "+99950100001"])
    sinch_sandbox.advance(6)
    assert [each["status"] for each in sinch_sandbox.messages()] == ["Dispatched", "Dispatched"]


def test_a_fresh_start(page: Page, sinch_sandbox: SandboxClient) -> None:
    send(sinch_sandbox)
    sinch_sandbox.configure(history_days=35)
    sinch_sandbox.fault("latency")
    page.goto(f"{sinch_sandbox.url}/#/settings")
    page.get_by_role("button", name="Start afresh").click()
    answer(page, "Start afresh")
    expect(page.get_by_label("history_days", exact=True)).to_have_value("14")
    assert (sinch_sandbox.messages(), sinch_sandbox.faults()) == ([], [])


@pytest.mark.parametrize("width", [390, 320])
def test_settings_can_be_read_on_a_phone(browser: Browser, sinch_sandbox: SandboxClient, width: int) -> None:
    with opened(browser, sinch_sandbox.url, (width, 760)) as (page, _):
        page.goto(f"{sinch_sandbox.url}/#/settings")
        rows = page.get_by_role("list", name="Settings").get_by_role("listitem")
        expect(rows.first).to_be_visible()
        sizes = rows.evaluate_all(
            """(rows) => rows.map((row) => {
                const of = (name) => row.querySelector(name).getBoundingClientRect();
                return [of(".name").height, of(".value > :first-child").width, of(".meaning").width];
            })"""
        )
        assert len(sizes) >= 30
        for name_height, value_width, meaning_width in sizes:
            assert name_height < 30, "a name stands on one line"
            assert min(value_width, meaning_width) > 0.7 * width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_menus_and_questions_are_accessible(
    browser: Browser, sinch_sandbox: SandboxClient, scheme: str
) -> None:
    send(sinch_sandbox)
    with opened(browser, sinch_sandbox.url, color_scheme=scheme, reduced_motion="reduce") as (page, _):
        page.goto(f"{sinch_sandbox.url}/#/phones/{TO[1:]}")
        page.evaluate(AXE)

        def serious() -> list[str]:
            found = page.evaluate("axe.run()")["violations"]
            return [each["id"] for each in found if each["impact"] in ("serious", "critical")]

        page.get_by_role("button", name="More for this phone").focus()
        page.keyboard.press("Enter")
        item = page.get_by_role("link", name="Text this phone")
        expect(item).to_be_visible()
        assert serious() == []
        page.keyboard.press("Tab")
        expect(item).to_be_focused()
        # Escape closes the menu, and only the menu.
        page.keyboard.press("Escape")
        expect(item).to_be_hidden()
        expect(page.locator(".bubble")).to_have_count(1)
        choose(page, "More for this phone", "Delete this conversation")
        expect(page.get_by_role("dialog")).to_be_visible()
        assert serious() == []
