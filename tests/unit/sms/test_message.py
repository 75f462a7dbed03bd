"""The parameters of a message: described once, and shown everywhere that takes a message."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest

from sinch_provider.sms import endpoints
from sinch_provider.sms.client import Batches
from sinch_provider.sms.fields import table
from sinch_provider.sms.message import (
    CHANGES,
    DEFAULTS,
    MESSAGE,
    MessageChanges,
    MessageFields,
    MessageOptions,
    docs_of,
)
from tests.unit.sms.calls import ID, TO

WHOLE = [endpoints.send, endpoints.send_dry_run, endpoints.replace]


def test_every_parameter_has_a_rule_and_docs() -> None:
    assert set(MESSAGE) == set(MessageFields.__annotations__) == table.MESSAGE.keys()
    assert set(CHANGES) == set(MessageChanges.__annotations__) == table.UPDATE.keys()
    assert list(docs_of(MessageOptions)) == list(MessageOptions.__annotations__)
    assert {*docs_of(MessageOptions), *docs_of(MessageFields)} == set(MESSAGE)
    assert {*docs_of(MessageOptions), *docs_of(MessageChanges)} == set(CHANGES)
    assert MessageFields.__required_keys__ == {"to", "body"}
    assert not MessageChanges.__required_keys__
    assert set(DEFAULTS) <= set(MESSAGE)


@pytest.mark.parametrize("endpoint", WHOLE)
def test_an_endpoint_shows_every_parameter_of_a_message(endpoint: Callable[..., Any]) -> None:
    parameters = inspect.signature(endpoint).parameters
    assert [name for name in parameters if name in MESSAGE] == list(MESSAGE)
    assert all(parameters[name].kind is inspect.Parameter.KEYWORD_ONLY for name in MESSAGE)
    assert parameters["to"].default is inspect.Parameter.empty
    assert (parameters["type_"].default, parameters["from_"].default) == ("mt_text", None)
    assert list(docs_of(endpoint)) == list(parameters)


def test_an_update_shows_every_change() -> None:
    parameters = inspect.signature(endpoints.update).parameters
    assert list(parameters) == ["batch_id", *CHANGES]
    assert all(parameters[name].default is None for name in CHANGES)
    assert list(docs_of(endpoints.update)) == ["batch_id", *CHANGES]


def test_a_method_can_be_looked_up_on_its_class() -> None:
    assert list(inspect.signature(Batches.send).parameters) == ["self", *MESSAGE]
    assert Batches.send.__doc__ == endpoints.send.__doc__


def test_a_wrong_argument_is_refused_as_python_refuses_it() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'too'"):
        endpoints.send(to=TO, body="Hi", too=TO)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="missing a required argument: 'body'"):
        endpoints.send(to=TO)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="too many positional arguments"):
        endpoints.send("Hi", TO)  # type: ignore
    with pytest.raises(TypeError, match="unexpected keyword argument 'to'"):
        endpoints.update(ID, to=TO)  # type: ignore[call-arg]


def test_defaults_are_those_of_a_new_message_only() -> None:
    assert endpoints.send(to=TO, body="Hi").body == {
        "to": ["447700900222"],
        "body": "Hi",
        "type": "mt_text",
        "delivery_report": "none",
    }
    assert endpoints.update(ID, body="Hi").body == {"body": "Hi"}
