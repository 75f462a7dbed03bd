"""Figures for Prometheus."""

from __future__ import annotations

from collections import Counter

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

import sinch_provider
from sinch_sandbox.client import SandboxClient
from sinch_sandbox.core.sandbox import Options, Sandbox
from sinch_sandbox.sinch import batches
from tests.unit.sandbox.wire import TO, Api, in_

Figures = dict[tuple[str, tuple[str, ...]], float]


def figures(sandbox: SandboxClient) -> Figures:
    """Each sample by its name without the prefix, and its labels' values."""
    response = requests.get(f"{sandbox.url}/sandbox/metrics", timeout=10)
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    found: Figures = {}
    for family in text_string_to_metric_families(response.text):
        assert family.documentation
        assert family.type in ("gauge", "counter")
        for sample in family.samples:
            key = sample.name.removeprefix("sinch_sandbox_"), tuple(sample.labels.values())
            assert sample.name.startswith("sinch_sandbox_")
            assert key not in found
            found[key] = sample.value
    return found


def test_what_is_counted(api: Api, sinch_sandbox: SandboxClient) -> None:
    api.sent(to=[TO, "+447700900150"], body="x" * 200)
    sinch_sandbox.inbound(TO, "Yes", to="+447700900111")
    sinch_sandbox.advance(3)
    found = figures(sinch_sandbox)
    assert found["messages", ("Delivered",)] == found["messages", ("Failed",)] == 1
    assert found["messages", ("Queued",)] == 0
    assert (found["message_parts", ()], found["batches", ()], found["inbounds", ()]) == (4, 1, 1)
    assert found["info", (sinch_provider.__version__,)] == 1
    assert abs(found["clock_seconds", ()] - 1.7e9) < 1e9
    before = found["clock_seconds", ()]
    sinch_sandbox.advance(60)
    assert figures(sinch_sandbox)["clock_seconds", ()] - before == pytest.approx(60, abs=0.01)


def test_calls_and_faults(api: Api, sinch_sandbox: SandboxClient) -> None:
    api.sent()
    api.send(to=[])
    sinch_sandbox.fault("server_error", "list")
    api.call("GET", "/batches")
    sinch_sandbox.fault("lost_reply", "get")
    with pytest.raises(requests.ConnectionError):
        api.call("GET", "/batches/x")
    found = figures(sinch_sandbox)
    calls = {labels: value for (name, labels), value in found.items() if name == "calls_total"}
    assert calls == {("send", "2xx"): 1, ("send", "4xx"): 1, ("list", "5xx"): 1, ("get", "lost"): 1}
    assert (
        found["faults_struck_total", ("server_error",)] == found["faults_struck_total", ("lost_reply",)] == 1
    )
    assert found["faults_struck_total", ("latency",)] == 0
    assert found["faults_armed", ()] == 2
    sinch_sandbox.clear_faults()
    found = figures(sinch_sandbox)
    assert (found["faults_armed", ()], found["faults_struck_total", ("server_error",)]) == (0, 1)
    sinch_sandbox.reset()
    found = figures(sinch_sandbox)
    assert found["faults_struck_total", ("server_error",)] == 0
    assert not [name for name, _ in found if name == "calls_total"]


def test_no_label_tells_a_number_or_a_text(api: Api, sinch_sandbox: SandboxClient) -> None:
    api.sent(body="secret words", client_reference="reference", from_="Bistro")
    text = requests.get(f"{sinch_sandbox.url}/sandbox/metrics", timeout=10).text
    for word in ("447700900222", "secret", "reference", "Bistro"):
        assert word not in text


def test_time_alone_moves_the_figures() -> None:
    sandbox = Sandbox(Options(clock="manual"))
    start = sandbox.clock.now()
    batches.send(sandbox, "sandbox-plan", {"to": [TO], "from": "447700900111", "body": "Hi"}, start)
    counts = [sandbox.store.counts.by_status(start + milliseconds, 1)[0] for milliseconds in (0, 1000, 3000)]
    assert counts == [{"Queued": 1}, {"Dispatched": 1}, {"Delivered": 1}]
    sandbox.close()


STEPS = st.lists(
    st.sampled_from(["send", "slow", "schedule", "never", "cancel", "move", "jump", "clear", "look", "look"]),
    max_size=14,
)


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=STEPS)
def test_the_figures_are_those_of_the_messages(
    api: Api, sinch_sandbox: SandboxClient, steps: list[str]
) -> None:
    sinch_sandbox.reset()
    last = ""
    numbers = {"send": TO, "slow": "+447700900012", "never": "+447700900401"}
    for step in [*steps, "look"]:
        if step in numbers:
            last = api.sent(to=[TO, numbers[step], "+447700900402"])["id"]
        elif step == "schedule":
            last = api.sent(send_at=in_(sinch_sandbox, seconds=30))["id"]
        elif step == "cancel" and last:
            api.cancel(last)
        elif step == "move":
            sinch_sandbox.advance(1)
        elif step == "jump":
            sinch_sandbox.advance(1000)
        elif step == "clear":
            sinch_sandbox.clear()
        elif step == "look":
            messages = sinch_sandbox.messages()
            counted = Counter(each["status"] for each in messages)
            found = figures(sinch_sandbox)
            shown = {
                labels[0]: value for (name, labels), value in found.items() if name == "messages" and value
            }
            assert shown == counted
            assert found["message_parts", ()] == sum(each["parts"] for each in messages)
