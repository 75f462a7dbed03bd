"""Runs a test that takes long in a folder of its own, which is kept only if something goes wrong."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.system.processes import SystemTestError, stop_when_told


def run_in_folder(
    name: str,
    title: str,
    test: Callable[[Path], bool],
    *,
    keep: bool,
    kept: str,
    failures: tuple[type[Exception], ...] = (SystemTestError,),
) -> int:
    """
    Run a test, and return the exit code of the process.

    :param name: Of the folder, before what makes it unique.
    :param title: What is printed first.
    :param test: Returns whether everything was as it must be.
    :param keep: Whether the folder is kept also then.
    :param kept: What is in it, for the last line.
    :param failures: Errors whose text says everything.
    """
    stop_when_told()
    folder = Path(tempfile.mkdtemp(prefix=f"{name}-"))
    # Postgres's user has to reach its own folder within.
    folder.chmod(0o711)
    print(title)
    print(folder, flush=True)
    good = False
    try:
        good = test(folder)
    except failures as error:
        print(f"\n{error}")
    except KeyboardInterrupt:
        print("\nStopped.")
        return 130
    finally:
        if good and not keep:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            print(f"{kept} are kept in {folder}")
    return 0 if good else 1
