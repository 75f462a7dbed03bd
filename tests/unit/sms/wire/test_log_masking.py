"""What urllib3 logs about our requests shows no numbers, and imports change no logger."""

from __future__ import annotations

import logging
import subprocess
import sys

import pytest

from sinch_provider.sms.client import SinchClient
from tests.unit.sms.conftest import plan_account

URLLIB3 = "urllib3.connectionpool"


def test_a_client_masks_the_lines_of_urllib3(caplog: pytest.LogCaptureFixture) -> None:
    SinchClient(plan_account("http://localhost")).close()
    caplog.set_level(logging.DEBUG)
    log = logging.getLogger(URLLIB3)
    log.debug('"%s %s"', "GET", "/xms/v1/plan/batches/ID/delivery_report/%2B447700900222")
    log.debug('"%s %s"', "GET", "/elsewhere/%2B447700900222")
    assert [record.getMessage() for record in caplog.records] == [
        '"GET /xms/v1/plan/batches/ID/delivery_report/+4477***0222"',
        '"GET /elsewhere/%2B447700900222"',
    ]


def test_many_clients_install_one_filter() -> None:
    SinchClient(plan_account("http://localhost")).close()
    before = list(logging.getLogger(URLLIB3).filters)
    SinchClient(plan_account("http://localhost")).close()
    assert logging.getLogger(URLLIB3).filters == before


def test_an_import_installs_no_filter() -> None:
    code = (
        "import logging, sinch_provider.sms.client, sinch_provider.sms.aio\n"
        f"assert not logging.getLogger({URLLIB3!r}).filters"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
