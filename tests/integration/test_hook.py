"""The hook: from a connection, in whatever form it is written, to a client that works."""

from __future__ import annotations

import json
import sys
from types import ModuleType
from typing import Any

import pytest
from airflow.models import Connection

from sinch_provider.get_provider_info import get_provider_info
from sinch_provider.hooks.sinch import SinchHook, account_of
from sinch_provider.sms.account import ProjectCredentials, ServicePlanCredentials
from sinch_provider.sms.errors import SinchValidationError


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
    assert account(host="http://127.0.0.1:8026").api_root == "http://127.0.0.1:8026/xms/v1/plan"


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


@pytest.mark.parametrize(
    ("change", "ok", "words"),
    [
        ({}, True, "accepts"),
        ({"password": "wrong-token"}, False, "does not accept the credentials"),
        ({"extra": {"base_url": "http://127.0.0.1:9"}}, False, "no connection"),
        ({"extra": {"region": "mars"}}, False, "region"),
    ],
)
def test_testing_a_connection_tells_causes_apart(sinch_default, monkeypatch, no_pauses, change, ok, words):
    monkeypatch.setenv("AIRFLOW_CONN_SINCH_DEFAULT", json.dumps({**sinch_default.connection, **change}))
    found, message = SinchHook().test_connection()
    assert found is ok
    assert words in message


def test_the_older_form_is_fed_by_the_same_table(monkeypatch):
    # Airflow 3 has no Flask-AppBuilder; these stand for the three constructors the form is made of.
    def field(label, **details):
        return (label, details)

    for name, content in {
        "flask_appbuilder.fieldwidgets": {"BS3TextFieldWidget": object},
        "flask_babel": {"lazy_gettext": str},
        "wtforms": {"BooleanField": field, "StringField": field},
    }.items():
        module = ModuleType(name)
        module.__dict__.update(content)
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setitem(sys.modules, "flask_appbuilder", ModuleType("flask_appbuilder"))
    form = get_provider_info()["connection-types"][0]
    assert set(SinchHook.get_connection_form_widgets()) == set(form["conn-fields"])
    assert SinchHook.get_ui_field_behaviour()["hidden_fields"] == form["ui-field-behaviour"]["hidden-fields"]
