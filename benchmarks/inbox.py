"""How the sandbox holds up with a million messages: first page of the inbox, and memory.

The messages go in through the API, in batches of 1,000; by default each is to a number of its own.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright
from running import Caller, Server, batch, machine, server

# What the inbox asks for when it opens (the first two) and later on, and what scripts ask for.
CALLS = (
    "/sandbox/inbox",
    "/sandbox/inbox/phones",
    "/sandbox/inbox/phones/999000000500",
    "/sandbox/inbox/batches",
    "/sandbox/inbox/search?q=000500",
    "/sandbox/messages?limit=50",
    "/sandbox/messages?limit=50&offset=999000",
    "/sandbox/messages?limit=50&q=000500",
)
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")
ROUNDS = 5


def fill(running: Server, batches: int, phones: int) -> float:
    caller = Caller(running)
    began = time.perf_counter()
    for index in range(batches):
        caller.send(batch(1000 * index % phones))
    caller.close()
    return time.perf_counter() - began


def time_calls(running: Server) -> None:
    caller = Caller(running)
    for path in CALLS:
        times = []
        for _ in range(ROUNDS):
            began = time.perf_counter()
            status, _ = caller.call("GET", path)
            assert status == 200, path
            times.append(time.perf_counter() - began)
        show(path, times)
    caller.close()


def time_page(running: Server) -> None:
    """From opening the page in a fresh browser profile to the first phone in its list."""
    chromium = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    if chromium is None:
        print("  page: not measured, there is no Chromium on the PATH")
        return
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        times = []
        for _ in range(ROUNDS):
            context = browser.new_context()
            page = context.new_page()
            began = time.perf_counter()
            page.goto(running.url, wait_until="commit")
            page.locator("a.entry").first.wait_for()
            times.append(time.perf_counter() - began)
            context.close()
        browser.close()
    show("the page in Chromium, to its first phone", times)


def show(what: str, times: list[float]) -> None:
    print(
        f"  {what:<41} min {min(times):6.3f}  median {statistics.median(times):6.3f}  max {max(times):6.3f} s"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batches", type=int, default=1000, help="of 1,000 messages (%(default)s)")
    parser.add_argument("--phones", type=int, default=1_000_000, help="to as many numbers (%(default)s)")
    given = parser.parse_args()
    messages = given.batches * 1000
    print(f"inbox: {messages:,} messages to {min(given.phones, messages):,} phones; {machine()}")
    with tempfile.TemporaryDirectory() as folder:
        db = Path(folder) / "sms.db"
        with server(db) as running:
            seconds = fill(running, given.batches, given.phones)
            size = sum(each.stat().st_size for each in Path(folder).iterdir()) / 2**20
            print(f"  filled in {seconds:.0f} s; the ledger takes {size:,.0f} MB on disk")
            time_calls(running)
            time_page(running)
            now, most = running.memory()
            print(f"  memory of the server: {now:.0f} MB, at most {most:.0f} MB")


if __name__ == "__main__":
    main()
