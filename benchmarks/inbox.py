"""
How the sandbox holds up with a million messages: the calls of its inbox, the page itself, and memory.

The messages go in through the API, in batches of 1,000, each to a number of its own.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from figures import Figure, Result, main
from playwright.sync_api import sync_playwright
from running import Caller, Server, batch, chromium, server

BATCHES: Final = 1000

# What the inbox asks for when it opens (the first two) and later on, and what scripts ask for.
CALLS: Final[Mapping[str, str]] = {
    "inbox": "/sandbox/inbox",
    "phones": "/sandbox/inbox/phones",
    "phone": "/sandbox/inbox/phones/999000000500",
    "batches": "/sandbox/inbox/batches",
    "search": "/sandbox/inbox/search?q=000500",
    "messages": "/sandbox/messages?limit=50",
    "last_messages": "/sandbox/messages?limit=50&offset=999000",
    "found_messages": "/sandbox/messages?limit=50&q=000500",
}


def fill(running: Server) -> None:
    caller = Caller(running)
    for index in range(BATCHES):
        caller.send(batch(1000 * index))
    caller.close()


def time_calls(running: Server, rounds: int) -> list[Figure]:
    caller = Caller(running)
    figures = []
    for key, path in CALLS.items():
        times = []
        for _ in range(rounds):
            began = time.perf_counter()
            status, _ = caller.call("GET", path)
            assert status == 200, path
            times.append(1000 * (time.perf_counter() - began))
        figures.append(Figure(f"inbox.{key}", f"`{path}`", "ms", times))
    caller.close()
    return figures


def time_page(running: Server, path: str, rounds: int) -> Sequence[float]:
    """Milliseconds from opening the page in a fresh browser profile to the first phone in its list."""
    times = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        for _ in range(rounds):
            context = browser.new_context()
            page = context.new_page()
            began = time.perf_counter()
            page.goto(running.url, wait_until="commit")
            page.locator("a.entry").first.wait_for()
            times.append(1000 * (time.perf_counter() - began))
            context.close()
        browser.close()
    return times


def measure(rounds: int) -> Result:
    notes = [f"Wall times, with {1000 * BATCHES:,} messages to as many phones in the ledger."]
    with tempfile.TemporaryDirectory() as folder, server(Path(folder) / "sms.db") as running:
        fill(running)
        size = sum(each.stat().st_size for each in Path(folder).iterdir()) / 2**20
        figures = time_calls(running, rounds)
        path = chromium()
        if path is None:
            notes.append("The page was not measured: there is no Chromium on the PATH.")
        else:
            shown = time_page(running, path, rounds)
            figures.append(Figure("inbox.page", "The page in Chromium, to its first phone", "ms", shown))
        now, most = running.memory()
    notes.append(
        f"The server has {now:.0f} MB of memory at the end, {most:.0f} at most. The ledger has {size:.0f} MB."
    )
    return Result(
        name="inbox",
        title="The sandbox with a million messages",
        floor="a call that reads one page of rows by an index",
        figures=figures,
        notes=notes,
    )


if __name__ == "__main__":
    main(measure)
