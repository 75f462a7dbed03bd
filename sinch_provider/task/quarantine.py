"""Writes the bad rows of a campaign to a file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from airflow.providers.common.compat.sdk import AirflowException, ObjectStoragePath

from sinch_provider.sms.campaign.quarantine import Quarantine, csv_quarantine
from sinch_provider.sms.masking import mask_text


@contextmanager
def quarantine(path: str | None) -> Iterator[Quarantine | None]:
    """
    Open the file for bad rows. It is written anew by every attempt.

    :param path: As ``ObjectStoragePath`` takes it; None: there is no such file.
    :raises AirflowException: The file cannot be written.
    """
    if path is None:
        yield None
        return
    place = ObjectStoragePath(path)
    try:
        file = place.open("w", encoding="utf-8", newline="")
    except Exception as error:
        reason = f"{type(error).__name__}: {mask_text(str(error))}"
    else:
        with file:
            yield csv_quarantine(file)
        return
    raise AirflowException(f"The quarantine file {mask_text(place.name)!r} cannot be written ({reason})")
