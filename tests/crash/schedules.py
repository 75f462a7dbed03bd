"""Schedules: settings, faults of the sandbox, and events that strike at points."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from datetime import timedelta
from typing import Any, Self


@dataclass(frozen=True)
class Event:
    """
    Something that happens at a point.

    :param at: The point.
    :param act: What happens, as ``nemeses.ACTS`` has it.
    :param nth: When any process passes the point for this time.
    :param details: Details of the act.
    """

    at: str
    act: str
    nth: int = 1
    details: tuple[tuple[str, Any], ...] = ()

    def __getitem__(self, name: str) -> Any:
        return dict(self.details)[name]

    def get(self, name: str, default: Any = None) -> Any:
        return dict(self.details).get(name, default)


def event(at: str, act: str, nth: int = 1, **details: Any) -> Event:
    """Write an event down."""
    return Event(at, act, nth, tuple(sorted(details.items())))


@dataclass(frozen=True)
class Schedule:
    """
    All settings and events of a run. The same schedule always plays in the same way.

    :param mode: ``send``; ``wait`` in the worker; ``defer``.
    :param journal: ``durable``; ``off``, by the operator's choice; ``none``, as before Airflow 3.3.
    :param airflow: ``3.3``, whose clears keep the task state, or ``3.3 clear_on_success``; ``3.4``, whose
        clears delete it, or ``3.4 keep``, where the user has them keep it.
    :param account: Credentials of a service ``plan`` or of a ``project``.
    :param socks: Whether Sinch is reached through a SOCKS proxy only.
    :param hold: Seconds, or 0 for none.
    :param ahead: Seconds from the run's start until the batch leaves, or 0 for at once.
    :param shape: ``single``; ``mapped``; a ``loop``; ``nested``: operators executed inside another task;
        ``twice``: an operator whose ``execute`` sends two times; ``before``: another operator executed in
        ``on_execute_callback``.
    :param reused: Whether the nested sends are of one operator that is given new arguments each time.
    :param size: How many sends.
    :param items: ``apart``; to ``one phone``; the ``same``; overlapping ``chunks`` of a list.
    :param keyed: Whether each item has a ``send_key``.
    :param clock_text: Whether the text contains the time, so that every rendering differs.
    :param label: A ``client_reference`` that the user chose, and that batches of others have too.
    :param callbacks: Which callbacks send alerts: ``failure``, of retries too; ``success``; the ``dag``'s.
    :param skews: Seconds by which the clocks of the processes are wrong, in their order.
    """

    mode: str = "send"
    journal: str = "durable"
    airflow: str = "3.3"
    account: str = "plan"
    socks: bool = False
    on_clear: str = "adopt"
    hold: int = 0
    ahead: int = 0
    shape: str = "single"
    reused: bool = False
    size: int = 1
    items: str = "apart"
    keyed: bool = False
    clock_text: bool = False
    label: str | None = None
    callbacks: str = ""
    retries: int = 4
    retry_delay: float = 60.0
    cancel_on_kill: bool = False
    skews: tuple[int, ...] = (0,)
    faults: tuple[dict[str, Any], ...] = ()
    events: tuple[Event, ...] = ()
    seed: int = 0

    @property
    def hangs(self) -> bool:
        return any(fault.get("how") == "hang" for fault in self.faults)

    @property
    def has_journal(self) -> bool:
        return self.journal == "durable"

    @property
    def acts(self) -> set[str]:
        """All acts, at any point."""
        return {each.act for each in self.events}

    @property
    def shares_reference(self) -> bool:
        """Whether several sends have the same reference, made by the operator."""
        return self.shape in {"mapped", "nested", "twice", "before"} and not self.keyed

    @property
    def hold_time(self) -> timedelta | None:
        return timedelta(seconds=self.hold) if self.hold else None

    def to_json(self) -> str:
        """Write in one line, without default values."""
        usual = type(self)()
        values = {
            each.name: getattr(self, each.name)
            for each in fields(self)
            if getattr(self, each.name) != getattr(usual, each.name)
        }
        if self.events:
            values["events"] = [{**asdict(each), "details": dict(each.details)} for each in self.events]
        return json.dumps(values)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what :meth:`to_json` wrote."""
        values = json.loads(text)
        events = tuple(event(e["at"], e["act"], e["nth"], **e["details"]) for e in values.pop("events", []))
        lists: dict[str, Any] = {
            name: tuple(values.pop(name)) for name in ("skews", "faults", "window") if values.get(name)
        }
        return cls(**values, **lists, events=events)
