"""The world of a campaign: its people, who is excluded, and what changes about them."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sinch_provider.sms.fields.times import parse_time
from tests.crash import nemeses
from tests.crash.actors import Actor, point
from tests.crash.campaign import strands
from tests.crash.campaign.process import run_campaign
from tests.crash.campaign.schedules import CampaignSchedule
from tests.crash.nemeses import KILLS
from tests.crash.payloads import Payload
from tests.crash.sandbox import Sandbox
from tests.crash.schedules import Event, event
from tests.crash.world import Attempt, TaskInstance, World

_BASE = 447700900200
#: The index of the first person who is not in the audience at first.
NEW = 60
#: The index of somebody who is never in the audience.
_NOBODY = 99
#: The hour at which a run with a window begins.
NINE = 9
#: How long Airflow takes, at least, to let a task wait and go on.
_RESUMES = 30.0
#: After a clear in vain, a failed canary may be the reason; then another one goes out with another text.
_CLEARS = 2


def number(person: int) -> str:
    """Return the digits of a person's number."""
    return str(_BASE + person)


def person_of(digits: str) -> int:
    """Return whose number it is."""
    return int(digits.removeprefix("+")) - _BASE


def texts_of(person: int) -> set[str]:
    """Return the texts that a person may get, one of them."""
    return {f"{greeting} P{person}{end}" for greeting in ("Hi", "Hej") for end in ("", "!")}


@dataclass
class Entry:
    """
    An entry into the campaign.

    :param people: The audience at its beginning, as the source has it.
    :param seen: Who was excluded when this entry last read that.
    """

    people: list[int]
    languages: int
    zone: str
    began: float
    attempt: Attempt = field(repr=False)
    succeeded: bool = False
    #: Whether it has read the source.
    read: bool = False
    error: Exception | None = None
    #: How many people are in batches of which this entry knows that Sinch has accepted them.
    accepted: int = 0
    summary: dict[str, Any] | None = None
    seen: set[str] = field(default_factory=set)
    #: When each batch was cut.
    cuts: dict[tuple[str, ...], float] = field(default_factory=dict, repr=False)

    @property
    def rows(self) -> list[dict[str, str]]:
        """The rows of the source. A number that is there again is written differently."""
        rows = []
        for place, person in enumerate(self.people):
            digits = number(person)
            again = person in self.people[:place]
            phone = f"+{digits[:2]} {digits[2:6]}-{digits[6:]}" if again else f"+{digits}"
            language = "sv" if self.languages > 1 and person % 3 == 1 else ""
            rows.append({"phone": phone, "name": f"P{person}", "language": language, "zone": self.zone})
        return rows


@dataclass
class Post:
    """A request to send that has left."""

    at: float
    people: list[str]
    cut: float


class CampaignWorld(World):
    """One run of one Dag with one campaign, through a schedule of trouble."""

    schedule: CampaignSchedule

    def __init__(self, sandbox: Sandbox, schedule: CampaignSchedule) -> None:
        super().__init__(sandbox, schedule)
        if schedule.dispatch != 1:
            sandbox.control("PATCH", "settings", {"dispatch_delay": schedule.dispatch})
        self.zone = ""
        if schedule.window is not None:
            # The sandbox begins at the real time.
            start = self.clock.now()
            self.clock.advance((start.add(hours=1).start_of("hour") - start).total_seconds())
            behind = self.clock.now().hour - NINE
            self.zone = f"Etc/GMT{behind - 24 if behind > 12 else behind:+d}"
            self.started_at = self.due = self.clock.now(schedule.skews[-1])
        self.opened = self.clock.elapsed
        self.people = list(range(schedule.people))
        self.people += self.people[: schedule.doubles]
        self.newcomers = 0
        #: Who is excluded, since when.
        self.excluded: dict[str, float] = dict.fromkeys(
            (number(each) for each in self.people[len(self.people) - schedule.excluded :]), -1.0
        )
        #: Whether the source of exclusions has lost its rows.
        self.exclusions_gone = False
        #: Where plans are kept, and who is in the last one.
        self.plans = Path(tempfile.mkdtemp(prefix="plans-")) if schedule.plan else None
        self.planned = self.people
        self.entries: list[Entry] = []
        self.posts: list[Post] = []
        self.posts_at_kills: list[int] = []
        #: Values that the journal had before.
        self.older_journals: list[str] = []
        #: When a person has cancelled the batch of somebody.
        self.cancelled_people: dict[str, float] = {}
        #: Requests that a proxy has repeated.
        self.repeated: list[list[str]] = []
        self.posts_when_stopped: Counter[Actor] = Counter()
        self.broken: list[str] = []
        self.healed = False

    # Airflow

    def play(self) -> None:
        """Run until all is over. If the task has failed, it is cleared, without any trouble left."""
        super().play()
        for _ in range(_CLEARS):
            if all(ti.state == "success" for ti in self.tasks) or self.is_given_up:
                return
            self._heal()
            super().play()

    def _heal(self) -> None:
        self.healed = True
        self.sandbox.control("PUT", "faults", [])
        self.sandbox.control("PATCH", "settings", {"dispatch_delay": 1})
        self.pending, self.trouble, self.exclusions_gone = [], nemeses.Trouble(), False
        if self.canary_failed:
            self.variant = "text"
        nemeses.clear(self, None, event("finished", "clear"))

    @property
    def canary_failed(self) -> bool:
        """Whether the canary has stopped the campaign. Only another text goes to the others then."""
        return "The canary has stopped" in str(self.tasks[0].error)

    @property
    def is_given_up(self) -> bool:
        """Whether only a person can say what to do: another account, too long ago, or too many people."""
        if "max_recipients" in str(self.tasks[0].error):
            return self.schedule.cap is not None
        return "other account" in self.schedule.acts or self.clock.elapsed > 12 * 86_400

    def run_task(self, actor: Actor, ti: TaskInstance, attempt: Attempt, resumed: Any) -> None:
        entry = Entry(list(self.people), self.schedule.languages, self.zone, self.clock.elapsed, attempt)
        self.entries.append(entry)
        actor.entry = entry  # type: ignore[attr-defined]
        run_campaign(self, actor, ti, attempt, entry, resumed=resumed is not None)

    def _trigger(self, ti: TaskInstance) -> None:
        """Wait as the triggerer does. Then the task goes on, in a new process."""
        left = parse_time(ti.deferral["until"]) - self.clock.now()
        self.clock.advance(max(_RESUMES, left.total_seconds()))
        nemeses.strike_idle(self, "deferred", ti)
        if ti.state == "deferred":
            ti.state, ti.event = "resuming", {}

    def _asked(self, ti: TaskInstance) -> list[Payload]:
        return []

    def pass_point(self, actor: Actor, name: str) -> None:
        super().pass_point(actor, name)
        strands.pass_on(name)
        if name == "leaving":
            people = strands.sending_to()
            entry: Entry = actor.entry  # type: ignore[attr-defined]
            self._note_stopped(actor)
            # Where Sinch has refused some of them, the others follow at once.
            cut = entry.cuts.get(tuple(people), self.clock.elapsed)
            self.posts.append(Post(self.clock.elapsed, people, cut))

    def _note_stopped(self, actor: Actor) -> None:
        """Note a request of a process that Airflow has asked to end. Those on their way may still leave."""
        if actor.grace is not None:
            self.posts_when_stopped[actor] += 1
            if self.posts_when_stopped[actor] == self.schedule.in_flight + 1:
                self.broken.append("a process that was asked to end sent on")

    # Events

    def act(self, actor: Actor | None, event: Event) -> bool:
        """Carry out an event that campaigns have."""
        act = event.act
        if act == "clear" and actor is not None and actor.stale:
            # It would end the process that was replaced, and the one that runs would not notice: a known gap.
            return True
        if act in KILLS:
            self.posts_at_kills.append(len(self.posts))
        if act == "audience":
            self._change_audience(event["to"])
        elif act == "exclude":
            who = number(self.people[event.get("who", 0) % len(self.people)])
            self.excluded.setdefault(who, self.clock.elapsed)
        elif act == "exclusions fail":
            self.trouble.left[act] += event.get("count", 1)
        elif act == "exclusions gone":
            self.exclusions_gone = True
        elif act == "forge plan":
            self._forge_plan()
        elif act == "stale journal":
            self._restore_journal(event.get("back", 1))
        elif act == "cancel batch":
            self._cancel(event.get("which", 0))
        elif act == "proxy repeats":
            self._repeat()
        else:
            return False
        return True

    def _change_audience(self, how: str) -> None:
        people = self.people
        middle = len(people) // 2
        if how in {"front", "middle", "end", "other"}:
            place = {"front": 0, "end": len(people)}.get(how, middle)
            people.insert(place, NEW + self.newcomers)
            self.newcomers += 1
            if how == "other":
                people.pop(0)
        elif how == "fewer" and len(people) > 2:
            people.pop(middle)
            people.pop(0)
        elif how == "reversed":
            people.reverse()
        elif how == "swapped":
            self.people = people[middle:] + people[:middle]
        elif how == "doubled":
            people.append(people[0])

    def _restore_journal(self, back: int) -> None:
        if not self.older_journals:
            return
        value = self.older_journals[-min(back, len(self.older_journals))]
        for ti in self.tasks:
            ti.store = dict.fromkeys(ti.store, value)

    def _cancel(self, which: int) -> None:
        self.clock.catch_up()
        batches = self.sandbox.batches()
        if not batches or self.account == "project":
            return
        batch = sorted(batches, key=lambda each: each["id"])[which % len(batches)]
        self.sandbox.cancel(batch["id"])
        self.cancelled_people |= dict.fromkeys(batch["to"], self.clock.elapsed)

    def _repeat(self) -> None:
        """Let a proxy carry a request to Sinch once more."""
        self.clock.catch_up()
        batches = [each for each in self.sandbox.batches() if each["id"] not in self.decoys]
        if not batches or self.account == "project":
            return
        batch = max(batches, key=lambda each: each["id"])
        names = ("to", "body", "client_reference", "parameters")
        self.repeated.append(batch["to"])
        with suppress(Exception):  # The answer may be lost, too.
            self.sandbox.send({name: batch[name] for name in names if batch.get(name)})

    def _forge_plan(self) -> None:
        """Put somebody else into the plan."""
        for file in self.plans.iterdir() if self.plans else ():
            somebody, nobody = (number(each).encode() for each in (self.planned[0], _NOBODY))
            file.write_bytes(file.read_bytes().replace(somebody, nobody))

    # What entries meet

    @contextmanager
    def noting_plan(self, entry: Entry) -> Iterator[None]:
        """Note whom an entry knew from a plan, if it has not read the source."""
        try:
            yield
        finally:
            if self.plans and not entry.read:
                entry.people = list(self.planned)

    def note_cut(self, entry: Entry, people: list[str]) -> None:
        """Note whom a batch is for at the moment when it is made."""
        entry.cuts[tuple(people)] = self.clock.elapsed
        known = {each for other in self.entries for each in other.seen} if self.remembers else entry.seen
        if wrong := set(people) & known:
            self.broken.append(f"{len(wrong)} people were cut into a batch although they are excluded")

    @property
    def remembers(self) -> bool:
        """Whether the journal tells every entry that there were exclusions."""
        schedule = self.schedule
        kept = schedule.has_journal and schedule.airflow in {"3.3", "3.4 keep"}
        # A process that was replaced cannot write what it has seen.
        return kept and not schedule.acts & {"garble journal", "stale journal", "wipe journal", "stop"}

    def read_exclusions(self, entry: Entry) -> list[tuple[str]]:
        """Read who is excluded."""
        point("reading exclusions")
        if self.trouble.take("exclusions fail"):
            raise OSError("the database is down")
        found = [] if self.exclusions_gone else list(self.excluded)
        if not self.exclusions_gone:
            entry.seen = set(found)
        return [(f"+{each}",) for each in found]
