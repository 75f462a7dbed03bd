"""What became of a message, in one word."""

from __future__ import annotations

import pytest

from sinch_provider.sms.delivery.kinds import FIXABLE, STOPS, TEMPORARY, Kind, advice_for, kind_of


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        ("Delivered", 0, Kind.DELIVERED),
        ("DELIVERED", 153, Kind.DELIVERED),
        ("Queued", 400, Kind.PENDING),
        ("Dispatched", 401, Kind.PENDING),
        ("Strange", 153, Kind.PENDING),
        ("Unknown", 153, Kind.UNKNOWN),
        ("Failed", 0, Kind.TEMPORARY),
        ("Failed", 153, Kind.TEMPORARY),
        ("Expired", 0, Kind.TEMPORARY),
        ("Aborted", 404, Kind.TEMPORARY),
        ("Failed", 150, Kind.PERMANENT),
        ("Rejected", 60, Kind.PERMANENT),
        ("Aborted", 403, Kind.PERMANENT),
        ("Failed", 999, Kind.PERMANENT),
        ("Aborted", 413, Kind.FIXABLE),
        ("Aborted", 406, Kind.FIXABLE),
        # They may have opted out.
        ("Deleted", 153, Kind.PERMANENT),
        ("Cancelled", 407, Kind.CANCELLED),
        ("Canceled", 0, Kind.CANCELLED),
        ("Aborted", 407, Kind.CANCELLED),
    ],
)
def test_the_status_counts_before_the_code(status, code, kind):
    assert kind_of(status, code) is kind


def test_operators_may_number_otherwise():
    assert kind_of("Failed", 13, temporary={13}) is Kind.TEMPORARY
    assert kind_of("Failed", 153, temporary={13}) is Kind.PERMANENT


def test_no_code_is_of_two_kinds():
    assert not TEMPORARY & FIXABLE
    # What stops a campaign is not sent again by a machine.
    assert not TEMPORARY & STOPS


def test_whatever_stops_a_campaign_comes_with_advice():
    assert {60, 62, 64} <= STOPS
    assert all(advice_for(code) for code in STOPS)
    assert advice_for(150) is None
