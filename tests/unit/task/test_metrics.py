"""Counters of Airflow's metrics and spans of OpenTelemetry: what they say, and what they leave out."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import Stats
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from sinch_provider.sms.delivery.outcome import Summary
from sinch_provider.sms.errors import (
    SinchError,
    SinchRateLimitError,
    SinchServerError,
    SinchUncertainError,
    SinchUnsettledError,
)
from sinch_provider.sms.sending.sent import Sent
from sinch_provider.task import metrics


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """What Airflow was asked to count."""
    found: Counter[str] = Counter()
    monkeypatch.setattr(Stats, "incr", lambda name, number=1, **_: found.update({name: number}))
    return found


def test_batches_are_counted_by_how_they_came_about(counted: Counter[str]) -> None:
    metrics.count_sent(Sent("a", None))
    metrics.count_sent(Sent("b", None, adopted=True))
    assert counted == {"sinch.batches.sent": 1, "sinch.batches.adopted": 1}


def test_errors_to_watch_are_counted(counted: Counter[str]) -> None:
    for kind in (SinchUncertainError, SinchUnsettledError, SinchRateLimitError, SinchServerError):
        metrics.count_error(kind("No"))
    assert counted == {"sinch.batches.uncertain": 2, "sinch.rate_limited": 1}


def test_recipients_are_counted_by_outcome(counted: Counter[str]) -> None:
    counts = Counter({("Delivered", 0): 3, ("Failed", 150): 1, ("Aborted", 407): 1, ("Unknown", 0): 2})
    metrics.count_outcome(Summary(("a",), counts, (), ()))
    assert counted == {
        "sinch.recipients.delivered": 3,
        "sinch.recipients.failed": 2,
        "sinch.recipients.unknown": 2,
    }


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)
    yield exporter
    provider.shutdown()


def test_a_span_says_which_batch(spans: InMemorySpanExporter) -> None:
    with metrics.traced("sinch.send") as attributes:
        attributes["sinch.batch_id"] = "a"
    (span,) = spans.get_finished_spans()
    assert (span.name, dict(span.attributes or {})) == ("sinch.send", {"sinch.batch_id": "a"})


def test_a_span_names_an_error_without_its_text(spans: InMemorySpanExporter) -> None:
    with pytest.raises(SinchError), metrics.traced("sinch.send"):
        raise SinchServerError("No answer for +447700900222")
    (span,) = spans.get_finished_spans()
    assert dict(span.attributes or {}) == {"sinch.error": "SinchServerError"}
    assert "7700900222" not in span.to_json()


def test_without_opentelemetry_there_is_no_span(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "opentelemetry.trace")
    with metrics.traced("sinch.send") as attributes:
        attributes["sinch.batch_id"] = "a"


def test_without_metrics_nothing_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    nothing: Any = SimpleNamespace()
    monkeypatch.setitem(sys.modules, "airflow.providers.common.compat.sdk", nothing)
    metrics.count("batches.sent")
