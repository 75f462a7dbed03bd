"""
``make screenshots``: take the pictures of Airflow and of the inbox in the docs again.

An example Dag runs in a real Airflow against a sandbox, more texts follow, and Chromium looks at it all. The
pictures of Airflow's pages, and of alerts in the inbox, are taken on the way of ``make test-journey``. The
form of Airflow 2.11 needs an environment that ``make test-matrix ONLY="2.11 examples"`` makes.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import demo
import requests
from playwright.sync_api import Browser, Page, expect, sync_playwright

from sinch_sandbox.client import SandboxClient

IMAGES = demo.ROOT / "docs" / "images"
LARGEST = 200_000
DESKTOP = {"width": 1180, "height": 720}
PHONE = {"width": 390, "height": 760}
NAMES = ("chromium", "chromium-browser", "google-chrome")
# Without LCD text a picture has fewer colours, and half the size.
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-lcd-text", "--font-render-hinting=none"]

SEVERAL = [f"+9995010{number}" for number in range(2000, 2460)]
TEXTS: list[dict[str, Any]] = [
    {
        "to": [*SEVERAL, "+447700900150", "+447700900153", "+447700900401", "+447700900060", "+447700900010"],
        "body": "Doors open at 19:00. Bring this text, it is your ticket.",
        "client_reference": "tickets-november",
    },
    {
        "to": ["+447700900777"],
        "body": "Your order 4711 has left our warehouse.",
        "client_reference": "order-4711",
    },
    {
        "to": ["+447700900333"],
        "body": "Tack för besöket! Välkommen åter.",
        "client_reference": "thanks-johan",
    },
    {
        "to": ["+447700900222"],
        "body": "Your table is by the window 🌅 – see you “soon”!",
        "client_reference": "table-7",
    },
]


def call(phone: SandboxClient, method: str, path: str, **details: Any) -> requests.Response:
    return requests.request(
        method,
        f"{phone.url}/xms/v1/{phone.credentials.service_plan_id}/batches{path}",
        headers={"Authorization": f"Bearer {phone.credentials.api_token}"},
        timeout=30,
        **details,
    )


def send(phone: SandboxClient, **fields: Any) -> str:
    response = call(phone, "POST", "", json=fields)
    response.raise_for_status()
    batch_id: str = response.json()["id"]
    return batch_id


def fill(phone: SandboxClient) -> str:
    """Fill the sandbox with texts, replies and faults; return the id of the largest batch."""
    ids = [send(phone, **text) for text in TEXTS]
    phone.advance(5)
    phone.inbound("+447700900222", "Lovely, thank you! 🙏")
    phone.fault("lost_reply", "send", how="reset", count=2)
    phone.fault("server_error", "get", status=503, count=3)
    call(phone, "GET", f"/{ids[0]}")
    phone.fault("rate_limited", probability=0.1, seed=7, count=None, retry_after=2)
    return ids[0]


def opened(browser: Browser, url: str, **options: Any) -> Page:
    options = {
        "viewport": DESKTOP,
        "locale": "en-GB",
        "timezone_id": "UTC",
        "reduced_motion": "reduce",
        **options,
    }
    page = browser.new_context(**options).new_page()
    page.goto(url)
    expect(page.locator("#panes[aria-busy=false]")).to_be_attached()
    return page


def take(page: Page, name: str) -> None:
    path = IMAGES / f"inbox-{name}.png"
    page.screenshot(path=path)
    size = path.stat().st_size
    if size > LARGEST:
        raise demo.DemoError(f"{path} has {size} bytes, more than {LARGEST}")
    demo.say(f"  {path.relative_to(demo.ROOT)}  {size // 1000} kB")


def take_all(browser: Browser, phone: SandboxClient, batch_id: str) -> None:
    conversation = f"{phone.url}/#/phones/447700900222"
    page = opened(browser, conversation, viewport={**DESKTOP, "height": 890})
    page.locator(".bubble.out").last.get_by_text("Details").click()
    page.locator(".bubble.in").scroll_into_view_if_needed()
    take(page, "conversation")
    take(opened(browser, f"{phone.url}/#/batches/{batch_id}"), "batch")
    page = opened(browser, f"{phone.url}/#/faults", viewport={**DESKTOP, "height": 1110})
    page.get_by_label("Kind").select_option("server_error")
    page.get_by_label("Operation").select_option("send")
    take(page, "faults")
    page = opened(browser, f"{phone.url}/#/write/447700900222", viewport={**DESKTOP, "height": 800})
    page.get_by_role("textbox", name="Text").fill("Hi ${name}, see you “soon”!")
    page.get_by_role("textbox", name="${name}").fill("Maria")
    expect(page.get_by_text("Unicode because of")).to_be_visible()
    expect(page.locator(".size")).to_contain_text("25 used")
    take(page, "write")
    take(opened(browser, f"{phone.url}/#/settings", viewport=PHONE), "settings")
    take(opened(browser, conversation, color_scheme="dark"), "dark")
    take(opened(browser, conversation, viewport=PHONE), "phone")


def take_tutorial(browser: Browser, phone: SandboxClient) -> None:
    """Take the picture of the tutorial: the inbox with one text."""
    send(phone, to=["+447700900222"], body="Hello from Airflow.")
    phone.advance(5)
    page = opened(browser, f"{phone.url}/#/phones/447700900222", viewport={**DESKTOP, "height": 420})
    take(page, "first")


def take_journey() -> int:
    """Take the pictures of Airflow's pages and of alerts."""
    journeys = [["tests.journey"]]
    if older := sorted(demo.ROOT.glob(".venv-2.11-*/bin/python")):
        journeys.append(["tests.journey.older", str(older[0])])
    else:
        demo.say('No picture of Airflow 2.11: make test-matrix ONLY="2.11 examples" makes its environment.')
    return max(
        subprocess.run(
            [sys.executable, "-m", *journey, "--pictures", str(IMAGES)], cwd=demo.ROOT, check=False
        ).returncode
        for journey in journeys
    )


def main() -> int:
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        demo.say("There is no Chromium on the PATH; `make screenshots` installs it.")
        return 1
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="sinch-screenshots-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        environment = demo.airflow_environment(home)
        demo.migrate(home, environment)
        with demo.sandbox(home) as phone:
            demo.run_dag(home, environment, phone)
            batch_id = fill(phone)
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
                take_all(browser, phone, batch_id)
                with demo.sandbox(home) as fresh:
                    take_tutorial(browser, fresh)
                browser.close()
    return take_journey()


if __name__ == "__main__":
    sys.exit(main())
