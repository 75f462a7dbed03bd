"""``SinchBatchLink``: leads from a task to a page that shows its batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseOperatorLink

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import BaseOperator


class SinchBatchLink(BaseOperatorLink):
    """
    Lead to the page of the connection's extra ``dashboard_url``, or to the sandbox's inbox.

    The task stores the address as an XCom as soon as Sinch has accepted the batch, so the link works while
    the task waits.
    """

    name = "Sinch batch"

    @property
    def xcom_key(self) -> str:
        """The key of the XCom with the address."""
        return "sinch_batch_link"

    def get_link(self, operator: BaseOperator, *, ti_key: Any) -> str:
        """Return the address; empty if there is none. Anybody who may write XComs can have put it there."""
        from sinch_provider.sms.account import is_page

        # In the process that has sent, the operator knows it. Airflow asks there when the process ends.
        known = getattr(operator, "batch_page", None)
        if known is None:
            from airflow.providers.common.compat.sdk import XCom

            known = XCom.get_value(ti_key=ti_key, key=self.xcom_key)
        return known if isinstance(known, str) and is_page(known) else ""
