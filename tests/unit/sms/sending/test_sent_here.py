"""What a machine remembers of its callbacks: for an hour, for their owner, and nothing personal."""

from __future__ import annotations

import os
import tempfile
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pendulum
import pytest

from sinch_provider.sms.account import Account, ServicePlanCredentials
from sinch_provider.sms.runtime import current, using
from sinch_provider.sms.sending.payload import Payload
from sinch_provider.sms.sending.sent_here import SentHere

MARIA, JOHAN = "+447700900222", "+447700900333"
ACCOUNT = Account(credentials=ServicePlanCredentials("plan", "token"))
HOUR = timedelta(hours=1)
NOW = pendulum.datetime(2026, 1, 1)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path / f"airflow-provider-sinch-{os.getuid()}"


def one(*to: str, account: Account = ACCOUNT, reference: str = "af-1") -> SentHere:
    return SentHere(account, reference, Payload.of_request({"to": list(to or (MARIA,)), "body": "Hi"}))


def at(after: timedelta) -> AbstractContextManager[None]:
    return using(replace(current(), now=lambda: NOW + after))


def test_knows_what_it_has_kept() -> None:
    assert one().find() is None
    one().keep("BATCH1")
    assert one().find() == one().find(HOUR) == "BATCH1"


def test_another_callback_account_or_recipient_is_another() -> None:
    one().keep("BATCH1")
    other = Account(credentials=ServicePlanCredentials("plan", "another"))
    assert [each.find() for each in (one(MARIA, JOHAN), one(reference="af-2"), one(account=other))] == [
        None
    ] * 3


def test_forgets_after_an_hour_or_a_window(folder) -> None:
    with at(timedelta()):
        one().keep("BATCH1")
        assert one().find(timedelta(seconds=1)) == "BATCH1"
    with at(HOUR / 2):
        assert one().find(HOUR / 2) is None
        assert one().find() == "BATCH1"
    with at(HOUR):
        assert one().find() is None
        one(JOHAN).keep("BATCH2")
    assert len(list(folder.iterdir())) == 1


def test_shows_nobody_and_nothing_personal(folder) -> None:
    one().keep("BATCH1")
    (file,) = folder.iterdir()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert "7700900222" not in f"{file} {file.read_text()}"


def test_what_others_could_have_written_is_not_trusted(folder, tmp_path) -> None:
    one().keep("BATCH1")
    folder.chmod(0o777)
    assert one().find() is None
    folder.chmod(0o700)
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    assert one().find() is None
    one().keep("BATCH2")


def test_what_is_no_batch_id_is_unknown(folder) -> None:
    one().keep("not an id")
    assert one().find() is None


def test_without_a_folder_nothing_is_known(folder) -> None:
    folder.write_text("")
    one().keep("BATCH1")
    assert one().find() is None


def test_one_at_a_time() -> None:
    with at(timedelta()):
        assert one().claim()
        assert one(JOHAN).claim()
        assert not one().claim()
        one().release()
        assert one().claim()
    with at(timedelta(minutes=1)):
        # Whoever claimed it is gone.
        assert one().claim()
        assert not one().claim()
