"""Metrics for Prometheus. No label contains a phone number or a text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from fastapi import APIRouter
from starlette.responses import Response

import sinch_sandbox
from sinch_sandbox.control.access import Controlled
from sinch_sandbox.core.faults import Kind
from sinch_sandbox.core.outcomes import STATUSES
from sinch_sandbox.core.store.callbacks import CallbackState
from sinch_sandbox.core.times import SECOND

router = APIRouter()

_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class _Page:
    """Text in Prometheus' exposition format. Label values are fixed words and need no escaping."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def add(
        self, name: str, kind: str, about: str, samples: Mapping[tuple[str, ...], float], *labels: str
    ) -> None:
        name = f"sinch_sandbox_{name}"
        self._lines += [f"# HELP {name} {about}", f"# TYPE {name} {kind}"]
        for values, sample in samples.items():
            pairs = ",".join(f'{label}="{value}"' for label, value in zip(labels, values, strict=True))
            self._lines.append(f"{name}{{{pairs}}} {sample}" if pairs else f"{name} {sample}")

    def text(self) -> str:
        return "\n".join([*self._lines, ""])


@router.get("/metrics", response_class=Response)
async def metrics(sandbox: Controlled) -> Response:
    """Metrics in Prometheus' text format."""
    now = sandbox.clock.now()
    by_status, parts = sandbox.store.counts.by_status(now, sandbox.changes.count)
    page = _Page()
    page.add(
        "messages",
        "gauge",
        "Messages by current status.",
        {(status,): by_status[status] for status in STATUSES},
        "status",
    )
    page.add("message_parts", "gauge", "Parts of all messages.", {(): parts})
    page.add("batches", "gauge", "Batches accepted.", {(): sandbox.store.batches.count()})
    page.add("groups", "gauge", "Groups.", {(): sandbox.store.groups.count()})
    page.add("inbounds", "gauge", "Messages from phones.", {(): sandbox.store.inbounds.count()})
    states = sandbox.store.callbacks.count_by_state()
    page.add(
        "callbacks",
        "gauge",
        "Callbacks by their state.",
        {(state,): states.get(state, 0) for state in get_args(CallbackState)},
        "state",
    )
    page.add(
        "calls_total",
        "counter",
        "Calls by operation and class of the HTTP status; lost if no answer was given.",
        dict(sorted(sandbox.answers.items())),
        "operation",
        "status",
    )
    page.add(
        "faults_struck_total",
        "counter",
        "Calls hit by faults, by kind.",
        {(kind,): sandbox.faults.struck[kind] for kind in get_args(Kind)},
        "kind",
    )
    page.add("faults_armed", "gauge", "Armed faults.", {(): len(sandbox.faults.report())})
    page.add("clock_seconds", "gauge", "The sandbox's clock, in seconds since 1970.", {(): now / SECOND})
    page.add("info", "gauge", "The version.", {(sinch_sandbox.__version__,): 1}, "version")
    return Response(page.text(), media_type=_TYPE, headers={"Cache-Control": "no-store"})
