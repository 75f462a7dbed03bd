"""The result of a send."""

from __future__ import annotations

from dataclasses import dataclass

from sinch_provider.sms.models import Batch


@dataclass(frozen=True)
class Sent:
    """
    The one batch of a send.

    :param batch: The batch as Sinch shows it; None if Sinch does not show it any more.
    :param adopted: Whether an earlier request created it, rather than a request that was answered now.
    """

    batch_id: str
    batch: Batch | None
    adopted: bool = False
