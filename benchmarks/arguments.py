"""What a personalised batch costs before it is sent: constructor, rendering, hiding and checking."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from airflow.sdk import DAG, BaseOperator
from airflow.sdk.definitions._internal.mixins import ResolveMixin
from airflow.sdk.execution_time.task_runner import _serialize_rendered_fields
from figures import Figure, Plot, Ratio, Result, main
from running import number

from sinch_provider.operators.batches import SinchSendBatchOperator
from sinch_provider.sms import endpoints

SIZE = 1000
#: How often each is measured in a round.
REPEATS = 15
#: Jinja takes so long that fewer are enough.
REPEATS_OF_JINJA = 2
LIMIT = 15.0
PARTS = ("constructor", "rendering", "hiding", "checking")

TO = [number(index) for index in range(SIZE)]
PARAMETERS = {
    "name": {to: f"Guest {index}" for index, to in enumerate(TO)},
    "at": {to: f"{index % 24:02}:30" for index, to in enumerate(TO)},
}
BODY = "Hi ${name}, see you at ${at}."


class Output(ResolveMixin):
    """Another task's output, known only when the task runs, without what it costs to fetch it."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def iter_references(self) -> Any:
        return iter(())

    def resolve(self, context: Any) -> Any:
        return self._value


class WithoutFields(BaseOperator):
    """An operator that has nothing to render."""

    def execute(self, context: Any) -> None: ...


class OfAirflow(BaseOperator):
    """An operator that leaves the same literals to Airflow."""

    template_fields = ("to", "body", "parameters")

    def __init__(self, *, to: Any, body: Any, parameters: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.to = to
        self.body = body
        self.parameters = parameters

    def execute(self, context: Any) -> None: ...


def copied() -> dict[str, Any]:
    """The literals of a Dag file that has just been read."""
    return {
        "to": list(TO),
        "body": BODY,
        "parameters": {name: dict(each) for name, each in PARAMETERS.items()},
    }


def once(kind: type[BaseOperator], arguments: dict[str, Any]) -> list[float]:
    """Milliseconds of CPU of each part, as Airflow's task runner does it."""
    with DAG("bench", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC)) as dag:
        times = [time.process_time()]
        operator: Any = kind(task_id="send", **arguments)
    times.append(time.process_time())
    operator = operator.prepare_for_execution()
    operator.render_template_fields({"dag": dag}, operator.get_template_env())
    times.append(time.process_time())
    _serialize_rendered_fields(operator)
    times.append(time.process_time())
    if isinstance(operator, SinchSendBatchOperator):
        # As execute does it.
        operator._call(endpoints.send, **operator.message)
    times.append(time.process_time())
    return [(later - earlier) * 1000 for earlier, later in pairwise(times)]


def mean(kind: type[BaseOperator], make: Callable[[], dict[str, Any]], repeats: int) -> list[float]:
    measured = [once(kind, make()) for _ in range(repeats)]
    return [sum(part) / repeats for part in zip(*measured, strict=True)]


def measure(rounds: int) -> Result:
    contenders: dict[str, Callable[[], list[float]]] = {
        "floor": lambda: mean(WithoutFields, dict, REPEATS),
        "literal": lambda: mean(SinchSendBatchOperator, copied, REPEATS),
        "xcom": lambda: mean(
            SinchSendBatchOperator,
            lambda: {"to": Output(TO), "body": BODY, "parameters": Output(PARAMETERS)},
            REPEATS,
        ),
        "jinja": lambda: mean(OfAirflow, copied, REPEATS_OF_JINJA),
    }
    took: dict[str, list[list[float]]] = {name: [] for name in contenders}
    for contender in contenders.values():
        contender()
    for _ in range(rounds):
        for name, contender in contenders.items():
            took[name].append(contender())

    def above(name: str) -> list[float]:
        pairs = zip(took[name], took["floor"], strict=True)
        return [sum(parts) - sum(floor) for parts, floor in pairs]

    titles = {
        "literal": ("recipients and parameters written in the Dag", LIMIT),
        "xcom": ("recipients and parameters known only at run time", LIMIT),
        "jinja": (
            "the literals in an operator that leaves them to Airflow: Jinja, and stored unhidden",
            None,
        ),
    }
    figures = [
        Figure(f"arguments.{name}", *_row(title, above(name), limit))
        for name, (title, limit) in titles.items()
    ]
    figures += [
        Figure(f"arguments.{name}.{part}", *_row(f"{title}: {part}", [each[at] for each in took[name]], None))
        for name, (title, limit) in titles.items()
        if limit
        for at, part in enumerate(PARTS)
    ]
    fields = len(SinchSendBatchOperator.template_fields)
    floor = [sum(parts) for parts in took["floor"]]
    return Result(
        name="arguments",
        title=f"CPU for the arguments of a personalised batch of {SIZE:,}, above an operator without fields",
        floor="a BaseOperator without templated fields, which is subtracted",
        figures=[*figures, Figure("arguments.floor", *_row("a BaseOperator without fields", floor, None))],
        ratios=[
            Ratio("arguments.literal/jinja", "literals against Jinja", "arguments.literal", "arguments.jinja")
        ],
        plots=[
            Plot(
                "arguments",
                f"CPU for the arguments of a personalised batch of {SIZE:,}",
                y="ms",
                bars=[f"arguments.{name}" for name in titles],
            )
        ],
        notes=[
            "Two parameters with a value for each recipient.",
            "Parts: the constructor in a Dag, which checks what is known; render_template_fields; Airflow's "
            "own function that stores the rendered fields, where they are hidden; and execute's check.",
            "What it takes to fetch the output of another task is not in it.",
            f"Most of hiding is Airflow: it makes a validator for each of the {fields} fields.",
            "Most of the constructor is Airflow too: it looks for outputs of other tasks among the literals.",
        ],
    )


def _row(title: str, rounds: list[float], limit: float | None) -> tuple[str, str, list[float], float | None]:
    return title, "ms", rounds, limit


if __name__ == "__main__":
    main(measure)
