"""Statuses and codes of messages."""

from __future__ import annotations

import pytest

from sinch_provider.sms.delivery.codes import FAILED, FINAL, INTERMEDIATE, canonical_status, meaning


def test_statuses_are_read_in_any_casing() -> None:
    assert canonical_status("DELIVERED") == "Delivered"
    assert canonical_status("canceled") == canonical_status("Cancelled") == "Cancelled"
    assert canonical_status("Teleported") == "Teleported"
    assert FAILED | {"Delivered", "Unknown"} == FINAL
    assert not FINAL & INTERMEDIATE


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (0, "no error"),
        (405, "no parameter value for this recipient and no default"),
        (150, "unknown subscriber"),
        (155, "subscriber lookup failed"),
        (1, "routing error"),
        (15, "blocked by screening"),
        (350, "invalid parameter"),
        (409, "unknown code"),
        (9999, "unknown code"),
    ],
)
def test_codes_have_a_meaning(code: int, text: str) -> None:
    assert meaning(code) == text
