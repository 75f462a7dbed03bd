"""What became of everybody, as Sinch reports it. With both clients, against the sandbox."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from sinch_provider.sms.campaign.check import check
from sinch_provider.sms.campaign.layout import Layout
from sinch_provider.sms.campaign.reached import SentBatch, reached
from sinch_provider.sms.campaign.results import UNREPORTED, Results, hashed
from sinch_provider.sms.campaign.rows import rows_of
from sinch_provider.sms.delivery.kinds import Kind
from sinch_provider.sms.sending.lookup import Settling
from sinch_provider.sms.sending.memory import Memory
from sinch_sandbox.client import SandboxClient
from tests.unit.sms.conftest import Player
from tests.unit.sms.sending.attempts import NOW, sandbox_account

DELIVERED, ABSENT, BARRED, NEVER, UNREADABLE = (
    f"447700900{each}" for each in ("222", "153", "150", "401", "902")
)
REFERENCE = "af-campaign"


class Sinch:
    """Sends batches of a campaign, and reads their results."""

    def __init__(self, do: Player, sandbox: SandboxClient) -> None:
        self.do = do
        self.account = sandbox_account(sandbox)

    def send(self, *to: str, **fields: Any) -> str:
        fields = {"to": to, "body": "Hi", "client_reference": REFERENCE, **fields}
        batch_id: str = self.do(self.account, "batches.send", fields).id
        return batch_id

    def batches(self) -> Sequence[SentBatch]:
        settling = Settling(self.account, Memory())
        return self.do.follow(self.account, reached(None, REFERENCE, NOW, "secret", settling)).batches

    def results(self, times: bool = False) -> Results:
        results = Results()
        batches = self.batches()

        async def read() -> None:
            await results.read(batches)
            if times:
                await results.read_times(REFERENCE, NOW)

        self.do.follow(self.account, read())
        return results


@pytest.fixture
def sinch(do: Player, sinch_sandbox: SandboxClient) -> Sinch:
    return Sinch(do, sinch_sandbox)


def kinds(results: Results) -> dict[str, Kind]:
    return {each.number: each.kind for each in results.rows()}


def test_everybody_of_all_batches(sinch, sinch_sandbox):
    one = sinch.send(DELIVERED, ABSENT, BARRED)
    two = sinch.send(NEVER, UNREADABLE)
    sinch_sandbox.advance(60)
    results = sinch.results()
    assert {(each.number, each.batch_id, each.status, each.code, each.kind) for each in results.rows()} == {
        (DELIVERED, one, "Delivered", 0, Kind.DELIVERED),
        (ABSENT, one, "Failed", 153, Kind.TEMPORARY),
        (BARRED, one, "Failed", 150, Kind.PERMANENT),
        (NEVER, two, "Dispatched", 401, Kind.PENDING),
        (UNREADABLE, two, "Unknown", 0, Kind.UNKNOWN),
    }
    assert results.of(Kind.TEMPORARY) == {one: [ABSENT]}
    tally = results.tally()
    assert tally.kinds == dict.fromkeys(kinds(results).values(), 1)
    assert tally.codes == Counter({0: 2, 150: 1, 153: 1, 401: 1})
    assert tally.statuses["Failed"] == 2
    assert "absent subscriber" in tally.table()


def test_one_report_for_each_batch(sinch, sinch_sandbox):
    for last in range(100, 106):
        sinch.send(f"447700900{last}")
    batches = sinch.batches()
    sinch_sandbox.clear_calls()
    results = Results()
    sinch.do.follow(sinch.account, results.read(batches))
    assert sinch_sandbox.calls() == {"delivery_report": 6}
    assert len(results) == 6


def test_the_audience_adds_ids_and_parts(sinch, sinch_sandbox):
    sinch.send(DELIVERED, ABSENT)
    sinch_sandbox.advance(60)
    rows = [{"phone": f"+{ABSENT}", "who": "7", "name": "x" * 170}, {"phone": f"+{BARRED}", "who": "8"}]
    layout = Layout(number_column="phone", id_column="who", body="Hi " + "x" * 160)
    with check(rows_of(rows), layout) as audience:
        results = sinch.results()
        found = {each.number: (each.id, each.parts) for each in results.rows(audience)}
        # Whoever is in no batch has no result; whoever has left the audience has no id.
        assert found == {ABSENT: ("7", 2), DELIVERED: ("", None)}
        # It can be read again.
        assert {each.number: (each.id, each.parts) for each in results.rows(audience)} == found


def test_of_several_batches_the_best_and_latest_counts(sinch, sinch_sandbox):
    sinch_sandbox.configure(dispatch_delay=60)
    sinch.do(sinch.account, "batches.cancel", sinch.send(DELIVERED, ABSENT))
    sinch_sandbox.configure(dispatch_delay=0)
    sinch.send(ABSENT)
    last = sinch.send(DELIVERED, ABSENT)
    sinch_sandbox.advance(120)
    batches = sinch.batches()
    for order in (batches, list(reversed(batches))):
        results = Results()
        sinch.do.follow(sinch.account, results.read(order))
        assert {each.number: (each.batch_id, each.kind) for each in results.rows()} == {
            DELIVERED: (last, Kind.DELIVERED),
            ABSENT: (last, Kind.TEMPORARY),
        }


def test_people_whom_no_report_names(sinch, sinch_sandbox):
    sinch.send(DELIVERED, send_at=NOW.add(hours=2))
    sinch.do(sinch.account, "batches.cancel", sinch.send(ABSENT, send_at=NOW.add(hours=2)))
    found = {each.number: each for each in sinch.results().rows()}
    assert (found[ABSENT].status, found[ABSENT].kind) == ("Cancelled", Kind.CANCELLED)
    assert found[DELIVERED].kind is Kind.PENDING
    assert found[DELIVERED].status in {UNREPORTED, "Queued"}


def test_times_cost_ten_calls_for_a_thousand(sinch, sinch_sandbox):
    sinch.send(*(f"9995010{number:04}" for number in range(1000)))
    sinch_sandbox.advance(60)
    results = sinch.results()
    assert {each.at for each in results.rows()} == {None}
    sinch_sandbox.clear_calls()
    results = sinch.results(times=True)
    assert sinch_sandbox.calls()["list_reports"] == 10
    assert all(each.at is not None and each.at >= NOW.subtract(minutes=1) for each in results.rows())


def test_the_time_is_that_of_the_batch_that_counts(sinch, sinch_sandbox):
    sinch.send(DELIVERED)
    sinch_sandbox.advance(60)
    before = [each.at for each in sinch.results(times=True).rows()]
    sinch_sandbox.script({"prefix": DELIVERED, "status": "Failed", "code": 153})
    sinch.send(DELIVERED)
    sinch_sandbox.advance(3600)
    assert [each.at for each in sinch.results(times=True).rows()] == before


def test_nobody_is_shown(sinch, sinch_sandbox):
    sinch.send(DELIVERED)
    results = sinch.results()
    assert "900222" not in repr(results) + repr(list(results.rows())) + repr(results.tally())


def test_hashes_are_keyed():
    assert hashed(DELIVERED, "secret") != hashed(DELIVERED, "other")
    assert hashed(DELIVERED, "secret") == hashed(DELIVERED, "secret")
    assert len(hashed(DELIVERED, "secret")) == 32
