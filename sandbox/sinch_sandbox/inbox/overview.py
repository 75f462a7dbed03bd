"""What every view of the inbox needs: counts, clock, connections, settings and their meaning."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, get_args

from fastapi import APIRouter, Request

import sinch_sandbox
from sinch_sandbox.control.access import Controlled
from sinch_sandbox.core.faults import Fault, Kind, operations_of
from sinch_sandbox.core.sandbox import Sandbox
from sinch_sandbox.core.settings import Settings
from sinch_sandbox.core.times import format_time

router = APIRouter()


@router.get("")
async def overview(sandbox: Controlled, request: Request) -> dict[str, Any]:
    """Counts, clock and connections."""
    messages, batches = sandbox.store.counts.totals()
    url = str(request.base_url).rstrip("/")
    return {
        "version": sinch_sandbox.__version__,
        "messages": messages,
        "batches": batches,
        "newest": sandbox.store.batches.newest(),
        "faults": len(sandbox.faults.report()),
        "clock": clock_view(sandbox),
        "connection": sandbox.credentials.plan_connection(url),
        "project_connection": sandbox.credentials.project_connection(url),
    }


@router.get("/settings")
async def settings(sandbox: Controlled) -> dict[str, Any]:
    """Every setting with its value, default, choices and meaning."""
    values = sandbox.settings.as_dict()
    return {
        "settings": [
            {
                "name": each.name,
                "value": values[each.name],
                "default": each.default,
                "about": each.metadata["doc"],
                "choices": list(each.metadata["choices"]),
            }
            for each in fields(Settings)
        ]
    }


@router.get("/vocabulary")
async def vocabulary() -> dict[str, Any]:
    """The values that a fault's fields can have."""
    details = {name: each.annotation for name, each in Fault.model_fields.items()}
    return {
        "kinds": {kind: ["*", *operations_of(kind)] for kind in get_args(Kind)},
        **{name: list(get_args(details[name])) for name in ("how", "body", "reply", "lacks")},
    }


def clock_view(sandbox: Sandbox) -> dict[str, Any]:
    clock = sandbox.clock
    return {"mode": clock.mode, "speed": clock.speed, "now": format_time(clock.now())}
