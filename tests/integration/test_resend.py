"""Resending to those who failed, in a real Airflow."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pendulum
import pytest
from airflow.providers.common.compat.sdk import DAG, AirflowException, task

from sinch_provider.operators.campaign import SinchCampaignOperator
from sinch_provider.operators.resend import SinchResendFailedOperator
from sinch_provider.sms.campaign.window import SendWindow
from sinch_provider.sms.errors import SinchValidationError
from sinch_provider.sms.runtime import utcnow
from tests.integration.conftest import result_of, state_of

START = pendulum.datetime(2026, 1, 1, tz="UTC")
#: Two phones are off, one has a full memory, one number is nobody's, one text may have arrived.
GUESTS = [
    {"phone": "+447700900222", "name": "Maria"},
    {"phone": "+447700900153", "name": "Johan"},
    {"phone": "+447700900158", "name": "Anna"},
    {"phone": "+447700900150", "name": "Lukasz"},
    {"phone": "+447700900902", "name": "Eva"},
]
FIRST = Counter(
    {("222", "Hi Maria!"): 1, ("153", "Hi Johan!"): 1, ("158", "Hi Anna!"): 1}
    | {("150", "Hi Lukasz!"): 1, ("902", "Hi Eva!"): 1}
)
AGAIN = FIRST + Counter([("153", "Hi Johan!"), ("158", "Hi Anna!")])


def received(sandbox: Any) -> Counter[tuple[str, str]]:
    return Counter((message["to"][-3:], message["body"]) for message in sandbox.messages())


def morning_after(sandbox: Any, campaign: Any, **arguments: Any) -> SinchResendFailedOperator:
    """A task that lets a minute pass, and one that resends."""

    @task
    def night() -> None:
        sandbox.advance(60)

    resend = SinchResendFailedOperator(task_id="resend", campaign=campaign.output, **arguments)
    campaign >> night() >> resend
    return resend


def remind(**arguments: Any) -> SinchCampaignOperator:
    return SinchCampaignOperator(
        task_id="remind", number_column="phone", body="Hi ${name}!", rows=GUESTS, **arguments
    )


def test_those_whose_failure_may_have_passed(run_dag, sinch_default):
    with DAG("again", start_date=START, schedule=None) as dag:
        morning_after(sinch_default, remind())
    run = run_dag(dag)
    assert run.state == "success"
    assert received(sinch_default) == AGAIN
    summary = result_of(run, "resend")
    campaign = result_of(run, "remind")
    assert summary.pop("reference") not in {None, campaign["reference"]}
    assert summary == {
        "campaign": campaign["reference"],
        "kinds": {"delivered": 1, "temporary": 2, "permanent": 1, "unknown": 1},
        "people": 2,
        "parts": 2,
        "cost": None,
        "excluded": 0,
        "not_allowed": 0,
        "refused": 0,
        "without_hour": 0,
        "reached": 2,
        "reached_before": 0,
        "batches": 1,
    }


class Interrupted(SinchResendFailedOperator):
    """Its first attempt fails after it has sent."""

    def execute(self, context: Any) -> Any:
        summary = super().execute(context)
        if context["ti"].try_number == 1:
            raise AirflowException("the worker was lost")
        return summary


def test_a_retry_texts_nobody_again(run_dag, sinch_default):
    with DAG("retried", start_date=START, schedule=None) as dag:
        campaign = remind()

        @task
        def night() -> None:
            sinch_default.advance(60)
            sinch_default.fault("lost_reply", "send", when="after")

        again = Interrupted(task_id="resend", campaign=campaign.output, retries=1, retry_delay=0.01)
        campaign >> night() >> again
    run = run_dag(dag)
    assert state_of(run, "resend") == ("success", 2)
    assert received(sinch_default) == AGAIN
    summary = result_of(run, "resend")
    assert (summary["reached_before"], summary["reached"], summary["batches"]) == (2, 2, 1)


def test_by_reference_and_round_after_round(run_dag, sinch_default):
    with DAG("rounds", start_date=START, schedule=None) as dag:
        first = morning_after(sinch_default, remind())

        @task
        def second_night() -> None:
            sinch_default.advance(60)

        again = SinchResendFailedOperator(
            task_id="again",
            campaign="{{ ti.xcom_pull(task_ids='resend')['reference'] }}",
            max_recipients=2,
        )
        first >> second_night() >> again
    run = run_dag(dag)
    assert run.state == "success"
    assert received(sinch_default) == AGAIN + Counter([("153", "Hi Johan!"), ("158", "Hi Anna!")])
    assert result_of(run, "again")["campaign"] == result_of(run, "resend")["reference"]


@pytest.mark.parametrize("source", ["rows", "file"])
def test_whoever_has_opted_out_meanwhile_is_left_out(run_dag, sinch_default, tmp_path, source):
    (tmp_path / "stop.csv").write_text("phone\n+44 7700 900153\n")
    exclude: Any = ["+44 7700 900153"] if source == "rows" else f"file://{tmp_path / 'stop.csv'}"
    with DAG("stop", start_date=START, schedule=None) as dag:
        morning_after(sinch_default, remind(), exclude=exclude)
    assert run_dag(dag).state == "success"
    assert received(sinch_default) == FIRST + Counter([("158", "Hi Anna!")])


def test_exclusions_that_cannot_be_read_keep_everything_from_being_sent(run_dag, sinch_default, tmp_path):
    with DAG("stop", start_date=START, schedule=None) as dag:
        morning_after(sinch_default, remind(), exclude=f"file://{tmp_path / 'nowhere.csv'}")
    assert run_dag(dag).state == "failed"
    assert received(sinch_default) == FIRST


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_cap(run_dag, sinch_default, dry_run):
    with DAG("capped", start_date=START, schedule=None) as dag:
        morning_after(sinch_default, remind(), max_recipients=1, dry_run=dry_run)
    assert run_dag(dag).state == "failed"
    assert received(sinch_default) == FIRST


def test_a_dry_run_only_counts(run_dag, sinch_default):
    with DAG("dry", start_date=START, schedule=None) as dag:
        morning_after(sinch_default, remind(), dry_run=True, prices={"GB": 0.04})
    run = run_dag(dag)
    summary = result_of(run, "resend")
    assert (summary["people"], summary["reached"], summary["reference"]) == (2, 0, None)
    assert summary["cost"] == "0.08"
    assert received(sinch_default) == FIRST


@pytest.mark.parametrize(
    ("on_empty", "state"), [("succeed", "success"), ("skip", "skipped"), ("fail", "failed")]
)
def test_nobody_failed(run_dag, sinch_default, on_empty, state):
    with DAG("empty", start_date=START, schedule=None) as dag:
        morning_after(sinch_default, remind(), temporary_codes=[13], on_empty=on_empty)
    run = run_dag(dag)
    assert state_of(run, "resend")[0] == state
    assert received(sinch_default) == FIRST


def test_mapped_over_campaigns(run_dag, sinch_default):
    with DAG("tenants", start_date=START, schedule=None) as dag:
        one = remind(send_key="one")
        two = SinchCampaignOperator(
            task_id="two", number_column="phone", body="Hej ${name}!", rows=GUESTS[:2], send_key="two"
        )

        @task
        def night(one: Any, two: Any) -> list[Any]:
            sinch_default.advance(60)
            return [one, two]

        SinchResendFailedOperator.partial(task_id="resend").expand(campaign=night(one.output, two.output))
    assert run_dag(dag).state == "success"
    second = Counter({("222", "Hej Maria!"): 1, ("153", "Hej Johan!"): 2})
    assert received(sinch_default) == AGAIN + second


@pytest.mark.usefixtures("noon")
def test_the_window_is_asked_again(run_dag, sinch_default):
    began = utcnow()
    with DAG("night", start_date=START, schedule=None) as dag:
        morning_after(sinch_default, remind(), window=SendWindow("08:00", "09:00"))
    run = run_dag(dag)
    assert run.state == "success"
    assert received(sinch_default) == AGAIN
    assert timedelta(hours=18) < utcnow() - began < timedelta(hours=22)
    newest = max(sinch_default.batches(), key=lambda batch: batch["id"])
    assert newest["expire_at"][11:16] in {"08:00", "09:00"}
    assert result_of(run, "resend")["reached"] == 2


def test_whoever_got_another_campaign_meanwhile_is_left_out(run_dag, sinch_default):
    with DAG("others", start_date=START, schedule=None) as dag:
        other = SinchCampaignOperator(task_id="other", rows=["+447700900153"], body="Call us")
        other >> morning_after(sinch_default, remind(), exclude_campaign=other.output)
    assert run_dag(dag).state == "success"
    assert received(sinch_default) == FIRST + Counter([("158", "Hi Anna!"), ("153", "Call us")])


def test_a_reference_without_batches_is_refused(run_dag, sinch_default):
    with DAG("unknown", start_date=START, schedule=None) as dag:
        SinchResendFailedOperator(task_id="resend", campaign="af-nothing")
    assert run_dag(dag).state == "failed"


def test_a_campaign_that_sent_nothing_has_no_failures(run_dag, sinch_default):
    with DAG("nothing", start_date=START, schedule=None) as dag:
        morning_after(sinch_default, remind(dry_run=True))
    run = run_dag(dag)
    assert run.state == "success"
    assert result_of(run, "resend")["reached"] == 0


def test_a_refused_batch_fails_the_task(run_dag, sinch_default):
    with DAG("refused", start_date=START, schedule=None) as dag:
        campaign = remind()

        @task
        def night() -> None:
            sinch_default.advance(60)
            sinch_default.configure(text_limit=5)

        resend = SinchResendFailedOperator(task_id="resend", campaign=campaign.output, retries=3)
        campaign >> night() >> resend
    run = run_dag(dag)
    assert state_of(run, "resend") == ("failed", 1)
    assert received(sinch_default) == FIRST


def test_nothing_personal_is_shown(run_dag, sinch_default, shown):
    with DAG("private", start_date=START, schedule=None) as dag:
        morning_after(sinch_default, remind(), exclude=["+447700900158"])
    assert run_dag(dag).state == "success"
    said = shown()
    assert "2 people of the campaign failed for a passing reason" in said
    for secret in ("900222", "900153", "900158", "Maria", "Johan"):
        assert secret not in said


@pytest.mark.parametrize(
    ("arguments", "fields"),
    [
        ({"campaign": ""}, ["campaign"]),
        ({"campaign": {"sent": 5}}, ["campaign"]),
        (
            {"exclude_sql": "select 1", "exclude_max_age": 5},
            ["exclude_conn_id", "exclude_max_age"],
        ),
        ({"window": "9 to 5"}, ["window"]),
        ({"temporary_codes": ["153"], "max_recipients": -1}, ["max_recipients", "temporary_codes"]),
        ({"on_empty": "x", "rate": 0, "max_in_flight": 0}, ["on_empty", "max_in_flight", "rate"]),
    ],
)
def test_wrong_arguments_are_refused_when_the_dag_is_parsed(arguments: Any, fields: list[str]) -> None:
    with pytest.raises(SinchValidationError) as caught:
        SinchResendFailedOperator(**{"task_id": "resend", "campaign": "af-x", **arguments})
    assert [fault.field for fault in caught.value.faults] == fields
