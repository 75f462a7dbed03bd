"""What ``SinchSmsNotifier`` needs only when it alerts: parsing a Dag does not load it."""

from __future__ import annotations

from airflow.providers.common.compat.sdk import mask_secret

from sinch_provider.hooks.sinch import SinchHook, conceal, read_account
from sinch_provider.sms.aio import AsyncSinchClient
from sinch_provider.sms.client import SinchClient
from sinch_provider.sms.runtime import current
from sinch_provider.sms.wire.following import within
from sinch_provider.task.alerts import SECONDS, alert_for, hasty, persistent, sendable

__all__ = [
    "SECONDS",
    "AsyncSinchClient",
    "SinchClient",
    "SinchHook",
    "alert_for",
    "conceal",
    "current",
    "hasty",
    "mask_secret",
    "persistent",
    "read_account",
    "sendable",
    "within",
]
