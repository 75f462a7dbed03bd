"""Arguments and extras in the wrong place: an error says so, and quotes no number, no text and no token."""

from __future__ import annotations

import asyncio
import inspect
import json
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import BaseHook, BaseOperator

from sinch_provider.get_provider_info import get_provider_info
from sinch_provider.hooks.sinch import SinchConnectionMissing, SinchHook, read_account
from sinch_provider.operators import batches
from sinch_provider.sensors.batches import SinchBatchSensor

NUMBER, TEXT, TOKEN = "447700900987", "The fox meets the owl", "tok-SECRET-123456"
WRONG: list[Any] = [NUMBER, f"+{NUMBER}", int(NUMBER), TEXT, TOKEN, [NUMBER], {TEXT: NUMBER}, 447700900987.5]
ID = "01J8ZC4M7T2Q9KX5RVBW3NHYDP"
GIVEN: dict[type, dict[str, Any]] = {
    batches.SinchSendBatchOperator: {"to": NUMBER, "body": "Hi"},
    batches.SinchDryRunBatchOperator: {"to": NUMBER, "body": "Hi"},
    batches.SinchUpdateBatchOperator: {"batch_id": ID, "body": "Hi"},
    batches.SinchReplaceBatchOperator: {"batch_id": ID, "to": NUMBER, "body": "Hi"},
    batches.SinchCancelBatchOperator: {"batch_id": ID},
    batches.SinchDeliveryFeedbackOperator: {"batch_id": ID, "recipients": NUMBER},
    SinchBatchSensor: {"batch_id": ID},
}


def arguments(kind: type) -> set[str]:
    ours = (each for each in kind.__mro__ if each.__module__.startswith("sinch_provider."))
    named = {name for each in ours if "__init__" in vars(each) for name in inspect.signature(each).parameters}
    return named - {"self", "args", "kwargs"} - set(inspect.signature(BaseOperator.__init__).parameters)


def assert_quotes_nothing(said: str, where: str) -> None:
    for private in (NUMBER, TEXT, TOKEN, "fox meets"):
        assert private not in said, f"{where}: {said}"


@pytest.mark.parametrize("kind", GIVEN, ids=lambda kind: kind.__name__)
def test_no_argument_of_an_operator_is_quoted(kind: type) -> None:
    names = arguments(kind)
    assert names > set(GIVEN[kind])
    refused = 0
    for name in names:
        for value in WRONG:
            try:
                kind(task_id="t", **{**GIVEN[kind], name: value})
            except Exception as error:
                refused += 1
                assert_quotes_nothing(f"{error} {error.__cause__}", f"{kind.__name__}({name}={value!r})")
    assert refused


@pytest.mark.parametrize("project", [{}, {"project_id": "project"}])
def test_no_extra_of_a_connection_is_quoted(monkeypatch: pytest.MonkeyPatch, project: dict[str, str]) -> None:
    refused = 0
    fields = get_provider_info()["connection-types"][0]["conn-fields"]
    for name in [*fields, "login", "password", "host"]:
        for value in [NUMBER, f"+{NUMBER}", int(NUMBER), TEXT, TOKEN, [NUMBER, TEXT]]:
            connection: dict[str, Any] = {"conn_type": "sinch", "login": "plan", "password": "pw"}
            connection["extra"] = {"region": "eu", **project}
            (connection["extra"] if name in fields else connection)[name] = value
            monkeypatch.setenv("AIRFLOW_CONN_SINCH_DEFAULT", json.dumps(connection))
            try:
                SinchHook().get_conn()
            except ValueError as error:
                refused += 1
                assert_quotes_nothing(str(error), f"{name}={value!r}")
            except Exception:
                assert name not in fields, "Airflow refuses standard fields by itself"
    assert refused


@pytest.mark.parametrize("name", [NUMBER, f"+{NUMBER}", TEXT])
def test_nor_is_what_is_no_name_of_a_connection(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    # Airflow would log it.
    asked = lambda *_: pytest.fail("Airflow was asked for it")  # noqa: E731
    monkeypatch.setattr(BaseHook, "get_connection", asked)
    monkeypatch.setattr("airflow.providers.common.compat.connection.get_async_connection", asked)
    for read in (SinchHook(name).get_conn, lambda: asyncio.run(read_account(SinchHook(name)))):
        with pytest.raises(SinchConnectionMissing, match="sinch_conn_id is not the name of") as caught:
            read()
        assert_quotes_nothing(str(caught.value), name)


@pytest.mark.parametrize(
    "written", ['{"conn_type": "sinch", "password": "tok-SECRET-123456", "login": }', "{"]
)
def test_a_connection_that_cannot_be_read_is_not_called_missing(
    monkeypatch: pytest.MonkeyPatch, airflow_database: Any, written: str
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_C", written)
    with pytest.raises(SinchConnectionMissing) as caught:
        SinchHook("c").get_conn()
    said = str(caught.value)
    assert "AIRFLOW_CONN_C exists, but it does not hold a connection" in said
    assert "connections add" not in said
    assert_quotes_nothing(said, written)


def test_the_command_can_be_pasted(airflow_database: Any) -> None:
    with pytest.raises(SinchConnectionMissing, match=r"connections add 'a\$b' --conn-json"):
        SinchHook("a$b").get_conn()
