"""What tasks count for Airflow's metrics, and what they tell OpenTelemetry: nothing personal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sinch_provider.sms.delivery.codes import FAILED
from sinch_provider.sms.errors import SinchError, SinchRateLimitError, SinchUncertainError

if TYPE_CHECKING:
    from sinch_provider.sms.delivery.outcome import Summary
    from sinch_provider.sms.sending.sent import Sent


def count(name: str, number: int = 1) -> None:
    """
    Add to a counter of Airflow's metrics.

    :param name: The name after ``sinch.``.
    """
    try:
        from airflow.providers.common.compat.sdk import Stats
    except ImportError:
        return
    if number:
        Stats.incr(f"sinch.{name}", number)


def count_sent(sent: Sent) -> None:
    """Count a batch that was sent, or found."""
    count("batches.adopted" if sent.adopted else "batches.sent")


def count_error(error: SinchError) -> None:
    """Count an error that ends an attempt, if it is one to watch."""
    if isinstance(error, SinchUncertainError):
        count("batches.uncertain")
    elif isinstance(error, SinchRateLimitError):
        count("rate_limited")


def count_outcome(summary: Summary) -> None:
    """Count the recipients of finished batches by what became of their messages."""
    delivered = failed = other = 0
    for (status, _), number in summary.counts.items():
        if status == "Delivered":
            delivered += number
        elif status in FAILED:
            failed += number
        else:
            other += number
    count("recipients.delivered", delivered)
    count("recipients.failed", failed)
    count("recipients.unknown", other)


@contextmanager
def traced(name: str) -> Iterator[dict[str, Any]]:
    """
    Make a span of OpenTelemetry, if Airflow has loaded it.

    :param name: The name of the span.
    :returns: Attributes, to be filled in.
    """
    attributes: dict[str, Any] = {}
    trace: Any = sys.modules.get("opentelemetry.trace")
    if trace is None:
        yield attributes
        return
    # The error itself stays out of the span.
    tracer = trace.get_tracer("sinch_provider")
    with tracer.start_as_current_span(name, record_exception=False, set_status_on_exception=False) as span:
        try:
            yield attributes
        except SinchError as error:
            attributes["sinch.error"] = type(error).__name__
            raise
        finally:
            span.set_attributes(attributes)
