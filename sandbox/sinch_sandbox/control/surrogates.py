"""Rejects request bodies that contain lone surrogates."""

from __future__ import annotations

import json
import re

from fastapi import HTTPException, Request

from sinch_sandbox.web.guards import is_streamed

_ESCAPED_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


async def refuse_lone_surrogates(request: Request) -> None:
    """Refuse a body with a lone surrogate: valid in JSON, but it cannot be stored or shown."""
    if is_streamed(request.scope):
        return
    body = await request.body()
    if not _ESCAPED_SURROGATE.search(body):
        return
    try:
        json.dumps(json.loads(body), ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        broken = ascii(error.object[error.start])
        raise HTTPException(
            422, f"the body contains {broken}, a lone surrogate, which is not a character"
        ) from None
    except (ValueError, RecursionError):
        # The route that reads the body reports what is wrong with it.
        return
