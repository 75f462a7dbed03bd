"""Campaigns where people are texted twice, or not at all, if something is taken for granted."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import DAG, task

from sinch_provider.operators.campaign import Canary, SendWindow, SinchCampaignOperator
from sinch_provider.sms.errors import SinchValidationError
from tests.integration.conftest import result_of, states_of
from tests.integration.test_campaign_pace import START, UK, campaign, received
from tests.versions import needs_task_state


@pytest.mark.usefixtures("noon")
class TestAgain:
    def test_executed_twice_in_a_task(self, run_dag, sinch_default):
        with DAG("twice", start_date=START, schedule=None) as dag:

            @task
            def outer(**context):
                for _ in range(2):
                    campaign(rows=UK[:3], send_key="a").execute(context)

            outer()
        assert run_dag(dag).state == "success"
        assert received(sinch_default) == Counter(UK[:3])

    def test_executed_again_after_an_error(self, run_dag, sinch_default):
        sinch_default.configure(text_limit=10)
        rows = [{"number": each, "language": "long" if each in UK[:2] else "short"} for each in UK[:5]]
        with DAG("caught", start_date=START, schedule=None) as dag:

            @task
            def outer(**context):
                operator = campaign(
                    rows=rows,
                    number_column="number",
                    language_column="language",
                    bodies={"short": "Hi!", "long": "Good morning!"},
                    body=None,
                    send_key="a",
                )
                for _ in range(2):
                    try:
                        operator.execute(context)
                    except Exception:
                        continue

            outer()
        run_dag(dag)
        assert received(sinch_default) == Counter(UK[2:5])

    def test_mapped_items_with_the_same_key(self, run_dag, sinch_default):
        with DAG("mapped", start_date=START, schedule=None) as dag:
            SinchCampaignOperator.partial(
                task_id="remind", body="Hi!", send_key="same", max_active_tis_per_dag=1
            ).expand(rows=[UK[:3], UK[1:5]])
        assert run_dag(dag).state == "success"
        assert received(sinch_default) == Counter(UK[:5])


class TestExclusionsThatAreMissing:
    @pytest.mark.parametrize("field", ["exclude", "exclude_campaign", "exclude_sql", "exclude_conn_id"])
    def test_another_task_found_none(self, run_dag, sinch_default, field):
        with DAG("nothing", start_date=START, schedule=None) as dag:

            @task
            def nobody():
                return None

            given = {"exclude_sql": "select phone from gone"} if field == "exclude_conn_id" else {}
            given |= {"exclude_conn_id": "warehouse"} if field == "exclude_sql" else {}
            campaign(rows=UK[:3], **{**given, field: nobody()})
        assert run_dag(dag).state == "failed"
        assert sinch_default.batches() == []

    @pytest.mark.parametrize(
        "lines",
        ["+447700900200\n+447700900201\n", "phone\n07700 900200\n07700 900201\n", "phone,why\n1,2\n", ""],
    )
    def test_a_list_that_cannot_be_read(self, run_dag, sinch_default, tmp_path, lines):
        (tmp_path / "out.csv").write_text(lines)
        with DAG("unread", start_date=START, schedule=None) as dag:
            campaign(rows=UK[:3], exclude=f"file://{tmp_path / 'out.csv'}")
        assert run_dag(dag).state == "failed"
        assert sinch_default.batches() == []

    @pytest.mark.parametrize("rows", [[[UK[0]], [UK[1], UK[2]]], ["n/a", "-"]])
    def test_rows_of_another_form(self, run_dag, sinch_default, rows):
        with DAG("shapes", start_date=START, schedule=None) as dag:
            campaign(rows=UK[:3], exclude=rows)
        assert run_dag(dag).state == "failed"
        assert sinch_default.batches() == []

    def test_a_campaign_that_sinch_does_not_know(self, run_dag, sinch_default):
        with DAG("unknown_text", start_date=START, schedule=None) as dag:
            campaign(rows=UK[:3], exclude_campaign="af-nobody")
        assert run_dag(dag).state == "failed"
        assert sinch_default.batches() == []

    def test_blanks_around_a_reference_and_a_campaign_to_nobody(self, run_dag, sinch_default):
        with DAG("blanks", start_date=START, schedule=None) as dag:
            first = campaign(task_id="first", rows=UK[:2])
            empty = campaign(task_id="empty", rows=[], on_empty="succeed")
            second = campaign(
                task_id="second",
                rows=UK[:4],
                exclude_campaign=" {{ ti.xcom_pull('first')['reference'] }}",
            )
            third = campaign(task_id="third", rows=UK[4:6], exclude_campaign=empty.output)
            first >> second >> third
        assert run_dag(dag).state == "success"
        assert received(sinch_default) == Counter(UK[:6])

    def test_blank_arguments_are_refused_when_the_dag_is_parsed(self):
        with pytest.raises(SinchValidationError) as caught:
            campaign(rows=UK, exclude=" ", exclude_campaign="")
        assert [fault.field for fault in caught.value.faults] == ["exclude", "exclude_campaign"]


@pytest.mark.usefixtures("noon")
class TestCanary:
    def test_refused_numbers_are_drawn_no_more(self, run_dag, sinch_default):
        sinch_default.configure(refused_number=UK[0])
        with DAG("refused_canary", start_date=START, schedule=None) as dag:
            campaign(rows=UK, canary=Canary(15), max_invalid=1)
        assert run_dag(dag).state == "success"
        assert received(sinch_default) == Counter(UK[1:])

    def test_refused_numbers_do_not_hinder_the_wait(self, run_dag, sinch_default):
        sinch_default.configure(refused_number=UK[0])
        with DAG("refused_wait", start_date=START, schedule=None) as dag:
            campaign(rows=UK, wait_for_completion=True, max_invalid=1)
        assert run_dag(dag).state == "success"
        assert received(sinch_default) == Counter(UK[1:])

    def test_who_opts_out_after_the_draw_is_replaced(self, run_dag, sinch_default, monkeypatch, tmp_path):
        from sinch_provider.sms.campaign import entry, selection

        out = tmp_path / "out.csv"
        out.write_text(f"phone\n{UK[0]}\n")
        drawn: list[str] = []
        draw = selection.sample

        def sample(*given: Any) -> frozenset[str]:
            found = draw(*given)
            if not drawn:
                drawn.append(next(iter(sorted(found))))
                out.write_text(f"phone\n{UK[0]}\n+{drawn[0]}\n")
            return found

        monkeypatch.setattr(entry, "sample", sample)
        with DAG("opted_out", start_date=START, schedule=None) as dag:
            campaign(rows=UK, canary=Canary(5), exclude=f"file://{out}", exclude_max_age=timedelta(0))
        assert run_dag(dag).state == "success"
        assert received(sinch_default) == Counter(set(UK) - {UK[0], f"+{drawn[0]}"})


class Vanishing(SinchCampaignOperator):
    """A campaign whose file has become empty whenever it goes on after a wait."""

    def resume(self, context: Any, event: Any = None) -> Any:
        Path(str(self.path).removeprefix("file://")).write_text("phone\n")
        return super().resume(context, event)


def guests(folder: Path, numbers: list[str]) -> str:
    """Write a file of guests; its address."""
    place = folder / "guests.csv"
    place.write_text("\n".join(["phone", *numbers]))
    return f"file://{place}"


@pytest.mark.usefixtures("noon")
class TestSourceThatIsGone:
    @pytest.mark.parametrize("on_empty", ["fail", "skip", "succeed"])
    def test_those_who_were_reached_count(self, run_dag, sinch_default, tmp_path, on_empty):
        path = guests(tmp_path, UK[:3])
        with DAG("vanishing", start_date=START, schedule=None) as dag:
            Vanishing(
                task_id="remind",
                body="Hi!",
                path=path,
                on_empty=on_empty,
                wait_for_completion=True,
            )
        run = run_dag(dag)
        assert run.state == "success"
        assert states_of(run) == {"remind": "success"}
        assert result_of(run, "remind")["reached"] == 3

    @pytest.mark.parametrize(
        ("on_empty", "state"), [("fail", "failed"), ("skip", "success"), ("succeed", "success")]
    )
    def test_those_who_were_left_count_too(self, run_dag, sinch_default, tmp_path, shown, on_empty, state):
        path = guests(tmp_path, UK)
        with DAG("left", start_date=START, schedule=None) as dag:
            Vanishing(task_id="remind", body="Hi!", path=path, on_empty=on_empty, canary=Canary(3))
        run = run_dag(dag)
        assert states_of(run) == {"remind": state}
        assert received(sinch_default).total() == 3
        if state == "success":
            # Whoever resends to the failed needs these.
            summary = result_of(run, "remind")
            assert summary["reference"]
            assert summary["reached"] == 3
        assert "The source has become empty while the task waited" in shown()

    def test_nobody_was_left(self, run_dag, sinch_default, tmp_path):
        path = guests(tmp_path, UK[:3])
        with DAG("all_of_them", start_date=START, schedule=None) as dag:
            Vanishing(task_id="remind", body="Hi!", path=path, canary=Canary(3))
        assert states_of(run_dag(dag)) == {"remind": "success"}

    def test_nobody_at_all_is_skipped(self, run_dag, sinch_default):
        with DAG("nobody", start_date=START, schedule=None) as dag:
            campaign(rows=[], on_empty="skip")
        assert states_of(run_dag(dag)) == {"remind": "skipped"}


@needs_task_state
def test_an_old_run_begins_now(run_dag, sinch_default, monkeypatch, noon):
    from sinch_provider.task import identity

    monkeypatch.setattr(identity, "since_of", lambda run: noon().subtract(days=40))
    with DAG("backfill", start_date=START, schedule=None) as dag:
        campaign(rows=UK[:3], wait_for_completion=True)
    assert run_dag(dag).state == "success"
    assert received(sinch_default) == Counter(UK[:3])


def test_an_error_of_a_database_quotes_nothing(run_dag, sinch_default, tmp_path, monkeypatch, shown):
    connection = {"conn_type": "sqlite", "host": str(tmp_path / "a.db")}
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps(connection))
    with DAG("driver", start_date=START, schedule=None) as dag:
        campaign(sql="select 1 from secret_name_of_a_guest", sql_conn_id="warehouse")
    assert run_dag(dag).state == "failed"
    told = shown()
    assert "secret_name_of_a_guest" not in told
    assert "The query of 'warehouse' failed (OperationalError)" in told


def test_a_window_that_has_closed_meanwhile_is_waited_for(run_dag, sinch_default, noon):
    began = noon()
    rows = [(each, "en" if place % 2 else "sv") for place, each in enumerate(UK)]
    with DAG("paced", start_date=START, schedule=None) as dag:
        # The first batch of ten takes its rate until a quarter to three.
        campaign(
            rows=[{"number": number, "language": language} for number, language in rows],
            number_column="number",
            language_column="language",
            bodies={"en": "Hi!", "sv": "Hej!"},
            body=None,
            window=SendWindow("09:00", "14:00"),
            rate=0.001,
            max_in_flight=1,
        )
    assert run_dag(dag).state == "success"
    assert received(sinch_default) == Counter(UK)
    assert noon() > began.add(hours=20)
    for batch in sinch_default.batches():
        assert datetime.fromisoformat(batch["created_at"]) < datetime.fromisoformat(batch["expire_at"])
