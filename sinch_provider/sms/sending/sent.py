"""What comes of a send."""

from __future__ import annotations

from dataclasses import dataclass

from sinch_provider.sms.models import Batch


@dataclass(frozen=True)
class Sent:
    """
    The one batch of a send.

    :param batch: The batch as Sinch shows it; None if it was sent too long ago to be shown.
    :param adopted: Whether an earlier request, and not this attempt's own answered one, has brought it about.
    """

    batch_id: str
    batch: Batch | None
    adopted: bool = False
