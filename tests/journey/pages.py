"""Airflow's pages and the inbox, as a person uses them in a browser."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit

from playwright.sync_api import Locator, Page, Route, expect, sync_playwright

from tests.journey.airflow import PASSWORD, USER
from tests.system.processes import SystemTestError

_NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
_SIZE: Final = (1180, 760)
#: Pixels that Airflow leaves free above and below its forms.
_MARGIN: Final = 64
#: No picture of the docs is larger, in bytes.
_LARGEST: Final = 200_000
#: Milliseconds for a page to show something, on a machine that is busy.
_TIMEOUT: Final = 60_000


@contextmanager
def browser_page() -> Iterator[tuple[Page, list[str]]]:
    """Open a page in a real browser; the list tells what it wanted from other machines, and did not get."""
    path = next(filter(None, map(shutil.which, _NAMES)), None)
    if path is None:
        raise SystemTestError("There is no Chromium on the PATH; `make test-journey` installs it.")
    strayed: list[str] = []

    def pass_on(route: Route) -> None:
        if urlsplit(route.request.url).hostname in ("127.0.0.1", None):
            route.continue_()
        else:
            strayed.append(route.request.url)
            route.abort()

    arguments = ["--no-sandbox", "--disable-gpu", "--disable-lcd-text", "--font-render-hinting=none"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        context = browser.new_context(
            viewport={"width": _SIZE[0], "height": _SIZE[1]},
            locale="en-GB",
            timezone_id="UTC",
            reduced_motion="reduce",
        )
        context.set_default_timeout(_TIMEOUT)
        expect.set_options(timeout=_TIMEOUT)
        context.route("**/*", pass_on)
        try:
            yield context.new_page(), strayed
        finally:
            browser.close()


class Camera:
    """
    Takes the pictures of the docs.

    :param folder: Where to; None: take none.
    """

    def __init__(self, page: Page, folder: Path | None) -> None:
        self._page = page
        self._folder = folder
        self.taken: list[str] = []

    def take(
        self, name: str, part: Locator | None = None, *, width: int = _SIZE[0], height: int = _SIZE[1]
    ) -> None:
        """
        Take a picture of the page.

        :param part: Of this part of it only.
        :param width: That of the window, in pixels.
        :param height: That of the window, in pixels.
        """
        if self._folder is None:
            return
        self._page.set_viewport_size({"width": width, "height": height})
        # A pointer over a button shows its tooltip.
        self._page.mouse.move(1, 1)
        # Pages move what they show into place.
        self._page.wait_for_timeout(1500)
        path = self._folder / f"{name}.png"
        # Half of the handle between the grid and the task would be in the picture of the task.
        (part or self._page).screenshot(path=path, style=".resize-handle { visibility: hidden }")
        self._page.set_viewport_size({"width": _SIZE[0], "height": _SIZE[1]})
        if path.stat().st_size > _LARGEST:
            raise SystemTestError(f"{path} has {path.stat().st_size} bytes, more than {_LARGEST}")
        self.taken.append(path.name)


def height_of(form: Locator) -> int:
    """Tell how high the window has to be for a form of Airflow's to be seen from top to bottom."""
    box = form.bounding_box()
    assert box is not None
    return round(box["height"]) + 2 * _MARGIN


class AirflowPages:
    """What a person does in Airflow's UI."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        #: What the page of a task shows beside the grid.
        self.task = page.locator("#details-panel")
        self._url = url
        self._wrapped = False

    def log_in(self) -> None:
        self.page.goto(self._url)
        self.page.get_by_label("Username").fill(USER)
        self.page.locator("input[type=password]").fill(PASSWORD)
        self.page.get_by_role("button", name="Sign in").click()
        expect(self.page.get_by_text("Active Dags")).to_be_visible()

    def new_connection(self, name: str, type_: str) -> Locator:
        """Open the form for a connection."""
        self.page.goto(f"{self._url}/connections")
        self.page.get_by_role("button", name="Add Connection").click()
        form = self.page.get_by_role("dialog")
        form.locator("[name=connection_id]").fill(name)
        form.get_by_role("combobox").first.fill(type_)
        self.page.get_by_role("option", name=type_, exact=True).click()
        return form

    def unfold(self, form: Locator, title: str) -> Locator:
        """Open a part of a form. Airflow closes the others."""
        part = form.locator("[data-part=item]", has=self.page.get_by_role("button", name=title, exact=True))
        part.get_by_role("button", name=title, exact=True).click()
        expect(part).to_have_attribute("data-state", "open")
        return part

    def save(self, form: Locator) -> None:
        form.get_by_role("button", name="Save").click()
        expect(form).to_be_hidden()

    def test_connection(self) -> Locator:
        """Press *Test Connection*, and return what the UI says to it."""
        # On a fresh page, for this one may still say that the connection was saved.
        self.page.goto(f"{self._url}/connections")
        self.page.get_by_role("button", name="Test Connection").click()
        answer = self.page.locator("[data-scope=toast][data-part=root]")
        expect(answer).to_be_visible()
        return answer

    def open_trigger(self, dag_id: str) -> Locator:
        """Open the form that triggers a run."""
        self.page.goto(f"{self._url}/dags/{dag_id}")
        self.page.get_by_role("button", name="Trigger").first.click()
        form = self.page.get_by_role("dialog")
        expect(form.get_by_test_id("trigger-dag-submit")).to_be_visible()
        return form

    def trigger(self, form: Locator) -> None:
        form.get_by_test_id("trigger-dag-submit").click()
        self.page.wait_for_url("**/runs/**")

    def open_task(self, dag_id: str, run_id: str, task_id: str, tab: str = "") -> None:
        run = quote(run_id, safe=":+")
        self.page.goto(f"{self._url}/dags/{dag_id}/runs/{run}/tasks/{task_id}{tab and '/' + tab}")
        expect(self.page.get_by_role("heading", name=task_id)).to_be_visible()

    def open_log(self, dag_id: str, run_id: str, task_id: str, words: str) -> None:
        """Open the log of a task, and wait for words in it. Its lines are wrapped, its traces folded."""
        self.open_task(dag_id, run_id, task_id)
        expect(self.page.get_by_text(words).first).to_be_visible()
        if not self._wrapped:
            # Airflow's key for it. The browser remembers it.
            self.page.keyboard.press("w")
            self._wrapped = True
        # The paths in traces are those of the machine that runs this.
        for trace in self.page.locator("details[open] > summary", has_text=re.compile(r"^\w+: ")).all():
            trace.click()

    def decide(self, option: str) -> None:
        """Answer what a task asks for."""
        button = self.page.get_by_role("button", name=option, exact=True)
        button.click()
        expect(button).to_be_disabled()


def open_phone(page: Page, sandbox: str, number: str) -> Locator:
    """Open the inbox of a phone; the locator gives its texts."""
    page.goto(f"{sandbox}/#/phones/{number}")
    expect(page.locator("#panes[aria-busy=false]")).to_be_attached()
    return page.locator(".bubble.out")
