"""Keeps phone numbers out of the log lines of urllib3."""

from __future__ import annotations

import logging
from typing import Final
from urllib.parse import unquote

from sinch_provider.sms.masking import mask_text

_LOGGERS: Final = ("urllib3.connection", "urllib3.connectionpool")
_OUR_PATHS: Final = ("/xms/v1/", "/oauth2/token")


class _Masked(logging.Filter):
    """urllib3 logs URLs, which can contain phone numbers, and lines of answers that it cannot read."""

    def filter(self, record: logging.LogRecord) -> bool:
        args = record.args
        if isinstance(args, tuple) and any(path in str(arg) for arg in args for path in _OUR_PATHS):
            record.args = tuple(map(_masked, args))
            record.exc_info = None
        return True


_FILTER: Final = _Masked()


def mask_library_logs() -> None:
    """Mask what urllib3 logs about requests to Sinch. Calling it again changes nothing."""
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_FILTER)


def _masked(arg: object) -> object:
    if isinstance(arg, Exception):
        return type(arg).__name__
    return mask_text(unquote(arg)) if isinstance(arg, str) else arg
