"""How long it takes from the command to the inbox, with the first phone in its list, in a browser."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Final

from figures import Figure, Result, main
from playwright.sync_api import Playwright, sync_playwright
from running import Caller, batch, chromium, server

STAGES: Final = (
    "Until the address is printed",
    "Until the page shows a phone",
    "The same, with the browser's start",
)


def one_round(playwright: Playwright, path: str, db: Path) -> tuple[float, float, float]:
    """Seconds from the command to each stage."""
    launched = time.perf_counter()
    browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
    page = browser.new_page()
    launching = time.perf_counter() - launched
    began = time.perf_counter()
    with server(db) as running:
        address = time.perf_counter() - began
        page.goto(running.url, wait_until="commit")
        page.locator("a.entry").first.wait_for()
        shown = time.perf_counter() - began
    browser.close()
    return address, shown, shown + launching


def measure(rounds: int) -> Result:
    path = chromium()
    if path is None:
        raise SystemExit("There is no Chromium on the PATH: run scripts/chromium.sh")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        db = Path(folder) / "sms.db"
        with server(db) as running:
            caller = Caller(running)
            caller.send(batch(0))
            caller.close()
        found = [one_round(playwright, path, db) for _ in range(rounds)]
    return Result(
        name="start",
        title="From the command `sinch-sandbox` to its inbox",
        floor="the start of Python and of its web server, until the address is printed",
        figures=[
            Figure(f"start.{key}", stage, "s", [each[index] for each in found])
            for index, (key, stage) in enumerate(zip(("address", "page", "browser"), STAGES, strict=True))
        ],
        notes=["Wall time in headless Chromium. The ledger holds 1,000 messages."],
    )


if __name__ == "__main__":
    main(measure)
