"""What becomes of an operator's fields on their way to the phone: rendered, read by users' code, stored."""

from __future__ import annotations

import json
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import DAG, task

from sinch_provider.operators.batches import (
    SinchDeliveryFeedbackOperator,
    SinchDryRunBatchOperator,
    SinchReplaceBatchOperator,
    SinchSendBatchOperator,
    SinchUpdateBatchOperator,
)
from sinch_provider.task.failures import SinchTaskFailed
from tests.integration.conftest import RETRIES, state_of, stored_of, texts
from tests.versions import TASK, needs, task_of

MARIA, ANNA, LARS = "+447700900222", "+447700900333", "+447700900555"
BATCH_ID = "01J8ZC4M7T2Q9KX5RVBW3NHYDP"


class WithFooter(SinchSendBatchOperator):
    """What users write: a text put together from a rendered field."""

    def execute(self, context: Any) -> str:
        self.body = f"{self.body} Reply STOP to opt out."
        return super().execute(context)


class TestFieldsAreValues:
    """Users' code reads texts and lists; only what Airflow stores is hidden."""

    def test_for_subclasses_hooks_callbacks_and_other_templates(self, run_dag, sinch_default):
        seen = {}

        def before(context):
            seen["pre_execute"] = (task_of(context).body, list(task_of(context).to))
            task_of(context).body = f"[hook] {task_of(context).body}"

        def after(context):
            seen["on_success"] = (task_of(context).body, task_of(context).parameters)

        with DAG("values") as dag:
            WithFooter(
                task_id="send",
                to=["{{ '+447700900222' }}"],
                body="{{ 'Meet' }} ${at}",
                parameters={"at": {"default": "{{ 'noon' }}"}},
                from_="{{ 'Bistro' }}",
                client_reference=f"{{{{ {TASK}.from_ }}}}-{{{{ {TASK}.body }}}}-{{{{ {TASK}.to[0] }}}}",
                pre_execute=before,
                on_success_callback=after,
            )
        run = run_dag(dag)
        assert run.state == "success"
        assert texts(sinch_default) == {"222": "[hook] Meet noon Reply STOP to opt out."}
        assert sinch_default.batches()[0]["client_reference"] == "Bistro-Meet ${at}-+447700900222"
        assert seen == {
            "pre_execute": ("Meet ${at}", ["+447700900222"]),
            "on_success": (
                "[hook] Meet ${at} Reply STOP to opt out.",
                {"at": {"default": "noon"}},
            ),
        }
        [stored] = stored_of(run)
        assert stored["body"] == "<hidden: 10 characters>"
        assert stored["to"] == stored["parameters"] == "<hidden: 1 entries>"
        assert stored["sinch_conn_id"] == "sinch_default"
        assert stored["udh"] is None

    @needs(3, 0, what="fields stored again after the execution")
    def test_for_mapped_tasks_and_when_they_are_stored_again_at_the_end(self, run_dag, sinch_default):
        class Rewritten(WithFooter):
            overwrite_rtif_after_execution = True

        @task(show_return_value_in_logs=False)
        def audiences():
            return [{"to": [MARIA], "body": "A {{ dag.dag_id }}"}, {"to": [ANNA], "body": "B"}]

        with DAG("mapped_values") as dag:
            Rewritten.partial(task_id="send").expand_kwargs(audiences())
        run = run_dag(dag)
        assert run.state == "success"
        assert texts(sinch_default) == {
            "222": "A mapped_values Reply STOP to opt out.",
            "333": "B Reply STOP to opt out.",
        }
        stored = [fields for fields in stored_of(run) if "body" in fields]
        assert {fields["body"] for fields in stored} == {"<hidden: 38 characters>", "<hidden: 24 characters>"}
        assert "77009" not in json.dumps(stored)

    @pytest.mark.parametrize(
        "make",
        [
            lambda to: SinchDryRunBatchOperator(task_id="t", to=to, body="{{ 'Hi' }}"),
            lambda to: SinchReplaceBatchOperator(task_id="t", batch_id=BATCH_ID, to=to, body="{{ 'Hi' }}"),
            lambda to: SinchUpdateBatchOperator(task_id="t", batch_id=BATCH_ID, to_add=to, body="{{ 'Hi' }}"),
            lambda to: SinchDeliveryFeedbackOperator(task_id="t", batch_id=BATCH_ID, recipients=to),
        ],
    )
    def test_of_every_operator(self, run_dag, make):
        read: dict[str, Any] = {}
        with DAG("every") as dag:
            operator = make("{{ '+447700900222' }}")
            name = next(iter(operator.private_fields))
            operator.pre_execute = lambda context: read.update(value=getattr(task_of(context), name))
        [stored] = stored_of(run_dag(dag))
        assert read == {"value": MARIA}
        assert stored[name] == "<hidden: 13 characters>"

    def test_what_stands_for_a_hidden_value_is_not_sent(self, sinch_default):
        operator = SinchSendBatchOperator(task_id="send", to=[MARIA], body="Hi")
        operator.body = "<hidden: 12 characters> Reply STOP to opt out."
        with pytest.raises(SinchTaskFailed, match="body: must not contain the placeholder of a hidden value"):
            operator.execute({})
        assert sinch_default.calls() == {}


class TestTextsStayAsWritten:
    @pytest.mark.parametrize("body", ["0000", "12 # disk full", "'a' 'b'", "1_000", "0x1F", "Bye\n", "9.90"])
    @pytest.mark.parametrize("native", [True, False])
    def test_without_a_template_in_them(self, run_dag, sinch_default, body, native):
        with DAG("written", render_template_as_native_obj=native) as dag:
            SinchSendBatchOperator(
                task_id="send",
                to=[MARIA],
                body=body + "${price}",
                parameters={"price": {"default": "9.90"}},
            )
        assert run_dag(dag).state == "success"
        assert texts(sinch_default) == {"222": body + "9.90"}

    def test_as_templates_of_a_dag_that_renders_objects(self, run_dag, sinch_default):
        with DAG("objects", render_template_as_native_obj=True, params={"pin": "0042"}) as dag:
            SinchSendBatchOperator(
                task_id="send",
                to="{{ ['+447700900222'] + ['+447700900333'] }}",
                body="{{ params.pin }}",
                client_reference="{{ '007' }}",
                send_at="{{ dag_run.start_date }}",
                from_="{{ '01234' }}",
                send_key="{{ '1' }}",
            )
            SinchSendBatchOperator(
                task_id="personal",
                to=[LARS],
                body="${pin}",
                parameters="{{ {'pin': {'default': params.pin}} }}",
            )
            SinchDryRunBatchOperator(
                task_id="dry",
                to=["{{ '+447700900222' }}"],
                body="${a}",
                parameters={"a": {"default": "{{ '9.90' }}"}},
            )
        assert run_dag(dag).state == "success"
        assert texts(sinch_default) == {"222": "0042", "333": "0042", "555": "0042"}
        assert "007" in {batch["client_reference"] for batch in sinch_default.batches()}
        assert {message["from"] for message in sinch_default.messages()} >= {"01234"}

    def test_and_other_marks_that_a_dag_gives_jinja_are_honoured(self, run_dag, sinch_default):
        marks = {"variable_start_string": "[[", "variable_end_string": "]]"}
        with DAG("marks", jinja_environment_kwargs=marks) as dag:
            SinchSendBatchOperator(task_id="send", to=[MARIA], body="Hi [[ dag.dag_id ]]")
        run_dag(dag)
        assert texts(sinch_default) == {"222": "Hi marks"}


class TestFoundNothing:
    """A template without a value is refused in every field."""

    @pytest.mark.parametrize(
        ("arguments", "field"),
        [
            ({"body": "{{ none }}"}, "body"),
            ({"from_": "{{ none }}"}, "from_"),
            ({"callback_url": "{{ none }}"}, "callback_url"),
            ({"send_at": "{{ none }}"}, "send_at"),
            ({"delivery_report": "{{ none }}"}, "delivery_report"),
            ({"send_key": "{{ none }}"}, "send_key"),
            ({"to": ["{{ none }}"]}, "to"),
            (
                {"body": "${a}", "parameters": {"a": {MARIA: "{{ params.name }}", "default": "x"}}},
                "parameters",
            ),
            ({"body": "${a}", "parameters": {"a": {"default": "{{ ti.xcom_pull('gone') }}"}}}, "parameters"),
            (
                {"type_": "mt_media", "body": {"url": "https://m.test/a", "message": "{{ params.name }}"}},
                "body",
            ),
            ({"type_": "mt_binary", "body": "QQ==", "udh": "{{ none }}"}, "udh"),
        ],
    )
    @pytest.mark.parametrize("native", [False, True])
    def test_in_any_field(self, run_dag, sinch_default, shown, arguments, field, native):
        with DAG(
            "nothing", default_args=RETRIES, params={"name": None}, render_template_as_native_obj=native
        ) as dag:
            SinchSendBatchOperator(task_id="send", **{"to": [MARIA], "body": "Hi", **arguments})
        run = run_dag(dag)
        assert state_of(run, "send") == ("failed", 1)
        assert f"  {field}: must not come from a template that found no value" in shown()
        assert sinch_default.calls() == {}

    def test_in_another_tasks_output_inside_a_field(self, run_dag, sinch_default, shown):
        @task
        def name():
            return None

        with DAG("none") as dag:
            SinchSendBatchOperator(
                task_id="send",
                to=[MARIA],
                body={"url": "https://m.test/a", "message": name()},
                type_="mt_media",
            )
        assert state_of(run_dag(dag), "send") == ("failed", 1)
        assert "body: must not come from" in shown()
        assert sinch_default.calls() == {}

    def test_a_person_may_be_called_none(self, run_dag, sinch_default):
        with DAG("mr_none") as dag:
            SinchSendBatchOperator(
                task_id="send",
                to=[MARIA],
                body="Hi ${a}!",
                parameters={"a": {MARIA: "None", "default": "you"}},
            )
        run_dag(dag)
        assert texts(sinch_default) == {"222": "Hi None!"}

    @pytest.mark.parametrize("body", ["{{ '' }}", " {{ '' }} ", "{% if false %}Hi{% endif %}"])
    def test_a_text_with_nothing_to_read_in_it_is_refused(self, run_dag, sinch_default, body):
        with DAG("blank_body", default_args=RETRIES) as dag:
            SinchSendBatchOperator(task_id="send", to=[MARIA], body=body)
        assert state_of(run_dag(dag), "send") == ("failed", 1)
        assert sinch_default.calls() == {}

    def test_optional_fields_that_render_blank_are_left_out(self, run_dag, sinch_default):
        blank = "{{ params.x or '' }}"
        with DAG("left_out", params={"x": None}) as dag:
            SinchSendBatchOperator(
                task_id="send",
                to=[MARIA],
                body="Hi",
                from_=blank,
                send_at=blank,
                expire_at=blank,
                callback_url=blank,
                client_reference=blank,
                udh=blank,
                delivery_report=blank,
            )
        assert run_dag(dag).state == "success"
        assert texts(sinch_default) == {"222": "Hi"}


class TestExecutedElsewhere:
    """Airflow renders the tasks it runs, not the operators that other code executes."""

    def test_in_a_task(self, run_dag, sinch_default):
        @task
        def alert():
            from airflow.providers.common.compat.sdk import get_current_context

            SinchSendBatchOperator(
                task_id="inner", to=[MARIA], body="{{ ti.task_id }} of {{ dag.dag_id }}", from_="{{ 'Ops' }}"
            ).execute(get_current_context())

        with DAG("nested") as dag:
            alert()
        assert run_dag(dag).state == "success"
        assert texts(sinch_default) == {"222": "alert of nested"}

    def test_in_callbacks_of_several_tasks(self, run_dag, sinch_default):
        # One operator for all callbacks, which run in one process here.
        alert = SinchSendBatchOperator(
            task_id="alert", to="{{ params[ti.task_id] }}", body="{{ ti.task_id }}", from_="Ops"
        )

        def call(context):
            alert.execute(context)

        with DAG("callbacks", params={"first": MARIA, "second": ANNA}) as dag:

            @task(on_failure_callback=call)
            def first():
                raise ValueError

            @task(on_failure_callback=call)
            def second():
                raise ValueError

            first()
            second()
        run_dag(dag)
        assert texts(sinch_default) == {"222": "first", "333": "second"}

    @pytest.mark.parametrize("body", ["Hi {{ name }}", "Hi {% if x %}"])
    def test_a_template_that_is_left_is_not_sent(self, sinch_default, body):
        operator = SinchSendBatchOperator(task_id="send", to=[MARIA], body="Hi")
        operator.render_template_fields({})
        operator.body = body
        with pytest.raises(SinchTaskFailed, match="body: must not contain a template that was not rendered"):
            operator.execute({})
        assert sinch_default.calls() == {}


class TestBodiesInFiles:
    @pytest.fixture
    def folder(self, tmp_path):
        (tmp_path / "reminder.txt").write_text("See you {{ params.at }}, ${name}.\n")
        return tmp_path

    @pytest.mark.parametrize("native", [False, True])
    def test_hold_the_text(self, run_dag, sinch_default, folder, native):
        with DAG(
            "file",
            template_searchpath=str(folder),
            params={"at": "19:30"},
            render_template_as_native_obj=native,
        ) as dag:
            SinchSendBatchOperator(
                task_id="send", to=[MARIA], body="reminder.txt", parameters={"name": {"default": "Maria"}}
            )
            SinchSendBatchOperator.partial(
                task_id="mapped", body="reminder.txt", parameters={"name": {"default": "you"}}
            ).expand(to=[ANNA])
        assert run_dag(dag).state == "success"
        assert texts(sinch_default) == {"222": "See you 19:30, Maria.", "333": "See you 19:30, you."}

    def test_that_are_missing_are_not_sent_by_name(self, run_dag, sinch_default, shown):
        with DAG("no_file") as dag:
            SinchSendBatchOperator(task_id="send", to=[MARIA], body="remainder.txt")
        assert state_of(run_dag(dag), "send") == ("failed", 1)
        assert "body cannot be rendered (TemplateNotFound" in shown()
        assert sinch_default.calls() == {}

    def test_are_bodies_and_nothing_else(self, run_dag, sinch_default, folder, shown):
        with DAG("no_list", template_searchpath=str(folder)) as dag:
            SinchSendBatchOperator(task_id="send", to="{{ 'reminder.txt' }}", body="Hi")
            SinchSendBatchOperator(
                task_id="named",
                to=[MARIA],
                body="Read notes.txt",
                from_="shop.txt",
                client_reference="reminder.txt",
            )
        run_dag(dag)
        [batch] = sinch_default.batches()
        assert (batch["client_reference"], batch["from"]) == ("reminder.txt", "shop.txt")
        assert texts(sinch_default) == {"222": "Read notes.txt"}
        assert "to[0]: must be an international phone number" in shown()


class TestRecipientsFromOtherTasks:
    def test_rows_and_lists_of_several_tasks(self, run_dag, sinch_default):
        @task(show_return_value_in_logs=False)
        def rows():
            return [(MARIA,), (ANNA,)]

        @task(show_return_value_in_logs=False)
        def one(number):
            return number

        with DAG("several") as dag:
            SinchSendBatchOperator(task_id="to_rows", to=rows(), body="rows")
            SinchSendBatchOperator(
                task_id="lists", to=[one("+447700900666"), one.expand(number=[LARS])], body="lists"
            )
        assert run_dag(dag).state == "success"
        assert texts(sinch_default) == {"222": "rows", "333": "rows", "555": "lists", "666": "lists"}

    @needs(3, 0, what="an empty list as the output of nothing mapped")
    @pytest.mark.parametrize("nested", [False, True])
    def test_nobody_at_all_is_said_in_words(self, run_dag, sinch_default, shown, nested):
        @task
        def nobody():
            return []

        @task
        def one(number):
            return number

        with DAG(f"empty_{nested}") as dag:
            numbers = one.expand(number=nobody())
            SinchSendBatchOperator(
                task_id="send", to=[numbers] if nested else numbers, body="Hi", trigger_rule="all_done"
            )
        assert state_of(run_dag(dag), "send") == ("failed", 1)
        assert "to: must name at least one recipient (got no recipients)" in (output := shown())
        assert "LazyXComSequence" not in output.split("1 fault")[-1]
        assert sinch_default.calls() == {}
