"""Who was to be sent what, what Airflow says of it, and what the ledger says."""

from __future__ import annotations

import json
import re
import textwrap
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from sinch_sandbox.client import SandboxClient
from tests.system.clears import STATES, Clear
from tests.system.cluster import KEEPS_TASK_STATE
from tests.system.kills import Kill
from tests.system.load import MADE_AT, UNGUARDED, Send
from tests.system.metadata import Key, Metadata
from tests.system.words import DECISIONS

_SAYS_SENT: Final = re.compile(
    r"was sent, but|earlier attempt sent batch|Batch \S+ of this task (was cancelled|has all)"
)
_SAYS_NOT_SENT: Final = "Nothing was sent."


@dataclass
class Outcome:
    """The outcome of one send."""

    send: Send
    state: str
    tries: int
    result: Any
    batches: dict[str, Counter[str]]
    """Live messages by batch and recipient."""
    clears: list[Clear] = field(default_factory=list)
    words: str = ""

    def __str__(self) -> str:
        text = ", text with time" if self.send.timed else ""
        cleared = " + ".join(clear.what for clear in self.clears) or "never"
        return (
            f"{self.state}, try {self.tries}{text}, cleared: {cleared}, result {self.result}, "
            f"batches {dict(self.batches)}"
        )

    def received(self, recipient: str) -> int:
        return sum(counts[recipient] for counts in self.batches.values())

    @property
    def duplicated(self) -> list[str]:
        return [each for each in sorted(self.send.recipients) if self.received(each) > 1]

    @property
    def lost(self) -> list[str]:
        if self.state != "success":
            return []
        return [each for each in sorted(self.send.recipients) if self.received(each) == 0]

    @property
    def unexpected(self) -> list[str]:
        return sorted({each for counts in self.batches.values() for each in counts} - self.send.recipients)

    @property
    def partial(self) -> bool:
        """Whether some recipients have been reached, and some have not."""
        return len({self.received(each) > 0 for each in self.send.recipients}) > 1

    @property
    def wrong_result(self) -> bool:
        """Whether a success names another batch than the one that reached everyone."""
        return (
            self.state == "success" and self.send.task_id != UNGUARDED and {self.result} != set(self.batches)
        )

    @property
    def wrong_words(self) -> bool:
        """Whether a failure says of a batch that it was sent, or that none was, and the ledger does not."""
        if self.state != "failed":
            return False
        return (
            not self.batches
            if _SAYS_SENT.search(self.words)
            else (_SAYS_NOT_SENT in self.words and bool(self.batches))
        )


@dataclass
class Report:
    """Everything found out about the sends of a test."""

    outcomes: list[Outcome]
    stray: int
    decisions: dict[str, Counter[str]] = field(default_factory=dict)

    def guarded(self, executor: str | None = None) -> list[Outcome]:
        return [
            each
            for each in self.outcomes
            if each.send.task_id != UNGUARDED and executor in {None, each.send.executor}
        ]

    @property
    def faults(self) -> list[str]:
        """What must not be, one line each."""
        lines = [f"{self.stray} messages belong to no send"] if self.stray else []
        for each in self.guarded():
            wrongs = {
                "duplicated": each.duplicated,
                "lost": each.lost,
                "unexpected": each.unexpected,
                "reached in part": each.partial,
                "names another batch": each.wrong_result,
                "says what the ledger does not": each.wrong_words,
                "failed for no known reason": each.state == "failed" and not each.words,
                "has not ended": each.state not in {"success", "failed"},
            }
            lines += [f"{each.send.text}: {wrong} ({each})" for wrong, there in wrongs.items() if there]
        return lines


def collect(
    sends: Sequence[Send],
    kills: Sequence[Kill],
    clears: Sequence[Clear],
    metadata: Metadata,
    sandbox: SandboxClient,
    folder: Path,
) -> Report:
    """Compare the sends with Airflow's database and logs and with the sandbox's ledger."""
    tasks, results = metadata.states(), metadata.results()
    cleared: dict[Key, list[Clear]] = defaultdict(list)
    for clear in clears:
        cleared[clear.run_id, clear.task_id, clear.map_index].append(clear)
    batches: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    for message in sandbox.messages():
        if message["status"] != "Cancelled":
            text = message["body"].partition(MADE_AT)[0]
            batches[text][message["batch_id"]][message["to"]] += 1
    outcomes = []
    for send in sends:
        state, tries = tasks.get(send.key, ("not there", 0))
        reached = dict(batches.pop(send.text, {}))
        outcomes.append(Outcome(send, state, tries, results.get(send.key), reached, cleared[send.key]))
    stray = sum(counts.total() for by_batch in batches.values() for counts in by_batch.values())
    report = Report(outcomes, stray)
    for outcome in outcomes:
        _read_logs(outcome, folder, report.decisions)
        if outcome.state == "failed" and not outcome.words:
            outcome.words = _silent(outcome, kills, metadata)
    return report


def _silent(outcome: Outcome, kills: Sequence[Kill], metadata: Metadata) -> str:
    """Say what ended the last try of a task that could not speak for itself; nothing if nobody knows."""
    mine = metadata.ids(outcome.send.key)
    struck = {
        f"{kill.target} {kill.signal}".removesuffix(" -") for kill in kills if mine.intersection(kill.tasks)
    }
    noted = metadata.noted(outcome.send.key, outcome.tries)
    reasons = [*sorted(struck), *(f"Airflow noted: {event}" for event in noted)]
    return f"(nothing; {'; '.join(reasons)})" if reasons else ""


def _read_logs(outcome: Outcome, folder: Path, decisions: dict[str, Counter[str]]) -> None:
    send = outcome.send
    place = f"dag_id=send_once/run_id={send.run_id}/task_id={send.task_id}"
    index = f"map_index={send.map_index}" if send.map_index >= 0 else "."
    logs = folder / send.executor / "logs" / place / index
    counts = decisions.setdefault(send.executor, Counter())
    for path in logs.glob("attempt=*.log"):
        last = path.name == f"attempt={outcome.tries}.log"
        for event in _events(path):
            text, errors = str(event.get("event", "")), event.get("error_detail")
            said = f"{errors[0].get('exc_type')}: {errors[0].get('exc_value')}" if errors else text
            for name, words in DECISIONS.items():
                counts[name] += words in said and send.task_id != UNGUARDED
            if last and errors and text == "Task failed with exception":
                outcome.words = said


def _events(path: Path) -> Iterable[Mapping[str, Any]]:
    for line in path.read_text(errors="replace").splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict):
            yield event


# Tables


def table(title: str, columns: Sequence[str], rows: Iterable[tuple[str, Sequence[object]]]) -> str:
    lines = [f"{title:<34}" + "".join(f"{column:>12}" for column in columns)]
    for name, values in rows:
        cells = "".join(f"{value:>12,}" if isinstance(value, int) else f"{value:>12}" for value in values)
        lines.append(f"  {name:<32}{cells}")
    return "\n".join(lines)


def kills_table(kills: Sequence[Kill], executors: Sequence[str]) -> str:
    counts = Counter((each.target, each.signal, each.executor) for each in kills)
    kinds = sorted({(target, how) for target, how, _ in counts})
    rows = [
        (f"{target}, {how}".removesuffix(", -"), [counts[target, how, each] for each in executors])
        for target, how in kinds
    ]
    total = Counter(each.executor for each in kills)
    return table("Kills", executors, [*rows, ("all", [total[each] for each in executors])])


def clears_table(report: Report, executors: Sequence[str]) -> str:
    """Count the clears by state and what was kept, and the outcomes of the sends that they struck."""
    made = [(clear, each) for each in report.outcomes for clear in each.clears]
    rows = []
    for state in STATES:
        for kept in (False, True) if KEEPS_TASK_STATE else (False,):
            struck = [(clear, each) for clear, each in made if (clear.state, clear.kept) == (state, kept)]
            ends = {each.send.key: each for _, each in struck}.values()
            rows.append(
                (
                    f"{state}, state kept" if kept else state,
                    [
                        *(sum(clear.executor == name for clear, _ in struck) for name in executors),
                        sum(each.send.timed for _, each in struck),
                        len(ends),
                        sum(each.state == "failed" for each in ends),
                        sum(bool(each.duplicated) for each in ends),
                        sum(bool(each.lost) for each in ends),
                    ],
                )
            )
    total = ("all", [sum(numbers[place] for _, numbers in rows) for place in range(len(executors) + 1)])
    columns = [*executors, "timed text", "tasks", "failed", "duplicated", "lost"]
    return table("Clears", columns, [*rows, total])


def _tallies(outcomes: Sequence[Outcome]) -> dict[str, int]:
    recipients = sum(len(each.send.recipients) for each in outcomes)
    duplicated = sum(len(each.duplicated) for each in outcomes)
    lost = sum(len(each.lost) for each in outcomes)
    unsent = sum(
        len(each.send.recipients) for each in outcomes if each.state != "success" and not each.batches
    )
    return {
        "runs": len({each.send.run_id for each in outcomes}),
        "tasks": len(outcomes),
        "  succeeded": sum(each.state == "success" for each in outcomes),
        "  failed": sum(each.state == "failed" for each in outcomes),
        "  of several tries": sum(each.tries > 1 for each in outcomes),
        "  cleared": sum(bool(each.clears) for each in outcomes),
        "batches": sum(len(each.batches) for each in outcomes),
        "recipients": recipients,
        "  ok": recipients - duplicated - lost - unsent,
        "  not sent, task failed": unsent,
        "  lost": lost,
        "  duplicated": duplicated,
        "  unexpected": sum(len(each.unexpected) for each in outcomes),
    }


def outcome_table(report: Report, executors: Sequence[str]) -> str:
    columns = {each: _tallies(report.guarded(each)) for each in executors}
    columns["unguarded"] = _tallies([each for each in report.outcomes if each.send.task_id == UNGUARDED])
    rows = [(name, [tallies[name] for tallies in columns.values()]) for name in columns["unguarded"]]
    return table("Sends", list(columns), rows)


def decision_table(report: Report, executors: Sequence[str]) -> str:
    rows = [(name, [report.decisions.get(each, Counter())[name] for each in executors]) for name in DECISIONS]
    return table("What operators said", executors, rows)


def failures_table(report: Report) -> str:
    """List what failed tasks said last, and whether their batch is in the ledger."""
    counts: dict[str, Counter[bool]] = defaultdict(Counter)
    for each in report.guarded():
        if each.state == "failed":
            words = re.sub(r"\b(?:af-\S+|[0-9A-Z]{26})", "...", each.words)
            counts[words.split("\n")[0][:300]][bool(each.batches)] += 1
    lines = [f"{'Failed tasks said last':<34}{'sent':>12}{'not sent':>12}"]
    for words, found in sorted(counts.items()):
        lines += textwrap.wrap(words, 100, initial_indent="  ", subsequent_indent="    ")
        lines.append(f"{'':<34}{found[True]:>12}{found[False]:>12}")
    return "\n".join(lines if counts else ["No task failed."])
