"""What users write. mypy must accept all of it; see ``test_typing.py``."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import DAG, Context, TaskGroup, XComArg, task

from sinch_provider.hooks.sinch import SinchHook
from sinch_provider.operators.batches import (
    SinchCancelBatchOperator,
    SinchDeliveryFeedbackOperator,
    SinchDryRunBatchOperator,
    SinchReplaceBatchOperator,
    SinchSendBatchOperator,
    SinchUpdateBatchOperator,
)
from sinch_provider.sensors.batches import SinchBatchSensor
from sinch_provider.sms.aio import AsyncSinchClient
from sinch_provider.sms.client import SinchClient
from sinch_provider.sms.models import Batch, BatchDeliveryReport, DryRun
from sinch_provider.triggers.batches import SinchBatchTrigger

MARIA = "+447700900222"


@task
def people() -> list[str]:
    return [MARIA]


@task
def text() -> str:
    return "Hi"


def tell(context: Context) -> None: ...


with (
    DAG("good", default_args={"retries": 2, "sinch_conn_id": "sinch_staging"}) as dag,
    TaskGroup("sms") as group,
):
    # Recipients: a list, a tuple, a set, text, a whole number, outputs, rows of a query.
    for to in ([MARIA], (MARIA,), {MARIA}, f"{MARIA}, {MARIA}", 447700900222):
        SinchSendBatchOperator(task_id="send", to=to, body="Hi")
    send = SinchSendBatchOperator(task_id="send", to=people(), body=text())
    SinchSendBatchOperator(task_id="send", to=[people(), send.output, MARIA, 447700900222], body="Hi")
    SinchSendBatchOperator(task_id="send", to=[(MARIA,), (447700900222,)], body="Hi")
    SinchSendBatchOperator(task_id="send", to="{{ params.to }}", body="reminder.txt")

    # Every parameter of a message, and of sending and waiting.
    SinchSendBatchOperator(
        task_id="send",
        to=[MARIA],
        body="Hi ${name}",
        from_="Bistro",
        delivery_report="full",
        parameters={"name": {MARIA: "Maria", "default": "there"}},
        type_="mt_text",
        send_at=datetime(2026, 1, 1, tzinfo=UTC),
        expire_at="{{ (dag_run.start_date + macros.timedelta(hours=8)).isoformat() }}",
        callback_url="https://example.test",
        client_reference="nightly",
        feedback_enabled=True,
        flash_message=False,
        truncate_concat=None,
        max_number_of_message_parts=3,
        from_ton=1,
        from_npi=1,
        udh=None,
        strict_validation=None,
        sinch_conn_id="sinch_default",
        wait_for_completion=True,
        deferrable=True,
        poll_interval=timedelta(seconds=30),
        max_failed=0.1,
        min_delivered=0.9,
        cancel_on_kill=True,
        durable=True,
        send_key="{{ run_id }}",
        on_clear="adopt",
        hold=timedelta(minutes=5),
    )

    # Airflow's own arguments.
    SinchSendBatchOperator(
        task_id="send",
        to=[MARIA],
        body="Hi",
        retries=3,
        retry_delay=timedelta(minutes=1),
        retry_exponential_backoff=2.0,
        on_failure_callback=tell,
        on_success_callback=[tell],
        default_args={"owner": "team"},
        execution_timeout=timedelta(hours=1),
        trigger_rule="all_done",
        pool="sms",
        dag=dag,
        task_group=group,
        doc_md="Sends.",
        params={"to": MARIA},
        do_xcom_push=True,
        map_index_template="{{ task.client_reference }}",
    )

    # Outputs in parameters, and a picture.
    SinchSendBatchOperator(
        task_id="send", to=[MARIA], body="Hi ${name}", parameters={"name": {"default": text(), MARIA: 5}}
    )
    SinchSendBatchOperator(
        task_id="send", to=[MARIA], body="Hi", parameters=people(), client_reference=text()
    )
    SinchSendBatchOperator(
        task_id="send", to=[MARIA], body={"url": "https://example.test/a.png"}, type_="mt_media"
    )

    # The other verbs, with the id of another task, of a mapped one too.
    mapped = SinchSendBatchOperator.partial(task_id="mapped", body="Hi").expand(to=people())
    SinchDryRunBatchOperator(task_id="count", to=people(), body="Hi", per_recipient=True, retries=1)
    SinchUpdateBatchOperator(task_id="update", batch_id=send.output, to_add=people(), body="Later.")
    SinchReplaceBatchOperator(task_id="replace", batch_id=send.output, to=[MARIA], body="Later.")
    SinchCancelBatchOperator(task_id="cancel", batch_id="{{ params.batch_id }}", fail_if_dispatched=True)
    SinchDeliveryFeedbackOperator(task_id="feedback", batch_id=send.output, recipients=people())

    # The sensor: one batch or several.
    for batch_id in (
        "a",
        "a, b",
        "{{ params.batch_id }}",
        ["a", "b"],
        ("a", "b"),
        send.output,
        mapped.output,
    ):
        SinchBatchSensor(task_id="wait", batch_id=batch_id)
    SinchBatchSensor(task_id="wait", batch_id=[send.output, "a"])
    SinchBatchSensor(
        task_id="wait",
        batch_id=mapped.output,
        max_failed=0.5,
        min_delivered=0.5,
        deferrable=True,
        sinch_conn_id="sinch_default",
        poke_interval=30,
        timeout=timedelta(hours=3),
        mode="reschedule",
        soft_fail=True,
        exponential_backoff=True,
        retries=3,
    )
    SinchBatchTrigger(batch_ids=["a"], sinch_conn_id="sinch_default", poll_interval=5, cancel_on_kill=True)


class GreetOperator(SinchSendBatchOperator):
    """A subclass that passes on what it does not know."""

    def __init__(self, *, name: str, **kwargs: Any) -> None:
        super().__init__(body=f"Hi {name}", **kwargs)


GreetOperator(task_id="greet", name="Maria", to=[MARIA], retries=1)


def through_the_hook(hook: SinchHook) -> object:
    sent: Batch = hook.batches.send(to=[MARIA], body="Hi", send_at=datetime(2026, 1, 1, tzinfo=UTC))
    counted: DryRun = hook.batches.send_dry_run(to=MARIA, body="Hi", per_recipient=True)
    changed: Batch = hook.batches.update(sent.id, to_add=[MARIA], body=None)
    replaced: Batch = hook.batches.replace(sent.id, to=[MARIA], body={"url": "https://example.test/a.png"})
    canceled: Batch = hook.batches.cancel(batch_id=sent.id)
    hook.batches.send_delivery_feedback(sent.id, recipients=[])
    report: BatchDeliveryReport = hook.delivery_reports.get(sent.id, report_type="full", code=[400, "401"])
    hook.delivery_reports.get_for_number(sent.id, MARIA)
    ids: list[str] = [batch.id for batch in hook.batches.list(from_="Bistro", page_size=10)]
    return counted, changed, replaced, canceled, report, ids


async def without_blocking(client: AsyncSinchClient) -> object:
    sent: Batch = await client.batches.send(to=[MARIA], body="Hi")
    ids: list[str] = [batch.id async for batch in await client.batches.list()]
    return sent, ids


def on_the_class(client: SinchClient) -> Batch:
    return type(client.batches).send(client.batches, to=[MARIA], body="Hi")


def output(argument: XComArg) -> None:
    SinchBatchSensor(task_id="wait", batch_id=argument)
