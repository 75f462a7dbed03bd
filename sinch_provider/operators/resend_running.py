"""What ``SinchResendFailedOperator`` needs only when its task runs: parsing a Dag does not load it."""

from __future__ import annotations

from sinch_provider.sms.campaign.entry import Entry, refusal
from sinch_provider.sms.campaign.exclusions import Exclusions
from sinch_provider.sms.campaign.failures import failures_of
from sinch_provider.sms.campaign.sending import Sending
from sinch_provider.sms.delivery.kinds import TEMPORARY
from sinch_provider.task.campaigns import TaskCampaign
from sinch_provider.task.sources import read_file, read_query, read_value

__all__ = [
    "TEMPORARY",
    "Entry",
    "Exclusions",
    "Sending",
    "TaskCampaign",
    "failures_of",
    "read_file",
    "read_query",
    "read_value",
    "refusal",
]
