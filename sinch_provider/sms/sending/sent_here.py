"""
What the callbacks of this machine have sent within the last hour.

After a lost heartbeat, Airflow runs the same callback twice within a second, in the Dag processor. By then
Sinch may not list the first alert yet, but this machine knows that Sinch has accepted it.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sinch_provider.sms.runtime import utcnow

if TYPE_CHECKING:
    from sinch_provider.sms.account import Account
    from sinch_provider.sms.sending.payload import Payload

#: By then, Sinch lists what it has accepted.
_KEPT_FOR: Final = timedelta(hours=1)
#: By then, an alert is over.
_CLAIMED_FOR: Final = timedelta(seconds=30)
_BATCH_ID: Final = re.compile(r"[0-9A-Za-z]{1,64}")


class SentHere:
    """
    The batch that a callback of this machine has sent to some recipients.

    It is a file that only its owner can read. The name is a hash, keyed with the account's secret; the
    content is the batch's id. If files cannot be written or read, nothing is known.

    :param reference: The reference of the callback.
    :param payload: Has the recipients.
    """

    def __init__(self, account: Account, reference: str, payload: Payload) -> None:
        people = payload.fingerprint(account.credentials.secret).recipients
        names = "\0".join((account.api_root, reference, people))
        self._name = hashlib.sha256(names.encode()).hexdigest()

    def find(self, window: timedelta | None = None) -> str | None:
        """
        Return the id of the batch; None if none is known.

        :param window: How long ago it was sent, at most.
        """
        longest = _KEPT_FOR if window is None else min(window, _KEPT_FOR)
        with suppress(OSError):
            file = _folder() / self._name
            if _age(file) < longest:
                found = _BATCH_ID.fullmatch(file.read_text())
                return found[0] if found else None
        return None

    def claim(self) -> bool:
        """
        Claim the send, so that another one of the same callback waits for its end.

        :returns: False if another one has claimed it.
        """
        with suppress(OSError):
            claim = self._claim
            try:
                claim.touch(exist_ok=False)
            except FileExistsError:
                if _age(claim) < _CLAIMED_FOR:
                    return False
            _date(claim)
        return True

    def release(self) -> None:
        """Give up the claim."""
        with suppress(OSError):
            self._claim.unlink(missing_ok=True)

    @property
    def _claim(self) -> Path:
        return _folder() / f"{self._name}.claim"

    def keep(self, batch_id: str) -> None:
        """Remember the batch, and forget what is old."""
        with suppress(OSError):
            folder = _folder()
            # Whoever reads it meanwhile finds all of it or nothing.
            new = folder / f"{self._name}.{os.getpid()}"
            new.write_text(batch_id)
            _date(new)
            new.replace(folder / self._name)
            for file in _old(folder):
                file.unlink(missing_ok=True)


def _folder() -> Path:
    """
    Make the folder.

    :raises OSError: It cannot be made; or it is not this user's own, so its content cannot be trusted.
    """
    folder = Path(tempfile.gettempdir()) / f"airflow-provider-sinch-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if folder.is_symlink() or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise PermissionError
    return folder


def _age(file: Path) -> timedelta:
    return timedelta(seconds=utcnow().timestamp() - file.stat().st_mtime)


def _date(file: Path) -> None:
    """Date a file by the clock that its age is measured with."""
    now = utcnow().timestamp()
    os.utime(file, (now, now))


def _old(folder: Path) -> Iterator[Path]:
    return (file for file in list(folder.iterdir()) if _age(file) >= _KEPT_FOR)
