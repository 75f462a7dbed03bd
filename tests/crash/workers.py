"""Worker processes that play schedules in parallel, each with its own sandbox."""

from __future__ import annotations

import logging
import multiprocessing
import multiprocessing.util
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.crash.play import Played
    from tests.crash.schedules import Schedule

_CHUNK = 20
_play: Callable[[Schedule], Played]


def prepare_airflow() -> None:
    """Give Airflow a new home before it is first imported."""
    home = tempfile.mkdtemp(prefix="airflow-provider-sinch-crash-")
    multiprocessing.util.Finalize(None, shutil.rmtree, (home, True), exitpriority=1)
    os.environ.update(AIRFLOW_HOME=home, AIRFLOW__CORE__LOAD_EXAMPLES="False")


def hush() -> None:
    """Switch logging off. Airflow must be imported first, because it sets up its own logging."""
    import airflow.providers.common.compat.sdk  # noqa: F401

    logging.disable(logging.CRITICAL)
    with suppress(ImportError):  # Airflow 2 logs without it.
        import structlog

        structlog.configure(
            wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL),
            cache_logger_on_first_use=False,
        )


@contextmanager
def player() -> Iterator[Callable[[Schedule], Played]]:
    """Return a function that plays schedules with its own sandbox."""
    from tests.crash.play import play
    from tests.crash.points import instrumented
    from tests.crash.sandbox import Sandbox

    with Sandbox() as sandbox, instrumented():
        yield lambda schedule: play(sandbox, schedule)


def scheduled(text: str) -> Schedule:
    """Read a schedule: its JSON, or the seed of a random one."""
    from tests.crash import chance
    from tests.crash.schedules import Schedule

    return chance.schedule(int(text)) if text.isdigit() else Schedule.from_json(text)


def _begin() -> None:
    global _play
    prepare_airflow()
    hush()
    stack = ExitStack()
    _play = stack.enter_context(player())
    multiprocessing.util.Finalize(None, stack.close, exitpriority=10)


def _played(text: str) -> Played:
    return _play(scheduled(text))


def play_all(texts: Sequence[str], workers: int) -> Iterator[Played]:
    """Play many schedules."""
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _begin) as pool:
        yield from pool.map(_played, texts, chunksize=_CHUNK)
