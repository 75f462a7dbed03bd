"""The journal's format, which attempts before and after an upgrade share."""

from __future__ import annotations

from typing import Any

import pendulum
import pytest

from sinch_provider.sms.errors import SinchNotSentError
from sinch_provider.sms.sending.journal import Entry, Journal, State
from sinch_provider.sms.sending.payload import Fingerprint
from tests.unit.sms.sending.attempts import MemoryStore

ENTRY = Entry(
    account="acc",
    reference="af-x",
    token="",
    try_number=1,
    max_tries=2,
    retries=2,
    attempt=1,
    began=pendulum.datetime(2026, 1, 1),
    intended=pendulum.datetime(2026, 1, 1, 1),
    fingerprint=Fingerprint("k", "r", "t"),
    state=State.SENT,
    batch_id="01B",
    superseded=("01A",),
)
STORED = {
    "version": 2,
    "account": "acc",
    "reference": "af-x",
    "token": "",
    "cycle": [1, 2, 2],
    "attempt": 1,
    "began": "2026-01-01T00:00:00.000Z",
    "intended": "2026-01-01T01:00:00.000Z",
    "fingerprint": ["k", "r", "t"],
    "state": "sent",
    "batch_id": "01B",
    "superseded": ["01A"],
}


def test_the_format_of_an_entry(store):
    Journal(store).write(ENTRY)
    assert store.value == STORED
    assert Journal(store).read() == ENTRY


@pytest.mark.parametrize(
    "stored",
    [
        "text",
        [],
        {},
        {**STORED, "version": 1},
        {**STORED, "cycle": [1, 2]},
        {**STORED, "cycle": [1, True, 2]},
        {**STORED, "attempt": -1},
        {**STORED, "began": "yesterday"},
        {**STORED, "fingerprint": ["k", "r"]},
        {**STORED, "state": "lost"},
        {**STORED, "batch_id": None},
        {**STORED, "state": "intent"},
        {**STORED, "superseded": [1]},
    ],
    ids=str,
)
def test_what_is_no_entry_is_unreadable(store, stored, caplog):
    store.value = stored
    journal = Journal(store)
    assert journal.read() is None
    assert journal.unreadable
    assert "unreadable" in caplog.text


def test_an_empty_journal_is_not_unreadable(store):
    journal = Journal(store)
    assert journal.read() is None
    assert not journal.unreadable


class Broken(MemoryStore):
    """A store whose errors quote what was to be written."""

    def set(self, value: Any) -> None:
        raise ValueError(f"cannot store {value}")


def test_an_error_of_the_store_is_neither_chained_nor_quoted():
    with pytest.raises(SinchNotSentError, match="ValueError") as caught:
        Journal(Broken()).write(ENTRY)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert "af-x" not in str(caught.value)


def test_an_outcome_that_cannot_be_written_is_logged(caplog):
    Journal(Broken()).try_to_write(ENTRY)
    assert "was not written to the journal" in caplog.text
    assert "sent nothing" not in caplog.text
