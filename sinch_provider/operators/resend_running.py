"""What ``SinchResendFailedOperator`` needs only when its task runs: parsing a Dag does not load it."""

from __future__ import annotations

from sinch_provider.sms.campaign.exclusions import Exclusions
from sinch_provider.sms.campaign.failures import Failures, failures_of
from sinch_provider.sms.campaign.reached import Reached
from sinch_provider.sms.campaign.sending import Round, Sending
from sinch_provider.sms.delivery.kinds import TEMPORARY
from sinch_provider.task.campaigns import TaskCampaign
from sinch_provider.task.failures import SinchTaskFailed
from sinch_provider.task.sources import read_file, read_query, read_value

__all__ = [
    "TEMPORARY",
    "Exclusions",
    "Failures",
    "Reached",
    "Round",
    "Sending",
    "SinchTaskFailed",
    "TaskCampaign",
    "failures_of",
    "read_file",
    "read_query",
    "read_value",
]
