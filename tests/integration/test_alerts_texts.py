"""Alerts by SMS: what they say, how often, and which arguments they take."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import DAG

from sinch_provider.notifications.sms import SinchSmsNotifier, send_sinch_sms_notification
from sinch_provider.sms.errors import SinchValidationError
from sinch_provider.sms.runtime import current, using
from tests.integration.alerting import ANN, BEN, START, alert, deadline, deadlines, missed
from tests.integration.conftest import texts
from tests.unit.task.contexts import processor_context, send


class TestTexts:
    def told(self, sandbox: Any, **arguments: Any) -> str:
        alert(**arguments)(processor_context(send("load"), try_number=7))
        return str(sandbox.messages()[-1]["body"])

    def test_is_cut_to_size(self, sinch_default):
        body = self.told(sinch_default, body="{{ ti.task_id }} " + "A" * 500, max_parts=2)
        assert body == "load " + "A" * 298 + "..."
        assert sinch_default.messages()[-1]["parts"] == 2

    @pytest.mark.parametrize("body", ["{{ nobody.name }}", "{{ none }}", " ", "{% if %}"])
    def test_a_text_that_says_nothing_is_replaced(self, sinch_default, shown, body):
        assert self.told(sinch_default, body=body).startswith("Airflow: task load failed.")

    def test_a_quotation_cannot_keep_it_from_being_sent(self, sinch_default):
        body = self.told(sinch_default, body="{{ '${x}' }} {{ '{{ y }}' }} {{ '<hidden: 2 entries>' }}")
        assert body == "$ {x} { { y }} < hidden: 2 entries>"

    def test_long_names_fit_one_part(self, sinch_default):
        context = processor_context(send("t" * 200))
        context["ti"].run_id = "r" * 200
        alert()(context)
        assert sinch_default.messages()[-1]["parts"] == 1

    def test_native_dags_do_not_turn_texts_into_numbers(self, sinch_default):
        operator = send("load")
        operator.dag = DAG("native", start_date=START, schedule=None, render_template_as_native_obj=True)
        alert(body="{{ '0000' }}")(processor_context(operator))
        assert texts(sinch_default)["222"] == "0000"

    def test_a_notifier_used_twice_renders_twice(self, sinch_default):
        told = alert(to=["{{ params.who }}"], body="{{ ti.task_id }}")
        for name, who in (("first", ANN), ("second", BEN)):
            told({**processor_context(send(name)), "params": {"who": who}})
        assert texts(sinch_default) == {"222": "first", "333": "second"}


class TestThrottle:
    @pytest.fixture
    def no_waits(self):
        waits: list[float] = []
        with using(replace(current(), sleep=waits.append, uniform=lambda _, high: high)):
            yield waits

    def test_one_alert_per_key_and_window(self, sinch_default, no_waits):
        told = alert(throttle=timedelta(hours=1))
        for name in ("first", "second", "third"):
            told(processor_context(send(name)))
        assert no_waits == [20.0] * 3
        assert sinch_default.calls() == {"list": 3, "send": 1}
        # Not the same Dag, not the same people, not the same key.
        told(processor_context(send_in("another")))
        alert(to=[ANN, BEN], throttle=timedelta(hours=1))(processor_context(send("first")))
        alert(throttle=timedelta(hours=1), throttle_key="{{ ti.task_id }}")(processor_context(send("first")))
        assert sinch_default.calls()["send"] == 4

    def test_the_window_ends(self, sinch_default, no_waits):
        told = alert(throttle=timedelta(minutes=5))
        told(processor_context(send("first")))
        sinch_default.advance(301)
        told(processor_context(send("second")))
        assert sinch_default.calls()["send"] == 2

    @deadlines
    def test_in_the_triggerer(self, sinch_default):
        async def pause(_: float) -> None: ...

        with using(replace(current(), async_sleep=pause)):
            for id_ in ("first", "second"):
                assert missed(deadline(id_), throttle=timedelta(hours=1)) == "success"
        assert sinch_default.calls() == {"list": 2, "send": 1}


def send_in(dag_id: str) -> Any:
    operator = send("first")
    operator.dag = DAG(dag_id, start_date=START, schedule=None)
    return operator


class TestArguments:
    def test_every_fault_is_named_when_the_dag_is_parsed(self):
        with pytest.raises(SinchValidationError) as caught:
            SinchSmsNotifier(
                to=["0770", ANN], from_="x" * 12, max_parts=31, throttle=timedelta(days=14), throttle_key="k"
            )
        assert [fault.field for fault in caught.value.faults] == ["to[0]", "from_", "max_parts", "throttle"]
        with pytest.raises(SinchValidationError, match="throttle_key: has no effect without throttle"):
            SinchSmsNotifier(to=ANN, throttle_key="k")

    def test_a_misspelt_argument_is_refused(self):
        with pytest.raises(TypeError, match="bodi"):
            SinchSmsNotifier(to=ANN, bodi="Hi")

    def test_templates_wait_until_they_are_rendered(self):
        SinchSmsNotifier(to="{{ params.to }}", from_="{{ params.from_ }}")

    def test_the_function_is_the_class(self):
        assert send_sinch_sms_notification is SinchSmsNotifier
