"""The send of a callback: better an alert twice than no alert; played with both clients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sinch_provider.sms import endpoints
from sinch_provider.sms.errors import SinchUncertainError
from sinch_provider.sms.sending.alert import Alert
from sinch_provider.sms.sending.sent import Sent
from sinch_sandbox.client import SandboxClient
from tests.unit.sms.conftest import Player
from tests.unit.sms.sending.attempts import ANNA, MARIA, NOW, sandbox_account, texts


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
