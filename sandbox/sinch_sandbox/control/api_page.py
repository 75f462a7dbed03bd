"""The API description as a web page, without scripts and without files from other hosts."""

from __future__ import annotations

import base64
import hashlib
import json
import shlex
from collections.abc import Iterable, Iterator
from html import escape
from importlib import resources
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

router = APIRouter()

_STYLE = (resources.files(__package__) / "api_page.css").read_text()
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
HEADERS = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_HASH}'; img-src 'self';"
        " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
_FORM = "application/x-www-form-urlencoded"
_LEAST: dict[str, Any] = {"string": "...", "integer": 1, "number": 1, "boolean": True, "object": {}}


@router.get("/docs", response_class=HTMLResponse)
async def documentation(request: Request) -> HTMLResponse:
    """This description as a web page."""
    document = request.app.openapi()
    return HTMLResponse(_page(document, str(request.base_url).rstrip("/")), headers=HEADERS)


def _page(document: dict[str, Any], url: str) -> str:
    by_tag: dict[str, list[tuple[str, str, dict[str, Any]]]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            by_tag.setdefault(operation["tags"][-1], []).append((method.upper(), path, operation))
    schemas = document["components"]["schemas"]
    title = escape(document["info"]["title"])
    parts = [
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title} - API</title>',
        '<meta name="viewport" content="width=device-width"><link rel="icon" href="/inbox/icon.svg">',
        f'<style>{_STYLE}</style></head><body><nav aria-label="Contents">',
        *(_contents(tag, operations) for tag, operations in by_tag.items()),
        '<h2><a href="#schemas">Schemas</a></h2></nav><main>',
        f"<h1>{title} {escape(document['info']['version'])}</h1>",
        f"<p>{escape(document['info']['description'])}",
        ' For machines: <a href="/sandbox/openapi.json">openapi.json</a>. The <a href="/">inbox</a>.</p>',
    ]
    for tag, operations in by_tag.items():
        parts.append(f'<h2 id="{_anchor(tag)}">{escape(tag)}</h2>')
        parts += [_operation(*each, schemas, url) for each in operations]
    parts.append('<h2 id="schemas">Schemas</h2>')
    parts += [_named_schema(name, schema) for name, schema in sorted(schemas.items())]
    return "".join([*parts, "</main></body></html>"])


def _contents(tag: str, operations: Iterable[tuple[str, str, dict[str, Any]]]) -> str:
    links = "".join(
        f'<li><a href="#{_anchor(each["operationId"])}">{escape(each["summary"])}</a></li>'
        for *_, each in operations
    )
    return f'<h2><a href="#{_anchor(tag)}">{escape(tag)}</a></h2><ul>{links}</ul>'


def _operation(method: str, path: str, operation: dict[str, Any], schemas: dict[str, Any], url: str) -> str:
    anchor = _anchor(operation["operationId"])
    parts = [
        f'<section id="{anchor}"><h3>{escape(operation["summary"])}</h3>',
        f"<p><code><b>{method}</b> {escape(path)}</code></p>",
    ]
    if operation.get("description"):
        parts.append(f"<p>{_prose(operation['description'])}</p>")
    if operation.get("parameters"):
        rows = (
            (each["name"], each["in"], _schema(each["schema"]), _about({**each["schema"], **each}))
            for each in operation["parameters"]
        )
        parts.append(_table(("Parameter", "In", "Type", "Meaning"), rows))
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        parts.append(f"<h4>Body, <code>{escape(kind)}</code></h4><p>{_schema(content['schema'])}</p>")
        parts.append(_properties(content["schema"]))
    answers = (
        (status, _schemas_of(answer.get("content", {})), _prose(answer["description"]))
        for status, answer in sorted(operation["responses"].items())
    )
    parts.append(_table(("Answer", "Body", "Meaning"), answers))
    parts.append(f"<pre><code>{escape(_curl(method, path, operation, schemas, url))}</code></pre></section>")
    return "".join(parts)


def _schemas_of(content: dict[str, Any]) -> str:
    return ", ".join(_schema(each["schema"]) for each in content.values() if each.get("schema"))


def _named_schema(name: str, schema: dict[str, Any]) -> str:
    example = ""
    if "example" in schema:
        example = (
            f"<pre><code>{escape(json.dumps(schema['example'], indent=2, ensure_ascii=False))}</code></pre>"
        )
    return (
        f'<section id="{_anchor("schema", name)}"><h3>{escape(name)}</h3><p>{_about(schema)}</p>'
        f"{_properties(schema)}{example}</section>"
    )


def _properties(schema: dict[str, Any]) -> str:
    required = schema.get("required", [])
    rows = (
        (name + (" *" if name in required else ""), _schema(each), _about(each))
        for name, each in schema.get("properties", {}).items()
    )
    return _table(("Field", "Type", "Meaning"), rows) if schema.get("properties") else ""


def _schema(schema: dict[str, Any]) -> str:
    """The type in a few words, as HTML."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f'<a href="#{_anchor("schema", name)}">{escape(name)}</a>'
    options = schema.get("anyOf") or schema.get("oneOf")
    if options:
        return " or ".join(dict.fromkeys(_schema(each) for each in options))
    if "enum" in schema:
        return " ".join(f"<code>{escape(json.dumps(each))}</code>" for each in schema["enum"])
    if "const" in schema:
        return f"<code>{escape(json.dumps(schema['const']))}</code>"
    kind = schema.get("type", "any")
    if kind == "array":
        return f"list of {_schema(schema.get('items', {}))}"
    return escape(" or ".join(kind) if isinstance(kind, list) else kind)


def _about(schema: dict[str, Any]) -> str:
    """Meaning, default and limits, as HTML."""
    parts = [_prose(schema["description"].rstrip("."))] if schema.get("description") else []
    limits = {
        "default": "default",
        "minimum": "at least",
        "maximum": "at most",
        "maxLength": "longest",
        "minItems": "items at least",
        "maxItems": "items at most",
        "pattern": "pattern",
    }
    parts += [
        f"{words} <code>{escape(json.dumps(schema[name], ensure_ascii=False))}</code>"
        for name, words in limits.items()
        if schema.get(name) is not None
    ]
    return "; ".join(parts)


def _curl(method: str, path: str, operation: dict[str, Any], schemas: dict[str, Any], url: str) -> str:
    for each in operation.get("parameters", []):
        if each["in"] == "path":
            path = path.replace(
                f"{{{each['name']}}}", str(each["schema"].get("example", each["name"].upper()))
            )
    where = shlex.quote(url + path)
    parts = [f"curl {where}" if method == "GET" else f"curl -X {method} {where}"]
    credentials = [name for each in operation.get("security", []) for name in each]
    if "Key" in credentials:
        parts.append("-u sandbox-key:sandbox-secret")
    elif credentials:
        parts.append("-H 'Authorization: Bearer sandbox-token'")
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        if kind == _FORM:
            parts.append("-d grant_type=client_credentials")
        else:
            parts.append(f"-H 'Content-Type: {kind}'")
            body = json.dumps(_example(content["schema"], schemas), ensure_ascii=False)
            parts.append(f"-d {shlex.quote(body)}")
    return " \\\n  ".join(parts)


def _example(schema: dict[str, Any], schemas: dict[str, Any]) -> Any:
    """A value that fits a schema: its example, or the smallest valid one."""
    if "$ref" in schema:
        return _example(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    for name in ("example", "default", "const"):
        if name in schema:
            return schema[name]
    if schema.get("examples"):
        return schema["examples"][0]
    if schema.get("enum"):
        return schema["enum"][0]
    options = schema.get("anyOf") or schema.get("oneOf")
    if options:
        return _example(options[0], schemas)
    if "properties" in schema:
        return {name: _example(schema["properties"][name], schemas) for name in schema.get("required", [])}
    if schema.get("type") == "array":
        return [_example(schema.get("items", {}), schemas)]
    return _LEAST.get(schema.get("type", ""))


def _prose(text: str) -> str:
    """Text with `code` in it."""
    return "".join(
        f"<code>{escape(piece)}</code>" if index % 2 else escape(piece)
        for index, piece in enumerate(text.replace("``", "`").split("`"))
    )


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """The first cell of a row is a name, the others are HTML."""
    head = "".join(f'<th scope="col">{escape(each)}</th>' for each in heads)
    body = "".join(_rows(rows))
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _rows(rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    for name, *cells in rows:
        rest = "".join(f"<td>{each}</td>" for each in cells)
        yield f'<tr><th scope="row"><code>{escape(name)}</code></th>{rest}</tr>'


def _anchor(*parts: str) -> str:
    return escape("-".join(parts).lower().replace(" ", "-"))
