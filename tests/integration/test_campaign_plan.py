"""Plans: what was checked is what is sent, over tries, waits and tasks, and nothing of it stays behind."""

from __future__ import annotations

import json
import stat
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import DAG, task

from sinch_provider.operators.campaign import Canary, SinchCampaignOperator
from sinch_provider.sms.campaign.plan import read_plan
from sinch_provider.sms.errors import SinchValidationError
from tests.integration.conftest import RETRIES, result_of, states_of
from tests.integration.test_campaign_pace import START, UK, campaign, received

ROWS = [{"number": number, "name": f"Guest {place}"} for place, number in enumerate(UK[:6])]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "plans"
    folder.mkdir()
    return folder


def guests(path: Path, numbers: list[str]) -> str:
    path.write_text("\n".join(["phone", *numbers]))
    return f"file://{path}"


def check(folder: Path, **given: Any) -> SinchCampaignOperator:
    arguments = {"rows": ROWS, "number_column": "number", "body": "Hi ${name}!", **given}
    return campaign(task_id="check", dry_run=True, plan_path=str(folder), **arguments)


class TestOneTaskChecksAndAnotherSends:
    def test_what_was_checked(self, run_dag, sinch_default, folder):
        with DAG("approved", start_date=START, schedule=None) as dag:
            checked = check(folder)
            SinchCampaignOperator(task_id="send", plan=checked.output)
        run = run_dag(dag)
        assert run.state == "success"
        assert received(sinch_default) == Counter(UK[:6])
        assert {each["body"] for each in sinch_default.messages()} == {f"Hi Guest {n}!" for n in range(6)}
        assert list(folder.iterdir()) == []
        summary = result_of(run, "send")
        assert (summary["rows"], summary["people"], summary["reached"]) == (6, 6, 6)
        shown = json.dumps([result_of(run, each) for each in ("check", "send")])
        assert "Guest" not in shown
        assert not any(number.removeprefix("+") in shown for number in UK)

    @pytest.mark.usefixtures("noon")
    def test_a_storage_that_is_away_for_a_moment(self, run_dag, sinch_default, folder, monkeypatch):
        answers = [ConnectionError("a moment"), None]

        def reading(*arguments: Any) -> Any:
            if (error := answers.pop(0)) is not None:
                raise error
            return read_plan(*arguments)

        monkeypatch.setattr("sinch_provider.task.plans.read_plan", reading)
        with DAG("away", start_date=START, schedule=None) as dag:
            SinchCampaignOperator(task_id="send", plan=check(folder).output, **RETRIES)
        assert run_dag(dag).state == "success"
        assert received(sinch_default) == Counter(UK[:6])

    def test_the_source_and_the_texts_may_change_meanwhile(self, run_dag, sinch_default, folder, tmp_path):
        path = guests(tmp_path / "guests.csv", UK[:3])
        with DAG("changed", start_date=START, schedule=None) as dag:
            checked = check(folder, rows=None, number_column=None, body="Hi!", path=path)

            @task
            def change():
                guests(tmp_path / "guests.csv", UK[3:])

            send = SinchCampaignOperator(task_id="send", plan=checked.output)
            checked >> change() >> send
        assert run_dag(dag).state == "success"
        assert received(sinch_default) == Counter(UK[:3])

    def test_only_its_owner_can_read_it(self, run_dag, sinch_default, folder):
        with DAG("private", start_date=START, schedule=None) as dag:
            check(folder)
        run = run_dag(dag)
        (file,) = folder.iterdir()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        plan = result_of(run, "check")["plan"]
        assert plan["path"] == str(file)
        assert set(plan) == {"path", "seal"}

    def test_many_wrong_rows_were_accepted_by_the_check(self, run_dag, sinch_default, folder):
        rows = [*ROWS, {"number": "1", "name": "Nobody"}]
        with DAG("wrong", start_date=START, schedule=None) as dag:
            SinchCampaignOperator(task_id="send", plan=check(folder, rows=rows, max_invalid=1).output)
        assert run_dag(dag).state == "success"
        assert received(sinch_default) == Counter(UK[:6])

    @pytest.mark.parametrize("change", ["a digit", "a line", "the end", "everything", "another plan"])
    def test_a_changed_plan_is_refused(self, run_dag, sinch_default, folder, change, shown):
        with DAG("forged", start_date=START, schedule=None) as dag:
            checked = check(folder)

            @task
            def forge():
                (file,) = folder.iterdir()
                lines = file.read_bytes().splitlines(keepends=True)
                number = UK[0].removeprefix("+").encode()
                forged = {
                    "a digit": [line.replace(number, b"447700900999") for line in lines],
                    "a line": [lines[0], lines[1], lines[1], lines[2]],
                    "the end": lines[:-1],
                    "everything": [],
                    "another plan": lines,
                }[change]
                file.write_bytes(b"".join(forged))

            plan: Any = checked.output
            if change == "another plan":

                @task
                def mistake(given):
                    return {"plan": {**given["plan"], "seal": "0" * 64}}

                plan = mistake(checked.output)
            send = SinchCampaignOperator(task_id="send", plan=plan)
            checked >> forge() >> send
        assert run_dag(dag).state == "failed"
        assert sinch_default.batches() == []
        told = shown()
        assert "plan: " in told
        assert not any(number.removeprefix("+") in told for number in UK)

    def test_after_success_it_is_gone(self, run_dag, sinch_default, folder, shown):
        with DAG("gone", start_date=START, schedule=None) as dag:
            checked = check(folder)
            first = SinchCampaignOperator(task_id="first", plan=checked.output)
            first >> SinchCampaignOperator(task_id="again", plan=checked.output)
        assert run_dag(dag).state == "failed"
        assert received(sinch_default) == Counter(UK[:6])
        assert "is not there: a campaign that has ended removes it" in shown()

    @pytest.mark.parametrize("on_empty", ["succeed", "skip", "fail"])
    def test_a_plan_of_nobody(self, run_dag, sinch_default, folder, on_empty):
        with DAG("nobody", start_date=START, schedule=None) as dag:
            checked = check(folder, rows=[], number_column=None, body="Hi!", on_empty="succeed")
            SinchCampaignOperator(task_id="send", plan=checked.output, on_empty=on_empty)
        run = run_dag(dag)
        ended = {"succeed": "success", "skip": "skipped", "fail": "failed"}[on_empty]
        assert states_of(run) == {"check": "success", "send": ended}
        assert len(list(folder.iterdir())) == (on_empty == "fail")

    def test_what_does_not_go_together(self, folder):
        plan = {"path": "/plans/a.plan", "seal": "ab"}
        with pytest.raises(SinchValidationError) as caught:
            campaign(rows=UK, plan=plan, plan_path=str(folder), dry_run=True)
        assert [fault.field for fault in caught.value.faults] == ["rows", "plan_path", "body", "dry_run"]
        with pytest.raises(SinchValidationError, match="must be what a task with dry_run and plan_path"):
            SinchCampaignOperator(task_id="send", plan={"people": 3})
        with pytest.raises(SinchValidationError, match="must not be blank"):
            campaign(rows=UK, plan_path=" ")


@pytest.mark.usefixtures("noon")
class TestOneTaskKeepsWhatItHasChecked:
    def test_over_a_wait(self, run_dag, sinch_default, folder, tmp_path):
        path = guests(tmp_path / "guests.csv", UK[:10])

        class Vanishing(SinchCampaignOperator):
            def resume(self, context: Any, event: Any = None) -> Any:
                guests(tmp_path / "guests.csv", [])
                assert len(list(folder.iterdir())) == 1
                return super().resume(context, event)

        with DAG("waits", start_date=START, schedule=None) as dag:
            Vanishing(task_id="remind", body="Hi!", path=path, plan_path=f"file://{folder}", canary=Canary(3))
        assert run_dag(dag).state == "success"
        assert received(sinch_default) == Counter(UK[:10])
        assert list(folder.iterdir()) == []

    @pytest.mark.parametrize("change", ["gone", "no plan", "another task's"])
    def test_a_plan_that_is_not_there_after_a_wait(
        self, run_dag, sinch_default, folder, tmp_path, shown, change
    ):
        path = guests(tmp_path / "guests.csv", UK[:5])
        kept: list[bytes] = []

        class Losing(SinchCampaignOperator):
            def resume(self, context: Any, event: Any = None) -> Any:
                (file,) = folder.iterdir()
                if change == "another task's" and not kept:
                    kept.append(file.read_bytes())
                    file.unlink()
                elif change == "another task's":
                    file.write_bytes(kept[0])
                else:
                    file.unlink()
                    if change == "no plan":
                        file.mkdir()
                guests(tmp_path / "guests.csv", UK[:10])
                return super().resume(context, event)

        with DAG("lost", start_date=START, schedule=None) as dag:
            for number in range(2 if change == "another task's" else 1):
                operator = Losing(
                    task_id=f"remind_{number}",
                    body="Hi!",
                    path=path,
                    plan_path=str(folder),
                    canary=Canary(3),
                    retries=0,
                )
                if number:
                    dag.get_task("remind_0") >> operator
        run = run_dag(dag)
        told = shown()
        assert run.state == ("failed" if change == "no plan" else "success")
        assert ("is not there. The source is read again" in told) == (change != "no plan")
        assert ("cannot be read (IsADirectoryError)" in told) == (change == "no plan")
        assert ("was changed, or was written for something else" in told) == (change == "another task's")
        everybody = UK[:3] if change == "no plan" else UK[:10]
        rounds = 2 if change == "another task's" else 1
        assert sum(received(sinch_default).values()) == len(everybody) * rounds

    @pytest.mark.parametrize("change", ["nothing", "forged", "text"])
    def test_over_a_retry(self, run_dag, sinch_default, folder, tmp_path, shown, change):
        path = guests(tmp_path / "guests.csv", UK[:3])
        out = tmp_path / "out.csv"

        class Changing(SinchCampaignOperator):
            def execute(self, context: Any) -> Any:
                if context["ti"].try_number == 2:
                    out.write_text(f"phone\n{UK[9]}\n")
                    (file,) = folder.iterdir()
                    guests(tmp_path / "guests.csv", UK[3:6])
                    if change == "forged":
                        number = UK[0].removeprefix("+").encode()
                        file.write_bytes(file.read_bytes().replace(number, b"447700900999"))
                    elif change == "text":
                        self.body = "Good morning!"
                return super().execute(context)

        with DAG("retried", start_date=START, schedule=None) as dag:
            # The first attempt cannot read whom to leave out.
            Changing(
                task_id="remind",
                body="Hi!",
                path=path,
                plan_path=str(folder),
                exclude=f"file://{out}",
                **RETRIES,
            )
        assert run_dag(dag).state == "success"
        assert received(sinch_default) == Counter(UK[:3] if change == "nothing" else UK[3:6])
        told = shown()
        assert f"The plan, with numbers and texts, is kept in {folder}" in told
        assert ("The source is read again" in told) == (change != "nothing")
        assert list(folder.iterdir()) == []

    def test_nobody_is_texted_if_it_cannot_be_kept(self, run_dag, sinch_default, tmp_path, shown):
        with DAG("nowhere", start_date=START, schedule=None) as dag:
            campaign(rows=UK, plan_path=str(tmp_path / "gone" / "plans"))
        assert run_dag(dag).state == "failed"
        assert sinch_default.batches() == []
        assert "The plan cannot be written to" in shown()
