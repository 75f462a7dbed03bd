"""What ``SinchCampaignOperator`` needs only when its task runs: parsing a Dag does not load it."""

from __future__ import annotations

from sinch_provider.operators.running import airflow_failures
from sinch_provider.sms.campaign.check import check
from sinch_provider.sms.campaign.entry import Entry, refusal
from sinch_provider.sms.campaign.sending import Sending
from sinch_provider.task.campaigns import TaskCampaign
from sinch_provider.task.exclusions import exclusions_of
from sinch_provider.task.quarantine import quarantine
from sinch_provider.task.sources import read_file, read_query, read_value
from sinch_provider.triggers.campaign import SinchCampaignTrigger, check_event

__all__ = [
    "Entry",
    "Sending",
    "SinchCampaignTrigger",
    "TaskCampaign",
    "airflow_failures",
    "check",
    "check_event",
    "exclusions_of",
    "quarantine",
    "read_file",
    "read_query",
    "read_value",
    "refusal",
]
