"""Bad rows in a file."""

from __future__ import annotations

import csv
import io

from sinch_provider.sms.campaign.check import check
from sinch_provider.sms.campaign.layout import Layout
from sinch_provider.sms.campaign.quarantine import csv_quarantine
from sinch_provider.sms.campaign.rows import rows_of


def test_a_file_of_bad_rows() -> None:
    file = io.StringIO(newline="")
    rows = [(1, "+447700900222"), ('a,"b"', "07700 900333"), (3, "")]
    layout = Layout(number_column="phone", id_column="id", body="Hi")
    check(rows_of(rows, ["id", "phone"]), layout, csv_quarantine(file)).close()
    names, second, third = csv.reader(io.StringIO(file.getvalue()))
    assert names == ["row", "id", "column", "reason", "number"]
    assert second[:3] == ["2", 'a,"b"', "phone"]
    assert second[4] == "+0770***0333"
    assert third == ["3", "3", "phone", "is missing", ""]
