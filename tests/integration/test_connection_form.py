"""The connection form: one table for every version of Airflow, and a Test button that works."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
from airflow.models import Connection

from sinch_provider.get_provider_info import get_provider_info
from sinch_provider.hooks.accounts import account_of
from sinch_provider.hooks.sinch import SinchHook
from tests.versions import AIRFLOW, needs

FORM = get_provider_info()["connection-types"][0]
FIELDS: dict[str, Any] = FORM["conn-fields"]
BEHAVIOUR: dict[str, Any] = FORM["ui-field-behaviour"]


class Field:
    """Stands for a field of the older form."""

    def __init__(self, label: str, validators: Any = (), **details: Any) -> None:
        self.label = label
        self.rules = list(validators)
        self.details = details


class Text(Field):
    pass


class Box(Field):
    pass


@pytest.fixture
def older_form(monkeypatch: pytest.MonkeyPatch) -> dict[str, Field]:
    """The fields for Airflow before 3.2; later ones lack its libraries, so this stands for them."""
    for name, content in {
        "flask_appbuilder": {},
        "flask_appbuilder.fieldwidgets": {"BS3TextFieldWidget": object},
        "flask_babel": {"lazy_gettext": str},
        "wtforms": {"BooleanField": Box, "StringField": Text},
        "wtforms.validators": {"Optional": lambda: None, "any_of": tuple},
    }.items():
        module = ModuleType(name)
        module.__dict__.update(content)
        monkeypatch.setitem(sys.modules, name, module)
    return SinchHook.get_connection_form_widgets()


def test_both_forms_have_the_same_fields_in_the_same_order(older_form: dict[str, Field]) -> None:
    assert list(older_form) == list(FIELDS)
    for name, field in older_form.items():
        given = FIELDS[name]
        schema = given["schema"]
        assert field.label == given["label"]
        assert field.details["description"] == given["description"]
        assert isinstance(field, Box) == ("boolean" in schema["type"])
        default = schema.get("default")
        assert field.details["default"] == (
            default if isinstance(field, Box) or default is None else str(default)
        )
        assert [rule for rule in field.rules if rule] == ([tuple(schema["enum"])] if "enum" in schema else [])


def test_both_forms_shape_the_fields_of_airflow_alike() -> None:
    assert SinchHook.get_ui_field_behaviour() == {
        "hidden_fields": BEHAVIOUR["hidden-fields"],
        "relabeling": BEHAVIOUR["relabeling"],
        "placeholders": BEHAVIOUR["placeholders"],
    }


def test_every_field_has_help_and_those_to_fill_in_say_where_the_value_is() -> None:
    shown = {"host", "login", "password", "port"}
    assert shown & set(BEHAVIOUR["hidden-fields"]) == set()
    assert set(BEHAVIOUR["placeholders"]) == (shown | set(FIELDS)) - {"allow_insecure"}
    assert all(field["description"].endswith((".", "}", "...")) for field in FIELDS.values())
    for text in (BEHAVIOUR["placeholders"]["login"], FIELDS["project_id"]["description"]):
        assert "Settings, Access keys" in text


def test_fields_of_a_group_stand_together() -> None:
    groups = [field["schema"]["section"] for field in FIELDS.values()]
    assert groups == sorted(groups, key=groups.index)
    assert len(set(groups)) == 3


def test_what_the_form_fills_in_by_itself_is_the_default() -> None:
    filled = {
        name: field["schema"]["default"] for name, field in FIELDS.items() if "default" in field["schema"]
    }
    connection = Connection(conn_type="sinch", login="plan", password="token", port=0)
    assert account_of(connection, filled) == account_of(connection, {})


def test_the_form_fills_in_nothing_that_airflow_warns_of() -> None:
    # Airflow takes extras for secrets, and warns of those that are too short to be masked.
    assert not [name for name, field in FIELDS.items() if isinstance(field["schema"].get("default"), str)]


@needs(3, 1, what="a form without the older libraries")
@pytest.mark.usefixtures("airflow_database")
def test_the_ui_gets_the_form_from_the_metadata() -> None:
    services = pytest.importorskip("airflow.api_fastapi.core_api.services.ui.connections")
    found = [each for each in services.HookMetaService.hook_meta_data() if each.connection_type == "sinch"]
    (meta,) = found
    assert list(meta.extra_fields) == list(FIELDS)
    # Before 3.2 Airflow makes the form of widgets, which have no sections.
    if AIRFLOW >= (3, 2):
        assert {name: field["schema"]["section"] for name, field in meta.extra_fields.items()} == {
            name: field["schema"]["section"] for name, field in FIELDS.items()
        }
    assert meta.standard_fields.login.placeholder == BEHAVIOUR["placeholders"]["login"]
    assert (meta.standard_fields.host.hidden, meta.standard_fields.port.hidden) == (False, False)


class Everybody:
    def is_authorized_connection(self, **_: Any) -> bool:
        return True


Button = Callable[[dict[str, Any], dict[str, Any]], Any]


@pytest.fixture
def button(airflow_database: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Button]:
    """Store a connection, and press its button: test it with what the browser sends, or other fields."""
    if AIRFLOW < (3, 1):
        pytest.skip("a button that tests with the stored password: Airflow has that since 3.1")
    routes = pytest.importorskip("airflow.api_fastapi.core_api.routes.public.connections")
    from airflow.api_fastapi.core_api.datamodels.connections import ConnectionBody
    from airflow.utils.session import create_session

    monkeypatch.setenv("AIRFLOW__CORE__TEST_CONNECTION", "Enabled")
    with create_session() as session:
        kept: list[Connection] = []

        def press(stored: dict[str, Any], changes: dict[str, Any]) -> Any:
            kept.append(Connection(conn_id="sinch_button", **stored))
            session.add(kept[0])
            session.commit()
            # The UI never has the password. It makes 0 of a port that there is not, and "" of other fields.
            sent = {
                "connection_id": "sinch_button",
                "conn_type": "sinch",
                "login": stored["login"],
                "password": "***",
                "host": stored.get("host") or "",
                "schema": "",
                "port": stored.get("port") or 0,
                "description": "",
                "extra": kept[0].extra or "{}",
            }
            arguments = {"user": None, "auth_manager": Everybody()}
            names = routes.test_connection.__code__.co_varnames
            return routes.test_connection(
                test_body=ConnectionBody(**{**sent, **changes}),
                **{name: value for name, value in arguments.items() if name in names},
            )

        yield press
        for each in kept:
            session.delete(each)


@pytest.mark.parametrize("where", ["base_url", "host", "host and port"])
def test_the_button_of_the_ui_works_with_port_0(sinch_sandbox: Any, button: Button, where: str) -> None:
    stored = {**sinch_sandbox.connection, "port": 0}
    if where != "base_url":
        stored |= {"host": sinch_sandbox.url, "extra": {"region": "us"}}
    if where == "host and port":
        name, _, port = sinch_sandbox.url.rpartition(":")
        stored |= {"host": name, "port": int(port)}
    done = button(stored, {})
    assert done.status, done.message


@pytest.mark.parametrize("stored", [None, ""])
def test_an_empty_host_is_the_stored_one(button: Button, stored: str | None) -> None:
    connection = {"conn_type": "sinch", "login": "plan", "password": "token", "host": stored, "port": 0}
    done = button(connection, {"extra": json.dumps({"base_url": "http://127.0.0.1:9"})})
    # Airflow lets it through, and the test begins.
    assert "127.0.0.1:9: no connection to Sinch" in done.message


@pytest.mark.parametrize(
    "extra",
    [
        {"base_url": "http://gateway.example.test", "allow_insecure": True},
        {"base_url": "https://gateway.example.test"},
        {"project_id": "p", "auth_url": "https://gateway.example.test"},
    ],
)
def test_the_stored_credentials_do_not_go_to_a_host_that_the_caller_names(
    button: Button, monkeypatch: pytest.MonkeyPatch, extra: dict[str, Any]
) -> None:
    monkeypatch.setattr("socket.getaddrinfo", lambda *_: pytest.fail("it looked for a host"))
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("it connected"))
    stored = {
        "conn_type": "sinch",
        "login": "plan",
        "password": "token",
        "port": 0,
        "extra": {"region": "eu"},
    }
    done = button(stored, {"extra": json.dumps(extra)})
    assert not done.status
    assert done.message.startswith("Nothing was tested. ")
