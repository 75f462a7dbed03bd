"""
One contender of ``campaign.py``, a process of its own: it texts everybody in a table.

    python benchmarks/campaign_run.py CONTENDER URL SOURCE [JOURNAL]
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, TypeVar

import pendulum
import send
from running import PLAN, TOKEN
from tables import OPT_OUTS, PEOPLE, opened

from sinch_provider.sms.account import Account, ServicePlanCredentials
from sinch_provider.sms.campaign.audience import Audience
from sinch_provider.sms.campaign.budget import Budget
from sinch_provider.sms.campaign.campaign import Campaign
from sinch_provider.sms.campaign.check import check
from sinch_provider.sms.campaign.entry import Entry
from sinch_provider.sms.campaign.exclusions import Exclusions
from sinch_provider.sms.campaign.journal import CampaignJournal
from sinch_provider.sms.campaign.layout import Layout
from sinch_provider.sms.campaign.rows import Rows, rows_of
from sinch_provider.sms.campaign.sending import Sending
from sinch_provider.sms.client import SinchClient
from sinch_provider.sms.sending.lookup import Settling
from sinch_provider.sms.sending.memory import Memory

T = TypeVar("T")
Answer = dict[str, Any]

SIZE: Final = 1000
BODY: Final = "Hi ${name}, your table for tonight is number ${table_number}."
REFERENCE: Final = "af-campaign"


def campaign(url: str, source: str, written: Any = None) -> Answer:
    """
    The parts of the operator, from the query to the last batch.

    :param written: What an earlier attempt has written into the journal; None: there was none.
    """
    store = send.CountedStore()
    if written is not None:
        store.set(written)
    before = send.CountedStore.writes
    account = Account(credentials=ServicePlanCredentials(PLAN, TOKEN), base_url=url, sender="Bistro")
    layout = Layout(number_column="phone", body=BODY)
    began = time.process_time()
    with _read(source, PEOPLE, lambda rows: check(rows, layout)) as audience:
        checked = time.process_time() - began
        with SinchClient(account) as client:
            outcome = client.follow(_entry(account, source, audience, store).steps())
    assert outcome.reached == len(audience), f"{outcome.reached} of {len(audience)} people were texted"
    return {"check": checked, "writes": send.CountedStore.writes - before, "journal": store.get()}


def _entry(account: Account, source: str, audience: Audience, store: send.CountedStore) -> Entry:
    journal = CampaignJournal(store, account, REFERENCE)
    settling = Settling(account, Memory())
    now = pendulum.now("UTC")

    async def exclusions(were_there: Collection[str]) -> Exclusions:
        def read(use: Callable[[Rows], T]) -> T:
            return _read(source, OPT_OUTS, use)

        return Exclusions({"exclude_sql": read}, were_there=were_there)

    return Entry(
        Campaign(account, REFERENCE, now, journal, settling, lambda empty: empty),
        Sending(account, REFERENCE, journal, settling),
        journal,
        audience,
        seed=REFERENCE,
        exclusions=exclusions,
        budget=Budget(max_recipients=2 * len(audience)),
    )


def _read(source: str, sql: str, use: Callable[[Rows], T]) -> T:
    with opened(source, sql) as (names, rows):
        return use(rows_of(rows, names))


def _in_batches(sender: Callable[[Any], AbstractContextManager[send.Sender]]) -> Callable[..., Answer]:
    """A contender that is given a thousand people of the table at a time."""

    def run(url: str, source: str) -> Answer:
        server: Any = SimpleNamespace(url=url, address=url.removeprefix("http://"))
        with sender(server) as one:
            for values in _batches(source):
                one(values)
        return {"check": 0.0, "writes": send.CountedStore.writes}

    return run


def _batches(source: str) -> Iterator[send.Values]:
    with opened(source, PEOPLE) as (_, rows):
        while portion := list(islice(rows, SIZE)):
            yield {
                "to": [phone for phone, _, _ in portion],
                "body": BODY,
                "parameters": {
                    "name": {phone: name for phone, name, _ in portion},
                    "table_number": {phone: str(number) for phone, _, number in portion},
                },
            }


CONTENDERS: Final[dict[str, Callable[..., Answer]]] = {
    "campaign": campaign,
    "mapped": _in_batches(send.provider),
    "sdk": _in_batches(send.official_sdk),
    "floor": _in_batches(send.floor),
}


def _peak() -> float:
    """The most memory that this process had, in MB. Other counters include the process that started it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def main(contender: str, url: str, source: str, *journal: str) -> None:
    wall, cpu = time.monotonic(), time.process_time()
    answer = CONTENDERS[contender](url, source, *map(json.loads, journal))
    answer |= {"cpu": time.process_time() - cpu, "wall": time.monotonic() - wall, "peak": _peak()}
    sys.stdout.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
