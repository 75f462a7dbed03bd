"""The steps of the journey, in their order."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from playwright.sync_api import expect

from sinch_sandbox.client import SandboxClient
from tests.journey.airflow import Airflow, wait_for
from tests.journey.pages import AirflowPages, Camera, height_of, open_phone
from tests.journey.search import Search, number_pattern
from tests.system.processes import SystemTestError

#: Gets the alerts. The number is in the connection.
ON_CALL: Final = "+447700900222"
#: Typed into the form of a run, in two notations.
VISITOR: Final = "+44 7700-900 333"
UNREACHABLE: Final = "+447700900150"
#: Seconds for a task or an alert, on a machine that is busy.
_PATIENCE: Final = 240.0


@contextmanager
def said(what: str) -> Iterator[None]:
    """Say what has been done, and how long it took."""
    began = time.monotonic()
    yield
    print(f"  {what:<72}{time.monotonic() - began:6.1f} s", flush=True)


def check(holds: object, what: str) -> None:
    if not holds:
        raise SystemTestError(what)


@dataclass
class Journey:
    """A person, and all that this person uses."""

    airflow: Airflow
    sandbox: SandboxClient
    pages: AirflowPages
    camera: Camera
    search: Search

    def travel(self) -> None:
        """Go the whole way."""
        steps = {
            "a connection is filled in and saved": self.connect,
            "the connection is tested": self.test,
            "a Dag is triggered, its text arrives": self.send,
            "log, rendered fields, link and batch are looked at": self.look_at_task,
            "a text cannot be delivered, its task fails and says why": self.fail_to_deliver,
            "an example Dag with an audience runs": self.run_example,
            "a task fails, the alert arrives": self.fail,
            "a deadline passes, the alert arrives": self.miss_deadline,
            "an approval is asked for by SMS, and given": self.ask,
        }
        self.pages.log_in()
        for what, step in steps.items():
            with said(what):
                step()
                self.look()

    # What is done

    def connect(self) -> None:
        form = self.pages.new_connection("sinch_default", "Sinch SMS")
        credentials = self.sandbox.credentials
        form.locator("[name=login]").fill(credentials.service_plan_id)
        form.locator("[name=password]").fill(credentials.api_token)
        form.locator("[name=host]").fill(self.sandbox.url)
        # As docs/connection.md says, for the button of Airflow 3.3.
        form.locator("[name=port]").fill("0")
        self.camera.take("airflow-connection", form, height=height_of(form))
        part = self.pages.unfold(form, "Account")
        part.locator("[name=element_from]").fill("Bistro")
        self.camera.take("airflow-connection-account", part)
        part = self.pages.unfold(form, "Safeguards and alerts")
        part.locator("[name=element_alert_to]").fill(ON_CALL)
        self.camera.take("airflow-connection-safeguards", part)
        part = self.pages.unfold(form, "Network")
        self.camera.take("airflow-connection-network", part)
        self.pages.save(form)

    def test(self) -> None:
        answer = self.pages.test_connection()
        words = answer.inner_text().replace("\n", ": ")
        print(f'    Airflow\'s button says "{words}"')
        self.camera.take("airflow-connection-test", width=960, height=420)
        expect(answer).to_have_attribute("data-type", "success")
        expect(answer).to_contain_text("accepts the API token")

    def send(self) -> None:
        form = self.pages.open_trigger("first_text")
        form.locator("[name=element_to]").fill(VISITOR)
        self.camera.take("airflow-trigger", form)
        self.pages.trigger(form)
        self._until("first_text", "send", "success")
        self.look()
        self._until("first_text", "delivered", "success")
        check(self._texts(VISITOR) == ["Hello from Airflow."], f"{VISITOR} got {self._texts(VISITOR)}")

    def look_at_task(self) -> None:
        page = self.pages.page
        (batch,) = self.sandbox.batches()
        run_id = self.airflow.run_id("first_text")
        self._open_log("first_text", "send", f"Sinch accepted batch {batch['id']}")
        self.camera.take("airflow-log", self.pages.task, height=520)
        self.pages.open_task("first_text", run_id, "send", "rendered_templates")
        expect(page.get_by_text("<hidden: ")).to_have_count(2)
        expect(page.get_by_text("Hello from Airflow")).to_have_count(0)
        self.camera.take("airflow-rendered", self.pages.task, height=570)
        self.pages.open_task("first_text", run_id, "send", "details")
        link = page.get_by_role("link", name="Sinch batch").or_(page.locator("a", has_text="Sinch batch"))
        expect(link).to_be_visible()
        self.camera.take("airflow-link", self.pages.task, height=535)
        with page.context.expect_page() as opened:
            link.click()
        inbox = opened.value
        expect(inbox.get_by_text(batch["id"]).first).to_be_visible()
        inbox.close()
        expect(open_phone(page, self.sandbox.url, _digits(VISITOR))).to_have_count(1)

    def fail_to_deliver(self) -> None:
        self.airflow.trigger("first_text", {"to": UNREACHABLE})
        self._until("first_text", "delivered", "failed")
        self._open_log("first_text", "delivered", "unknown subscriber")
        self.camera.take("airflow-failed-delivery", self.pages.task, height=820)

    def run_example(self) -> None:
        self.airflow.trigger("example_send_and_wait")
        self._until("example_send_and_wait", "delivered", "success")
        check(self._texts(ON_CALL) == ["Hi Maria, see you tomorrow at 19:30."], f"got {self._texts(ON_CALL)}")

    def fail(self) -> None:
        self.airflow.trigger("nightly_load")
        self._until("nightly_load", "load", "failed")
        self._alert("task load failed. Dag nightly_load")
        self._open_log("nightly_load", "load", "RuntimeError: The table is missing.")
        page = self.pages.page
        page.get_by_text("Post Execute").click()
        expect(page.get_by_text("Sinch accepted batch")).to_be_visible()
        self.camera.take("airflow-failed-task", self.pages.task, height=510)

    def miss_deadline(self) -> None:
        self.airflow.trigger("month_end", {"asked_by": VISITOR})
        text = self._alert("deadline missed")
        check(self.airflow.run_id("month_end")[:20] in text, f"The alert does not name its run: {text}")
        self._until("month_end", "close_books", "success")

    def ask(self) -> None:
        self.airflow.trigger("refunds")
        self._alert("task approve waits for an answer. Dag refunds")
        run_id = self.airflow.run_id("refunds")
        self.pages.open_task("refunds", run_id, "approve", "required_actions")
        expect(self.pages.page.get_by_text("Refund order 4711?")).to_be_visible()
        # Narrower, the tabs need two lines.
        self.camera.take("airflow-approval", self.pages.task, width=1480, height=400)
        self.pages.decide("Approve")
        self._until("refunds", "refund", "success")
        bubbles = open_phone(self.pages.page, self.sandbox.url, _digits(ON_CALL))
        expect(bubbles.last).to_contain_text("waits for an answer")
        self.camera.take("inbox-alerts")

    # What comes of it

    def _until(self, dag_id: str, task_id: str, wanted: str) -> None:
        """Wait for the state of a task in the newest run."""
        states: dict[str, str] = {}

        def ended() -> bool:
            nonlocal states
            states = self.airflow.states(dag_id)
            other = {"success", "failed", "upstream_failed"} - {wanted}
            check(states.get(task_id) not in other, f"{dag_id}.{task_id} is {states.get(task_id)}")
            return states.get(task_id) == wanted

        wait_for(ended, f"{dag_id}.{task_id} is {wanted}", _PATIENCE)

    def _texts(self, number: str) -> list[str]:
        received = self.sandbox.messages(to=_digits(number))
        return [message["body"] for message in received if message["received"]]

    def _alert(self, words: str) -> str:
        """Wait for the only alert with some words."""

        def told() -> list[str]:
            return [text for text in self._texts(ON_CALL) if words in text]

        texts = wait_for(told, f"an alert says {words!r}", _PATIENCE)
        check(len(texts) == 1, f"{len(texts)} alerts say {words!r}")
        print(f'    "{texts[0]}"')
        return texts[0]

    def _open_log(self, dag_id: str, task_id: str, words: str) -> None:
        self.pages.open_log(dag_id, self.airflow.run_id(dag_id), task_id, words)

    # What is left behind

    def look(self) -> None:
        """Search what Airflow has stored and logged so far."""
        self.search.look(self._private())

    def _private(self) -> dict[str, re.Pattern[str]]:
        messages = self.sandbox.messages()
        numbers = {ON_CALL, VISITOR, UNREACHABLE, *(f"+{message['to']}" for message in messages)}
        return {
            **{f"number {_digits(number)}": number_pattern(number) for number in numbers},
            **{f"text {text!r}": re.compile(re.escape(text)) for text in {each["body"] for each in messages}},
            "token": re.compile(re.escape(self.sandbox.credentials.api_token)),
        }

    def sought(self) -> str:
        """Say how much was searched for."""
        kinds = [what.split(" ")[0] for what in self._private()]
        return f"{kinds.count('number')} numbers, {kinds.count('text')} texts and the token"

    def verdict(self) -> list[str]:
        """Say what the search found wrong."""
        unseen = [
            f"The search found nothing in {place}, where something is" for place in self.search.unseen()
        ]
        return self.search.verdict() + unseen


def _digits(number: str) -> str:
    return re.sub(r"\D", "", number)
