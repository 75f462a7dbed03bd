"""``SqlToSinchSmsOperator``: one text to each person of a query."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sinch_provider.operators.campaign import SinchCampaignOperator

if TYPE_CHECKING:
    from sinch_provider.task.typing import TemplatedText


class SqlToSinchSmsOperator(SinchCampaignOperator):
    """
    Text each person of a query once: a ``SinchCampaignOperator`` whose source is a database.

    :param sql: A query, or the name of a file with one (``.sql``). (templated)
    :param sql_conn_id: The connection of the database. (templated)
    :param kwargs: All other arguments of ``SinchCampaignOperator``, but no other source.
    :raises SinchValidationError: When the Dag is parsed, for every fault that is known then.
    """

    def __init__(self, *, sql: TemplatedText, sql_conn_id: TemplatedText, **kwargs: Any) -> None:
        super().__init__(sql=sql, sql_conn_id=sql_conn_id, **kwargs)
