"""The state of one running sandbox, and the options it was started with."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from sinch_sandbox.core.clock import Clock, ClockMode
from sinch_sandbox.core.faults import Faults
from sinch_sandbox.core.ids import IdFactory
from sinch_sandbox.core.late import Late
from sinch_sandbox.core.outcomes import Outcomes, Script
from sinch_sandbox.core.settings import Credentials, Settings
from sinch_sandbox.core.store.database import TEMPORARY
from sinch_sandbox.core.store.store import Store
from sinch_sandbox.core.tokens import TokenBucket, Tokens
from sinch_sandbox.core.watch import Changes


@dataclass(frozen=True)
class Options:
    """Options of a sandbox that are fixed at its start."""

    db: str = TEMPORARY
    clock: ClockMode = "real"
    speed: float = 1.0
    credentials: Credentials = field(default_factory=Credentials)
    settings: Settings = field(default_factory=Settings)
    outcomes: tuple[tuple[str, Script], ...] = ()
    """What is scripted from the start: digits with which numbers begin, and their outcome."""
    allow_remote: bool = False
    """Whether it may listen where other machines can reach it; everyone who reaches it controls it."""
    allow_hosts: tuple[str, ...] = ()
    """Host names it answers to, besides addresses and loopback names."""
    allow_remote_callbacks: bool = False


class Sandbox:
    """The parts of a sandbox. Its routes are elsewhere."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.settings = options.settings
        self.credentials = options.credentials
        self.changes = Changes()
        self.store = Store(options.db, self.changes.announce)
        self.clock = Clock(options.clock, options.speed, self.store.latest_instant())
        self.ids = IdFactory(self.store.last_id())
        self.tokens = Tokens(self.store.secret(), options.credentials, self.clock.now)
        self.token_bucket = TokenBucket()
        self.outcomes = Outcomes()
        self.outcomes.script(options.outcomes)
        self.faults = Faults()
        self.late = Late()
        self.calls: Counter[str] = Counter()
        self.answers: Counter[tuple[str, str]] = Counter()
        """Calls by operation and class of the status, such as ``2xx``; ``lost`` if no answer was given."""

    def advance(self, seconds: float) -> int:
        now = self.clock.advance(seconds)
        self.store.remember_clock(now)
        return now

    def clear(self) -> None:
        """Forget everything sent and received, and late calls."""
        self.store.clear()
        self.late.clear()

    def reset(self) -> None:
        """Return to a fresh start with an empty database; access tokens stay valid."""
        self.clear()
        self.store.clear_groups()
        self.store.forget_clock()
        self.clock.reset(floor=0)
        self.settings = self.options.settings
        self.token_bucket = TokenBucket()
        self.outcomes.script(self.options.outcomes)
        self.faults = Faults()
        self.calls.clear()
        self.answers.clear()

    def close(self) -> None:
        self.store.close()
