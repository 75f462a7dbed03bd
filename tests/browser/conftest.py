"""A real browser in front of a real sandbox, and an eye on everything the page does."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from sinch_sandbox.client import SandboxClient

NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
DESKTOP = (1280, 800)
PHONE = (375, 700)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip("no Chromium on the PATH, so the inbox is not tested; `make test-browser` installs it")
    with sync_playwright() as playwright:
        # Each launch makes its own profile and removes it again.
        found = playwright.chromium.launch(executable_path=path, headless=True, args=list(ARGUMENTS))
        yield found
        found.close()


class Watch:
    """What no page may do: complain in the console, throw, or call anywhere but its own server."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._forgiven: tuple[str, ...] = ()
        self.problems: list[str] = []

    def forgive(self, *words: str) -> None:
        """Complaints that a test brings about on purpose."""
        self._forgiven += words

    def over(self, context: BrowserContext) -> None:
        context.on("console", lambda message: self._note(message.type, message.text))
        context.on("weberror", lambda error: self._note("error", str(error.error)))
        context.on("request", lambda request: self._requested(request.url))

    def _note(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.problems.append(f"{kind}: {text}")

    def _requested(self, url: str) -> None:
        if not url.startswith((f"{self._url}/", "data:")):
            self.problems.append(f"request to {url}")

    def verdict(self) -> list[str]:
        return [problem for problem in self.problems if not any(word in problem for word in self._forgiven)]


@contextmanager
def opened(
    browser: Browser, url: str, size: tuple[int, int] = DESKTOP, **options: Any
) -> Iterator[tuple[Page, Watch]]:
    """Open a fresh page in its own context. At the end, it must not have done anything wrong."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]}, locale="en-GB", timezone_id="UTC", **options
    )
    context.set_default_timeout(10_000)
    watch = Watch(url)
    watch.over(context)
    try:
        page = context.new_page()
        yield page, watch
        assert watch.verdict() == []
    finally:
        context.close()


@pytest.fixture
def page(browser: Browser, sinch_sandbox: SandboxClient) -> Iterator[Page]:
    """A page that is not open yet. A test that wants the watch as well uses ``watched``."""
    with opened(browser, sinch_sandbox.url) as (page, _):
        yield page


@pytest.fixture
def watched(browser: Browser, sinch_sandbox: SandboxClient) -> Iterator[tuple[Page, Watch]]:
    with opened(browser, sinch_sandbox.url) as both:
        yield both


def post(sandbox: SandboxClient, **fields: Any) -> requests.Response:
    return requests.post(
        f"{sandbox.url}/xms/v1/sandbox-plan/batches",
        json={"to": ["+447700900222"], "from": "+447700900111", "body": "Nightly load finished.", **fields},
        headers={"Authorization": "Bearer sandbox-token"},
        timeout=10,
    )


def send(sandbox: SandboxClient, **fields: Any) -> str:
    """An accepted batch's id."""
    response = post(sandbox, **fields)
    assert response.status_code == 201, response.text
    batch_id: str = response.json()["id"]
    return batch_id
