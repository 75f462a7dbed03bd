"""What every view of the inbox needs: counts, clock, connections, settings and their meaning."""

from __future__ import annotations

from dataclasses import fields
from types import NoneType
from typing import Any, get_args, get_type_hints

from fastapi import APIRouter, Request

import sinch_sandbox
from sinch_sandbox.control.access import Controlled
from sinch_sandbox.control.outcomes import Script
from sinch_sandbox.core.faults import Fault, Kind, operations_of
from sinch_sandbox.core.sandbox import Sandbox
from sinch_sandbox.core.settings import Settings
from sinch_sandbox.core.times import format_time
from sinch_sandbox.sinch.codes import KNOWN_CODES, meaning

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
        "forgotten": sandbox.store.forgetting.times,
        "faults": sandbox.faults.active(),
        "clock": clock_view(sandbox),
        "originator": sandbox.settings.default_originator,
        "connection": sandbox.credentials.plan_connection(url),
        "project_connection": sandbox.credentials.project_connection(url),
    }


@router.get("/settings")
async def settings(sandbox: Controlled) -> dict[str, Any]:
    """Every setting with its value, default, choices and meaning."""
    values = sandbox.settings.as_dict()
    kinds = get_type_hints(Settings)
    return {
        "settings": [
            {
                "name": each.name,
                "value": values[each.name],
                "default": each.default,
                "about": each.metadata["doc"],
                "choices": list(each.metadata["choices"]),
                "kind": _kind(kinds[each.name]),
                "may_be_none": NoneType in get_args(kinds[each.name]),
                "secret": each.metadata["secret"],
            }
            for each in fields(Settings)
        ]
    }


def _kind(hint: Any) -> str:
    """What its values are: ``bool``, ``int``, ``float`` or ``str``."""
    kinds = [each for each in get_args(hint) if each is not NoneType]
    kind: type = kinds[0] if kinds else hint
    return kind.__name__


@router.get("/vocabulary")
async def vocabulary() -> dict[str, Any]:
    """The values that fields of faults and outcomes can have, and what codes mean."""
    details = {name: each.annotation for name, each in Fault.model_fields.items()}
    return {
        "kinds": {kind: ["*", *operations_of(kind)] for kind in get_args(Kind)},
        "outcomes": list(get_args(Script.model_fields["status"].annotation)),
        "codes": {code: meaning(code) for code in sorted(KNOWN_CODES)},
        **{name: list(get_args(details[name])) for name in ("how", "body", "reply", "lacks")},
    }


def clock_view(sandbox: Sandbox) -> dict[str, Any]:
    clock = sandbox.clock
    return {"mode": clock.mode, "speed": clock.speed, "now": format_time(clock.now())}
