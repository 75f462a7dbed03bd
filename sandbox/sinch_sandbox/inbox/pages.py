"""Serves the inbox's files from a fixed list, so that no request can name any other file."""

from __future__ import annotations

from importlib import resources

from fastapi import APIRouter, HTTPException
from starlette.responses import Response

router = APIRouter(include_in_schema=False)

HEADERS = {
    # Texts may be hostile: even if one became markup, it could neither run nor load anything.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:;"
        " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}

_TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
_FOLDER = resources.files("sinch_sandbox.inbox") / "static"
_FILES = {
    each.name: (each.read_bytes(), _TYPES[each.name.rpartition(".")[2]])
    for each in _FOLDER.iterdir()
    if each.name.rpartition(".")[2] in _TYPES
}


@router.get("/")
async def inbox() -> Response:
    return _page("index.html")


@router.get("/inbox/{name}")
async def inbox_file(name: str) -> Response:
    return _page(name)


def _page(name: str) -> Response:
    if name not in _FILES:
        raise HTTPException(404)
    content, kind = _FILES[name]
    return Response(content, media_type=kind, headers=HEADERS)
