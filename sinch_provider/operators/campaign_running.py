"""What ``SinchCampaignOperator`` needs only when its task runs: parsing a Dag does not load it."""

from __future__ import annotations

from sinch_provider.sms.campaign.check import check
from sinch_provider.sms.campaign.cut import messages_for
from sinch_provider.sms.campaign.sending import Sending
from sinch_provider.task.campaigns import TaskCampaign
from sinch_provider.task.sources import read_file, read_query, read_value

__all__ = [
    "Sending",
    "TaskCampaign",
    "check",
    "messages_for",
    "read_file",
    "read_query",
    "read_value",
]
