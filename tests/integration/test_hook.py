"""The hook: from a connection, in any form, to a client that works."""

from __future__ import annotations

import asyncio
import json
import pickle
from typing import Any

import pytest
from airflow.models import Connection
from airflow.providers.common.compat.sdk import AirflowNotFoundException, dag, task

from sinch_provider.hooks.accounts import account_of
from sinch_provider.hooks.sinch import SinchConnectionMissing, SinchHook
from sinch_provider.sms.account import ProjectCredentials, ServicePlanCredentials
from sinch_provider.sms.errors import SinchValidationError
from sinch_provider.sms.wire import tokens as auth
from tests.integration.conftest import result_of


def account(extra: dict[str, Any] | None = None, **fields: Any):
    connection = Connection(conn_type="sinch", **{"login": "plan", "password": "token", **fields})
    return account_of(connection, extra or {})


def test_a_service_plan():
    found = account({"region": "EU", "from": "Bistro", "timeout": 5})
    assert found.credentials == ServicePlanCredentials("plan", "token")
    assert found.api_root == "https://eu.sms.api.sinch.com/xms/v1/plan"
    assert (found.sender, found.timeout) == ("Bistro", 5.0)


def test_a_project():
    found = account({"project_id": "5e0f2c1a", "region": "us"}, login="key", password="secret")
    assert found.credentials == ProjectCredentials("5e0f2c1a", "key", "secret")
    assert found.api_root == "https://zt.us.sms.api.sinch.com/xms/v1/5e0f2c1a"
    assert found.token_url == "https://auth.sinch.com/oauth2/token"


def test_extras_may_be_text_as_in_uris():
    found = account({"timeout": "7", "allow_insecure": "true", "base_url": "http://sms.example.test"})
    assert (found.timeout, found.allow_insecure) == (7.0, True)


def test_host_with_a_scheme_is_the_base_url():
    for host, port in [
        ("http://127.0.0.1:8026", None),
        (" http://127.0.0.1:8026/ ", 0),
        ("http://127.0.0.1/", 8026),
    ]:
        assert account(host=host, port=port).api_root == "http://127.0.0.1:8026/xms/v1/plan"
    assert account({"base_url": "http://localhost:1"}, host="x").api_root == "http://localhost:1/xms/v1/plan"


@pytest.mark.parametrize("field", ["host", "base_url"])
def test_a_wrong_url_is_named_as_the_field_where_it_is(field):
    url = "http://gateway.example.test"
    with pytest.raises(SinchValidationError, match=f"  {field}: must be https"):
        account(host=url) if field == "host" else account({"base_url": url}, host="https://x.example.test")


def test_every_wrong_field_is_named_at_once():
    with pytest.raises(SinchValidationError) as caught:
        account(
            {"region": "mars", "timeout": "soon", "auth_url": "http://elsewhere.example.test"},
            login="",
            password=None,
            host="localhost",
        )
    assert [fault.field for fault in caught.value.faults] == [
        "host",
        "timeout",
        "login (service plan id)",
        "password (API token)",
        "region",
        "auth_url",
    ]


@pytest.mark.parametrize("which", ["connection", "project_connection"])
def test_a_hook_gives_a_client_that_works(sinch_sandbox, monkeypatch, which):
    monkeypatch.setenv("AIRFLOW_CONN_SINCH_DEFAULT", json.dumps(getattr(sinch_sandbox, which)))
    hook = SinchHook()
    batch = hook.batches.send(to=["+447700900222"], body="Hi")
    sinch_sandbox.advance(10)
    assert [found.id for found in hook.batches.list()] == [batch.id]
    assert hook.delivery_reports.get(batch.id).total_message_count == 1
    assert hook.get_conn() is hook.get_conn()


def test_a_new_client_is_the_callers_to_close(sinch_default):
    hook = SinchHook()
    with hook.new_client(attempts=1) as client:
        assert client is not hook.get_conn()
        assert client.account == hook.get_conn().account
        client.batches.list()
    assert hook.get_conn() is hook.get_conn()


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_missing_connection_is_told_with_the_way_to_make_it(airflow_database, asynchronous):
    hook = SinchHook("sinch_gone")
    with pytest.raises(SinchConnectionMissing) as caught:
        asyncio.run(hook.get_async_conn()) if asynchronous else hook.get_conn()
    said = str(caught.value)
    assert said.startswith("There is no connection 'sinch_gone'. Create it with: ")
    # A task that waits has sent before.
    assert "Nothing was sent" not in said
    assert "airflow connections add sinch_gone --conn-json '" in said
    assert "AIRFLOW_CONN_SINCH_GONE" in said
    assert isinstance(caught.value, AirflowNotFoundException)
    assert str(pickle.loads(pickle.dumps(caught.value))) == said
    assert SinchHook("sinch_gone").test_connection() == (False, said)


def test_namespace_and_whom_to_text_come_from_the_extras():
    found = account({"namespace": " staging ", "only_to": "+44770090, +46"})
    assert (found.namespace, found.only_to) == ("staging", ("44770090", "46"))
    assert account({"only_to": ["+44770090"]}).only_to == ("44770090",)
    assert account({"only_to": None, "namespace": ""}) == account()
    with pytest.raises(SinchValidationError) as caught:
        account({"only_to": "+44,07700", "namespace": "x" * 65})
    assert [fault.field for fault in caught.value.faults] == ["namespace", "only_to[1]"]


@pytest.mark.parametrize("empty", ["", False, 0, [], {}])
def test_an_only_to_that_allows_nobody_does_not_allow_everybody(empty):
    with pytest.raises(SinchValidationError, match="only_to: must not be empty"):
        account({"only_to": empty})


def test_extras_that_mean_nothing_are_named_once(caplog):
    for _ in range(2):
        known = {"region": "eu", "base_url": "http://localhost:8026"}
        account({"only-to": "+44", "onlyto": "+44", "447700900222": "x", **known})
    assert [record.getMessage() for record in caplog.records] == [
        "The connection has unknown extras, which are ignored: one with 12 characters, only-to, onlyto."
    ]


@pytest.mark.parametrize("which", ["connection", "project_connection"])
@pytest.mark.parametrize("asynchronous", [False, True])
def test_airflow_hides_what_was_made_of_the_credentials(sinch_sandbox, monkeypatch, which, asynchronous):
    from airflow.providers.common.compat.sdk import redact

    auth._slots.clear()
    monkeypatch.setenv("AIRFLOW_CONN_SINCH_DEFAULT", json.dumps(getattr(sinch_sandbox, which)))

    async def read():
        async with await SinchHook().get_async_conn() as client:
            await client.batches.list()
            return client.account

    if asynchronous:
        found = asyncio.run(read())
    else:
        hook = SinchHook()
        list(hook.batches.list())
        found = hook.get_conn().account
    tokens = [slot.current() for slot in auth._slots.values()]
    assert len(tokens) == (which == "project_connection")
    for secret in (*found.credentials.secrets(), *tokens):
        assert "***" in redact(f"a log with {secret} in it")
        assert secret not in redact(f"a log with {secret} in it")


def test_a_hook_that_was_used_is_stored_without_its_client(sinch_default):
    hook = SinchHook()
    secret = hook.get_conn().account.credentials.secret
    written = pickle.dumps(hook)
    assert secret.encode() not in written
    assert pickle.loads(written).get_conn().account == hook.get_conn().account


@pytest.mark.parametrize("what", ["client", "account", "credentials"])
def test_a_task_that_returns_credentials_fails_and_stores_nothing(run_dag, what):
    @dag(schedule=None)
    def leaks():
        @task
        def leak():
            client = SinchHook().get_conn()
            return {"client": client, "account": client.account}.get(what, client.account.credentials)

        leak()

    run = run_dag(leaks())
    assert run.state == "failed"
    assert result_of(run, "leak") is None
