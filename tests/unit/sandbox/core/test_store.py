"""The ledger itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from sinch_sandbox.core.store.store import Store


def test_a_write_that_fails_half_way_leaves_nothing(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "sms.db"))

    def fail() -> None:
        with store.transaction():
            store.remember_clock(5)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert store.latest_instant() == 0
    with store.transaction():
        store.remember_clock(5)
    store.close()
    assert Store(str(tmp_path / "sms.db")).latest_instant() == 5
