"""The send of a callback: better an alert twice than no alert; played with both clients."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sinch_provider.sms import endpoints
from sinch_provider.sms.client import SinchClient
from sinch_provider.sms.errors import SinchUncertainError
from sinch_provider.sms.runtime import current, using
from sinch_provider.sms.sending.alert import Alert
from sinch_provider.sms.sending.payload import Payload
from sinch_provider.sms.sending.sent import Sent
from sinch_provider.sms.sending.sent_here import SentHere
from sinch_sandbox.client import SandboxClient
from tests.unit.sms.conftest import Player
from tests.unit.sms.sending.attempts import ANNA, MARIA, NOW, sandbox_account, texts


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the machine remembers, for this test only."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@pytest.fixture
def alert(do: Player, sinch_sandbox: SandboxClient) -> Callable[..., Sent]:
    """Runs a callback once."""

    def run(reference: str = "af-callback", to: Any = (MARIA,), body: str = "Alert", **fields: Any) -> Sent:
        one = Alert(endpoints.send(to=list(to), body=body, **fields), reference, NOW)
        sent: Sent = do.follow(sandbox_account(sinch_sandbox), one.steps())
        assert one.batch_id == sent.batch_id
        return sent

    return run


def test_a_callback_that_runs_twice_sends_once(alert, sinch_sandbox, do):
    first = alert()
    assert alert(body="Alert at 10:01").batch_id == first.batch_id
    assert sinch_sandbox.calls() == {"list": 2, "send": 1}
    assert do.pauses == []


def test_another_callback_or_other_recipients_are_another_alert(alert, sinch_sandbox):
    alert()
    alert("af-another")
    alert(to=[MARIA, ANNA])
    assert len(sinch_sandbox.batches()) == 3


def test_it_is_sent_if_it_cannot_be_looked_up(alert, sinch_sandbox, caplog):
    sinch_sandbox.fault("server_error", "list", count=None)
    assert not alert().adopted
    assert "unknown whether this callback has sent before" in caplog.text


@pytest.mark.parametrize(("when", "adopted"), [("after", True), ("before", False)])
def test_a_lost_answer_is_looked_up_once(alert, sinch_sandbox, when, adopted):
    sinch_sandbox.fault("lost_reply", "send", when=when)
    assert alert().adopted is adopted
    assert texts(sinch_sandbox) == [(MARIA[1:], "Alert")]


def test_two_lost_answers_are_said(alert, sinch_sandbox):
    sinch_sandbox.fault("lost_reply", "send", when="before", count=None)
    with pytest.raises(SinchUncertainError, match="lost twice"):
        alert()


def test_a_reference_that_the_user_chose_is_kept_and_not_looked_for(alert, sinch_sandbox):
    for _ in range(2):
        alert(client_reference="alerts")
    assert sinch_sandbox.calls() == {"send": 2}
    assert {each["client_reference"] for each in sinch_sandbox.batches()} == {"alerts"}


def test_a_lost_text_gets_time_to_be_listed(alert, sinch_sandbox, do):
    sinch_sandbox.fault("lost_reply", "send", when="after")
    alert()
    assert do.pauses == [2.0]


@pytest.mark.parametrize(("asked", "pause"), [(None, 2.0), (1, 2.0), (4, 4.0), (600, 5.0)])
def test_a_server_in_trouble_gets_time_to_recover(alert, sinch_sandbox, do, asked, pause):
    sinch_sandbox.fault("server_error", "send", status=503, **({"retry_after": asked} if asked else {}))
    assert not alert().adopted
    assert do.pauses == [pause]


def test_a_long_listing_leaves_time_to_send(alert, sinch_sandbox):
    for number in range(31):
        alert(to=[f"+999501{number:04}"])
    before = sinch_sandbox.calls()["list"]

    def clock() -> float:
        """Five seconds pass with every page."""
        return time.monotonic() + 5 * (sinch_sandbox.calls()["list"] - before)

    with using(replace(current(), monotonic=clock)):
        assert not alert().adopted
    assert sinch_sandbox.calls()["list"] == before + 1


def test_two_that_run_at_once_on_a_machine_text_once(sinch_sandbox):
    account = sandbox_account(sinch_sandbox)
    sinch_sandbox.fault("listing_lag", "send", seconds=60, count=None)

    def run(_: int) -> Sent:
        call = endpoints.send(to=[MARIA], body="Alert")
        with SinchClient(account) as client:
            return client.follow(Alert(call, "af-callback", NOW, account=account).steps())

    with ThreadPoolExecutor(8) as threads:
        sent = list(threads.map(run, range(8)))
    assert len({each.batch_id for each in sent}) == 1
    assert len(sinch_sandbox.batches()) == 1


def test_one_that_never_ends_holds_nobody_up(do, sinch_sandbox):
    account = sandbox_account(sinch_sandbox)
    call = endpoints.send(to=[MARIA], body="Alert")
    body = call.body or {}
    assert SentHere(account, "af-callback", Payload.of_request(body)).claim()
    sent = do.follow(account, Alert(call, "af-callback", NOW, account=account).steps())
    assert not sent.adopted
    assert do.pauses == [0.5] * 10
