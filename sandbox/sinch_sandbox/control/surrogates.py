"""Keeps from the control API what looks like text in JSON and is none."""

from __future__ import annotations

import json
import re

from fastapi import HTTPException, Request

from sinch_sandbox.web.guards import is_streamed

_ESCAPED_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


async def refuse_lone_surrogates(request: Request) -> None:
    """A lone surrogate passes the JSON grammar, but can be neither stored nor shown again."""
    if is_streamed(request.scope):
        return
    body = await request.body()
    if not _ESCAPED_SURROGATE.search(body):
        return
    try:
        json.dumps(json.loads(body), ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        broken = ascii(error.object[error.start])
        raise HTTPException(422, f"the body has {broken} in it, which is half a character") from None
    except (ValueError, RecursionError):
        # Whoever reads the body says what is wrong with it.
        return
