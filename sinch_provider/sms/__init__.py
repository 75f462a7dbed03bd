"""
A client for the Sinch SMS API. It works without Airflow.

``__all__`` lists the public names; import them from here. The modules below this package are private and may
change with any version. Each name is loaded when it is first used, so importing this package loads no HTTP
library.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

__all__ = [
    "Account",
    "AsyncPaginator",
    "AsyncSinchClient",
    "Batch",
    "BatchDeliveryReport",
    "BatchPage",
    "DeliveryReportPage",
    "DryRun",
    "DryRunRecipient",
    "Effect",
    "Fault",
    "Paginator",
    "ProjectCredentials",
    "RecipientDeliveryReport",
    "ServicePlanCredentials",
    "SinchAccountChangedError",
    "SinchAlreadyDispatchedError",
    "SinchAuthError",
    "SinchBadRequestError",
    "SinchBatchCanceledError",
    "SinchCampaignError",
    "SinchCampaignInterruptedError",
    "SinchClient",
    "SinchConnectionError",
    "SinchError",
    "SinchForbiddenError",
    "SinchNotFoundError",
    "SinchNotSentError",
    "SinchPayloadChangedError",
    "SinchRateLimitError",
    "SinchSentTwiceError",
    "SinchServerError",
    "SinchUncertainError",
    "SinchUnexpectedAnswerError",
    "SinchUnsettledError",
    "SinchValidationError",
    "StatusCount",
    "mask_number",
]

if TYPE_CHECKING:
    from sinch_provider.sms.account import Account, ProjectCredentials, ServicePlanCredentials
    from sinch_provider.sms.aio import AsyncSinchClient
    from sinch_provider.sms.client import SinchClient
    from sinch_provider.sms.errors import (
        Effect,
        Fault,
        SinchAccountChangedError,
        SinchAlreadyDispatchedError,
        SinchAuthError,
        SinchBadRequestError,
        SinchBatchCanceledError,
        SinchCampaignError,
        SinchCampaignInterruptedError,
        SinchConnectionError,
        SinchError,
        SinchForbiddenError,
        SinchNotFoundError,
        SinchNotSentError,
        SinchPayloadChangedError,
        SinchRateLimitError,
        SinchSentTwiceError,
        SinchServerError,
        SinchUncertainError,
        SinchUnexpectedAnswerError,
        SinchUnsettledError,
        SinchValidationError,
    )
    from sinch_provider.sms.masking import mask_number
    from sinch_provider.sms.models import (
        Batch,
        BatchDeliveryReport,
        BatchPage,
        DeliveryReportPage,
        DryRun,
        DryRunRecipient,
        RecipientDeliveryReport,
        StatusCount,
    )
    from sinch_provider.sms.wire.pagination import AsyncPaginator, Paginator
else:
    # Hidden from type checkers: with a __getattr__ they would accept any name.
    _HOMES: Final = {
        "Account": "account",
        "AsyncPaginator": "wire.pagination",
        "AsyncSinchClient": "aio",
        "Effect": "errors",
        "Fault": "errors",
        "Paginator": "wire.pagination",
        "ProjectCredentials": "account",
        "ServicePlanCredentials": "account",
        "SinchClient": "client",
        "mask_number": "masking",
    }

    def __getattr__(name: str) -> Any:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        home = _HOMES.get(name) or ("errors" if name.endswith("Error") else "models")
        value = globals()[name] = getattr(import_module(f"{__name__}.{home}"), name)
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
