"""``ObjectStorageToSinchSmsOperator``: one text to each person of a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sinch_provider.operators.campaign import SinchCampaignOperator

if TYPE_CHECKING:
    from sinch_provider.task.typing import TemplatedText


class ObjectStorageToSinchSmsOperator(SinchCampaignOperator):
    """
    Text each person of a file once: a ``SinchCampaignOperator`` whose source is CSV or JSON Lines.

    :param path: The file, on any storage that ``ObjectStoragePath`` knows, such as
        ``s3://conn_id@bucket/guests.csv``. (templated)
    :param kwargs: All other arguments of ``SinchCampaignOperator``, but no other source.
    :raises SinchValidationError: When the Dag is parsed, for every fault that is known then.
    """

    def __init__(self, *, path: TemplatedText, **kwargs: Any) -> None:
        super().__init__(path=path, **kwargs)
