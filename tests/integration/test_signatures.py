"""Every class that users type shows its whole signature, and what repeats in them is the same everywhere."""

from __future__ import annotations

import inspect
import pydoc
from inspect import Parameter
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import DAG, BaseOperator, BaseSensorOperator

from sinch_provider.operators import batches
from sinch_provider.operators.base import SinchOperator
from sinch_provider.operators.batches import (
    SinchCancelBatchOperator,
    SinchDeliveryFeedbackOperator,
    SinchDryRunBatchOperator,
    SinchReplaceBatchOperator,
    SinchSendBatchOperator,
    SinchUpdateBatchOperator,
)
from sinch_provider.operators.campaign import SinchCampaignOperator
from sinch_provider.operators.message import SinchMessageOperator
from sinch_provider.operators.resend import SinchResendFailedOperator
from sinch_provider.sensors.batches import SinchBatchSensor
from sinch_provider.sms import message
from sinch_provider.sms.message import MessageChanges, MessageFields, MessageOptions
from sinch_provider.task.typing import BaseOperatorArguments, BaseSensorArguments
from sinch_provider.transfers.object_storage_to_sinch_sms import ObjectStorageToSinchSmsOperator
from sinch_provider.transfers.sql_to_sinch_sms import SqlToSinchSmsOperator
from sinch_provider.triggers.batches import SinchBatchTrigger
from tests.versions import needs

MARIA = "+447700900222"
OPERATORS = [
    SinchMessageOperator,
    SinchSendBatchOperator,
    SinchDryRunBatchOperator,
    SinchReplaceBatchOperator,
    SinchUpdateBatchOperator,
    SinchCancelBatchOperator,
    SinchDeliveryFeedbackOperator,
]
CLASSES = [*OPERATORS, SinchBatchSensor]
CAMPAIGNS = [SinchCampaignOperator, SinchResendFailedOperator]
TRANSFERS = [SqlToSinchSmsOperator, ObjectStorageToSinchSmsOperator]
WITH_MESSAGE = [
    SinchMessageOperator,
    SinchSendBatchOperator,
    SinchDryRunBatchOperator,
    SinchReplaceBatchOperator,
]

#: How the type of a parameter reads where it is templated.
TEMPLATED = {
    "str": "TemplatedText",
    "Recipients": "TemplatedRecipients",
    "Body": "TemplatedBody",
    "Parameters": "TemplatedParameters",
    "Time": "TemplatedTime",
}
#: What Airflow had before 3.3, or has had since, without the version that runs here.
OTHER_VERSIONS: set[str] = {"retry_policy", "render_template_as_native_obj"}


def own_parameters(class_: type) -> dict[str, Parameter]:
    parameters = inspect.signature(class_).parameters
    return {name: each for name, each in parameters.items() if each.kind is not Parameter.VAR_KEYWORD}


def airflows(class_: type) -> set[str]:
    parameters = inspect.signature(class_.__init__).parameters.values()  # type: ignore[misc]
    return {each.name for each in parameters if each.kind is not Parameter.VAR_KEYWORD} - {"self"}


def check_described(class_: Any, fields: Any, names: tuple[str, ...], defaults: Any) -> None:
    parameters, docs = own_parameters(class_), message.docs_of(class_)
    described = {**message.docs_of(MessageOptions), **message.docs_of(fields)}
    assert [name for name in parameters if name in names] == list(names)
    for name in names:
        templated = name in class_.template_fields
        annotation = fields.__annotations__[name].__forward_arg__
        base, required = annotation.removesuffix(" | None"), name in fields.__required_keys__
        expected = (TEMPLATED[base] if templated else base) + ("" if required else " | None")
        assert parameters[name].annotation == expected, name
        assert parameters[name].default == (Parameter.empty if required else defaults.get(name)), name
        assert docs[name].removesuffix(" (templated)").startswith(described[name]), name


@pytest.mark.parametrize("class_", WITH_MESSAGE)
def test_the_message_is_the_one_that_is_described(class_: Any) -> None:
    check_described(class_, MessageFields, message.MESSAGE, message.DEFAULTS)


def test_the_update_is_the_one_that_is_described() -> None:
    check_described(SinchUpdateBatchOperator, MessageChanges, message.CHANGES, {})


@pytest.mark.parametrize("class_", WITH_MESSAGE)
def test_the_message_is_documented_in_the_same_words(class_: Any) -> None:
    docs = message.docs_of(class_)
    base = message.docs_of(SinchMessageOperator)
    assert {name: docs[name] for name in message.MESSAGE} == {name: base[name] for name in message.MESSAGE}


@pytest.mark.parametrize("class_", [*CLASSES, *CAMPAIGNS, SinchBatchTrigger])
def test_every_parameter_is_documented_in_order(class_: Any) -> None:
    assert list(message.docs_of(class_)) == list(own_parameters(class_))


@pytest.mark.parametrize("class_", TRANSFERS)
def test_a_transfer_documents_its_source_in_the_words_of_the_campaign(class_: Any) -> None:
    docs = message.docs_of(class_)
    assert list(docs) == [*own_parameters(class_), "kwargs"]
    for name, parameter in own_parameters(class_).items():
        assert parameter.default is Parameter.empty
        assert docs[name].endswith(" (templated)")
        assert name in class_.template_fields


@pytest.mark.parametrize("class_", CAMPAIGNS)
def test_templated_parameters_of_campaigns_say_so(class_: Any) -> None:
    for name, said in message.docs_of(class_).items():
        assert said.endswith(("(templated)", "(templated, as a whole)")) is (name in class_.template_fields)


@pytest.mark.parametrize("class_", CLASSES)
def test_templated_parameters_say_so_and_take_an_output(class_: Any) -> None:
    docs = message.docs_of(class_)
    for name, parameter in own_parameters(class_).items():
        templated = name in class_.template_fields
        assert docs[name].endswith(" (templated)") is templated, name
        assert parameter.annotation.startswith("Templated") is templated, name


@pytest.mark.parametrize("class_", CLASSES)
def test_parameters_are_keyword_only_and_become_attributes(class_: Any) -> None:
    given = {"to": [MARIA], "body": "Hi", "batch_id": "abc", "recipients": [MARIA]}
    parameters = own_parameters(class_)
    arguments = {name: value for name, value in given.items() if name in parameters and name[:3] != "to_"}
    if class_ is SinchUpdateBatchOperator:
        arguments["to_add"] = [MARIA]
    operator = class_(task_id="task", **arguments)
    for name, parameter in parameters.items():
        assert parameter.kind is Parameter.KEYWORD_ONLY
        assert getattr(operator, name) == arguments.get(name, parameter.default), name


@pytest.mark.parametrize(
    ("class_", "names"),
    [
        (SinchSendBatchOperator, ("to", "body", "from_", "wait_for_completion", "send_key", "sinch_conn_id")),
        (SinchDryRunBatchOperator, ("to", "body", "per_recipient")),
        (SinchUpdateBatchOperator, ("batch_id", "to_add", "body")),
        (SinchBatchSensor, ("batch_id", "max_failed", "deferrable")),
        (SinchBatchTrigger, ("batch_ids", "poll_interval")),
    ],
)
def test_help_shows_the_parameters(class_: Any, names: tuple[str, ...]) -> None:
    shown = pydoc.plain(pydoc.render_doc(class_))
    for name in names:
        assert f"{name}: " in shown.partition("Method resolution order")[0]
        assert f":param {name}:" in shown


@needs(3, 3, what="all arguments that are described")
def test_airflows_own_arguments_are_those_of_airflow() -> None:
    assert airflows(BaseOperator) <= BaseOperatorArguments.__annotations__.keys()
    assert BaseOperatorArguments.__annotations__.keys() - airflows(BaseOperator) <= OTHER_VERSIONS
    sensor = BaseSensorArguments.__annotations__.keys() - BaseOperatorArguments.__annotations__.keys()
    assert sensor == airflows(BaseSensorOperator)


@pytest.mark.parametrize("class_", CLASSES)
def test_no_parameter_is_one_of_airflows(class_: Any) -> None:
    known = BaseSensorArguments if issubclass(class_, BaseSensorOperator) else BaseOperatorArguments
    assert not own_parameters(class_).keys() & known.__annotations__.keys()


@needs(3, 0, what="a TypeError for a misspelt argument")
def test_a_misspelt_argument_is_refused_when_the_dag_is_parsed() -> None:
    with pytest.raises(TypeError, match="too"):
        SinchSendBatchOperator(task_id="send", to=[MARIA], body="Hi", too=[MARIA])  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"partial\(\) got an unexpected keyword argument 'too'"):
        SinchSendBatchOperator.partial(task_id="send", body="Hi", too=[MARIA])
    with pytest.raises(TypeError, match=r"expand\(\) got an unexpected keyword argument 'too'"):
        SinchSendBatchOperator.partial(task_id="send", body="Hi").expand(too=[[MARIA]])
    with pytest.raises(TypeError, match=r"partial\(\) got an unexpected keyword argument 'poll_interval'"):
        SinchBatchSensor.partial(task_id="wait", poll_interval=5)
    with pytest.raises(TypeError, match="missing keyword argument 'body'"):
        SinchSendBatchOperator(task_id="send", to=[MARIA])  # type: ignore[call-arg]


def test_every_argument_of_a_message_can_be_mapped() -> None:
    with DAG("mapped"):
        some = dict.fromkeys(message.MESSAGE, None)
        SinchSendBatchOperator.partial(task_id="a", **some, poll_interval=5, retries=1).expand(send_key=["b"])
        SinchSendBatchOperator.partial(task_id="b").expand_kwargs([{"to": [MARIA], "body": "Hi"}])


def test_default_args_reach_every_parameter() -> None:
    defaults = {
        "body": "Hi",
        "from_": "Bistro",
        "delivery_report": "full",
        "deferrable": True,
        "sinch_conn_id": "sinch_staging",
        "retries": 7,
        "min_delivered": 0.5,
    }
    with DAG("defaults", default_args=defaults):
        send = SinchSendBatchOperator(task_id="send", to=[MARIA], from_="Café")  # type: ignore[call-arg]
        wait = SinchBatchSensor(task_id="wait", batch_id="abc")
        cancel = SinchCancelBatchOperator(task_id="cancel", batch_id="abc", default_args={"retries": 1})
    assert (send.body, send.from_, send.delivery_report) == ("Hi", "Café", "full")
    assert (send.deferrable, send.sinch_conn_id, send.retries) == (True, "sinch_staging", 7)
    assert (wait.deferrable, wait.min_delivered, wait.sinch_conn_id) == (True, 0.5, "sinch_staging")
    assert (cancel.sinch_conn_id, cancel.retries) == ("sinch_staging", 1)


def test_all_operators_are_imported_from_one_module() -> None:
    assert set(batches.__all__) == {class_.__name__ for class_ in OPERATORS}
    assert all(getattr(batches, name) for name in batches.__all__)
    assert batches.SinchSendBatchOperator is SinchSendBatchOperator


def test_a_hook_serves_one_execution_and_one_connection() -> None:
    operator = SinchOperator(task_id="task", sinch_conn_id="first")
    hook = operator.hook
    assert operator.hook is hook
    operator.sinch_conn_id = "second"
    assert operator.hook is not hook
    assert operator.hook.sinch_conn_id == "second"
    hook = operator.hook
    operator._begin({})
    assert operator.hook is not hook
