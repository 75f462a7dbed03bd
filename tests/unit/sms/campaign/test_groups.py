"""Who is in a group."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from sinch_provider.sms.campaign.groups import members_of
from sinch_provider.sms.client import SinchClient
from sinch_provider.sms.errors import MalformedAnswerError, SinchNotSentError
from sinch_sandbox.client import SandboxClient
from tests.unit.sms.sending.attempts import sandbox_account

ANN, BEN = "447700900222", "447700900333"


@pytest.fixture
def group(sinch_sandbox: SandboxClient) -> Callable[..., str]:
    """Makes a group, and returns its id."""

    def make(**fields: Any) -> str:
        plan, token = sinch_sandbox.credentials.service_plan_id, sinch_sandbox.credentials.api_token
        headers = {"Authorization": f"Bearer {token}"}
        url = f"{sinch_sandbox.url}/xms/v1/{plan}/groups"
        return str(requests.post(url, json=fields, headers=headers, timeout=10).json()["id"])

    return make


@pytest.fixture
def client(sinch_sandbox: SandboxClient) -> SinchClient:
    return SinchClient(sandbox_account(sinch_sandbox))


def test_members_of_child_groups_are_among_them(client: SinchClient, group: Callable[..., str]) -> None:
    child = group(members=[f"+{BEN}"])
    found = client.follow(members_of(group(members=[f"+{ANN}"], child_groups=[child])))
    assert sorted(found) == [f"+{ANN}", f"+{BEN}"]
    assert client.follow(members_of(group())) == []


def test_an_unknown_group_is_an_error(client: SinchClient) -> None:
    with pytest.raises(SinchNotSentError, match="Sinch does not know it"):
        client.follow(members_of("01J8ZC4M7T2Q9KX5RVBW3NHYDP"))


@pytest.mark.parametrize("answer", [{}, [447700900222], "447700900222", None])
def test_another_answer_is_an_error(answer: Any) -> None:
    steps = members_of("01J8ZC4M7T2Q9KX5RVBW3NHYDP")
    call = steps.send(None)
    with pytest.raises(MalformedAnswerError):
        call.parse(answer)
    steps.close()
