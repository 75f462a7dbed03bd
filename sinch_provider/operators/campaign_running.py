"""What the operators of campaigns need only when their tasks run: parsing a Dag does not load it."""

from __future__ import annotations

from sinch_provider.operators.running import airflow_failures, is_nested
from sinch_provider.sms.campaign.check import check
from sinch_provider.sms.campaign.cut import MOST
from sinch_provider.sms.campaign.entry import Entry, Wait, nobody, refusal
from sinch_provider.sms.campaign.failures import failures_of
from sinch_provider.sms.campaign.pace import people_of_batch, requests_at_once
from sinch_provider.sms.campaign.results import Results
from sinch_provider.sms.campaign.sending import Sending
from sinch_provider.sms.campaign.unfinished import unfinished
from sinch_provider.sms.delivery.kinds import TEMPORARY
from sinch_provider.task.campaigns import TaskCampaign, campaign_of
from sinch_provider.task.exclusions import exclusions_of
from sinch_provider.task.identity import task_context
from sinch_provider.task.plans import Plan, purpose_of
from sinch_provider.task.quarantine import quarantine
from sinch_provider.task.sources import read_file, read_query, read_value
from sinch_provider.triggers.campaign import SinchCampaignTrigger, check_event

__all__ = [
    "MOST",
    "TEMPORARY",
    "Entry",
    "Plan",
    "Results",
    "Sending",
    "SinchCampaignTrigger",
    "TaskCampaign",
    "Wait",
    "airflow_failures",
    "campaign_of",
    "check",
    "check_event",
    "exclusions_of",
    "failures_of",
    "is_nested",
    "nobody",
    "people_of_batch",
    "purpose_of",
    "quarantine",
    "read_file",
    "read_query",
    "read_value",
    "refusal",
    "requests_at_once",
    "task_context",
    "unfinished",
]
