"""How the sandbox holds up with a million messages: first page of the inbox, and memory.

The messages go in through the API, in batches of 1,000; each is to a number of its own, which is the worst
case for a list of phones.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
import urllib.request
from pathlib import Path

from running import Caller, Server, batch, machine, number, server

# What the inbox asks for when it opens, and what people ask for by hand.
CALLS = (
    "/sandbox/phones?limit=50",
    f"/sandbox/phones/{number(500_000).removeprefix('+')}",
    "/sandbox/overview",
    "/sandbox/batches?limit=50",
    "/sandbox/messages?limit=50",
    "/sandbox/messages?limit=50&offset=999000",
    "/sandbox/messages?q=500000&limit=50",
)
ROUNDS = 5


def fill(running: Server, batches: int) -> float:
    caller = Caller(running)
    began = time.perf_counter()
    for index in range(batches):
        caller.send(batch(1000 * index % 1_000_000))
    caller.close()
    return time.perf_counter() - began


def time_calls(running: Server) -> None:
    caller = Caller(running)
    for path in CALLS:
        if caller.call("GET", path)[0] == 404:
            continue
        times = []
        for _ in range(ROUNDS):
            began = time.perf_counter()
            status, _ = caller.call("GET", path)
            assert status == 200, path
            times.append(time.perf_counter() - began)
        print(
            f"  {path:<44} min {min(times):6.3f}  median {statistics.median(times):6.3f}"
            f"  max {max(times):6.3f} s"
        )


def has_page(running: Server) -> bool:
    with urllib.request.urlopen(running.url) as reply:
        return bool(reply.headers.get_content_type() == "text/html")


def time_page(running: Server, chromium: str | None) -> None:
    """From opening the page in a fresh browser profile to the first phone in its list."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        print("  page: not measured, playwright is not installed")
        return
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium)
        times = []
        for _ in range(ROUNDS):
            page = browser.new_context().new_page()
            began = time.perf_counter()
            page.goto(running.url, wait_until="commit")
            page.get_by_text(number(999_999).removeprefix("+")[-6:]).first.wait_for()
            times.append(time.perf_counter() - began)
            page.close()
        browser.close()
    print(
        f"  {'page in headless Chromium, to the first phone':<44} min {min(times):6.3f}"
        f"  median {statistics.median(times):6.3f}  max {max(times):6.3f} s"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batches", type=int, default=1000, help="of 1,000 messages (%(default)s)")
    parser.add_argument(
        "--chromium",
        default=shutil.which("chromium"),
        help="the browser (%(default)s); None: Playwright's own",
    )
    given = parser.parse_args()
    print(f"inbox: {given.batches * 1000:,} messages; {machine()}")
    with tempfile.TemporaryDirectory() as folder:
        db = Path(folder) / "sms.db"
        with server(db) as running:
            seconds = fill(running, given.batches)
            size = sum(each.stat().st_size for each in Path(folder).iterdir()) / 2**20
            print(f"  filled in {seconds:.0f} s; the ledger takes {size:,.0f} MB on disk")
            time_calls(running)
            if has_page(running):
                time_page(running, given.chromium)
            now, most = running.memory()
            print(f"  memory of the server: {now:.0f} MB, at most {most:.0f} MB")


if __name__ == "__main__":
    main()
