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

from tests.crash.harnesses import HARNESSES

if TYPE_CHECKING:
    from tests.crash.play import Played
    from tests.crash.schedules import Schedule

_CHUNK = 20
_play: Callable[[Schedule], Played]
_read: Callable[[str], Schedule]


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
def player(name: str = "sends") -> Iterator[Callable[[Schedule], Played]]:
    """Return a function that plays schedules of a harness with its own sandbox."""
    from tests.crash.sandbox import Sandbox

    harness = HARNESSES[name]()
    with Sandbox() as sandbox, harness.instrumented():
        yield lambda schedule: harness.play(sandbox, schedule)


def _begin(name: str) -> None:
    global _play, _read
    prepare_airflow()
    hush()
    stack = ExitStack()
    _play = stack.enter_context(player(name))
    _read = HARNESSES[name]().read
    multiprocessing.util.Finalize(None, stack.close, exitpriority=10)


def _played(text: str) -> Played:
    return _play(_read(text))


def play_all(name: str, texts: Sequence[str], workers: int) -> Iterator[Played]:
    """Play many schedules of a harness."""
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _begin, (name,)) as pool:
        yield from pool.map(_played, texts, chunksize=_CHUNK)
