"""How long it takes from the command to the inbox, with the first phone in its list, in a browser."""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright
from running import Caller, batch, machine, server

ROUNDS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chromium", default=shutil.which("chromium"), help="the browser (%(default)s)")
    given = parser.parse_args()
    print(f"start: {machine()}")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        db = Path(folder) / "sms.db"
        with server(db) as running:
            caller = Caller(running)
            caller.send(batch(0))
            caller.close()
        times: dict[str, list[float]] = {
            "to the address": [],
            "to the page": [],
            "browser's start included": [],
        }
        for _ in range(ROUNDS):
            launched = time.perf_counter()
            browser = playwright.chromium.launch(executable_path=given.chromium, args=["--no-sandbox"])
            page = browser.new_page()
            launching = time.perf_counter() - launched
            began = time.perf_counter()
            with server(db) as running:
                address = time.perf_counter() - began
                page.goto(running.url, wait_until="commit")
                page.locator("a.entry").first.wait_for()
                shown = time.perf_counter() - began
            for name, took in (
                ("to the address", address),
                ("to the page", shown),
                ("browser's start included", shown + launching),
            ):
                times.setdefault(name, []).append(took)
            browser.close()
    for name, each in times.items():
        middle = statistics.median(each)
        print(f"  {name:<44} min {min(each):6.3f}  median {middle:6.3f}  max {max(each):6.3f} s")


if __name__ == "__main__":
    main()
