"""The served description."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
import requests

from sinch_sandbox.client import SandboxClient
from sinch_sandbox.sinch import api, openapi
from sinch_sandbox.sinch.schemas import SCHEMAS
from tests.unit.sandbox.wire import TO, Api, in_


@pytest.fixture(scope="module")
def document(_sinch_sandbox_server: SandboxClient) -> Any:
    return requests.get(f"{_sinch_sandbox_server.url}/sandbox/openapi.json", timeout=10).json()


def operations(document: Any) -> Iterator[tuple[str, str, Any]]:
    for path, methods in document["paths"].items():
        for method, described in methods.items():
            yield method.upper(), path, described


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for each in value.values():
            yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


def test_everything_that_is_pointed_at_is_there(document: Any) -> None:
    for reference in set(references(document)):
        found = document
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]


def test_no_schema_is_idle(document: Any) -> None:
    named = {reference.rpartition("/")[2] for reference in references(document)}
    assert set(SCHEMAS) <= named


@pytest.mark.parametrize(("method", "path", "endpoint", "described"), api._ROUTES)
def test_every_route_of_sinch_is_described(
    document: Any, method: str, path: str, endpoint: Any, described: openapi.Description
) -> None:
    shown = document["paths"][path][method.lower()]
    assert shown["summary"] == described["summary"]
    assert shown["operationId"] == endpoint.__name__
    assert {each["name"] for each in shown["parameters"] if each["in"] == "path"} == set(
        re.findall(r"{(\w+)}", path)
    )
    assert shown["security"]
    assert ("requestBody" in shown) == (method in ("POST", "PUT"))
    (success,) = [status for status in shown["responses"] if status.startswith("2")]
    assert "content" in shown["responses"][success] or endpoint.__name__ in (
        "delivery_feedback",
        "delete_group",
    )
    for group in shown["security"]:
        assert set(group) <= set(document["components"]["securitySchemes"])


def test_every_call_says_what_it_does(document: Any) -> None:
    identifiers = [described["operationId"] for _, _, described in operations(document)]
    assert len(identifiers) == len(set(identifiers))
    for _, path, described in operations(document):
        assert described["summary"], path
        assert described["tags"], path
        if not path.startswith(("/xms", "/oauth2")):
            assert described["description"], path


@pytest.mark.parametrize("name", SCHEMAS)
def test_schemas_are_well_formed_and_fit_their_examples(document: Any, name: str) -> None:
    schema = document["components"]["schemas"][name]
    jsonschema.Draft202012Validator.check_schema(schema)
    if "example" in schema:
        check(document, {"$ref": f"#/components/schemas/{name}"}, schema["example"])


def check(document: Any, schema: Any, value: Any) -> None:
    jsonschema.Draft202012Validator({**document, **schema}).validate(value)


def test_what_is_answered_fits_the_schemas(document: Any, api: Api, sinch_sandbox: SandboxClient) -> None:
    group = api.call("POST", "/groups", json={"name": "Staff", "members": [TO]}).json()
    sent = api.sent(
        to=[TO, group["id"]],
        body="Hi ${x}",
        parameters={"x": {"default": "you"}},
        client_reference="a",
        send_at=in_(sinch_sandbox, hours=1),
        delivery_report="full",
        callback_url="http://127.0.0.1:9/",
        max_number_of_message_parts=2,
        from_=...,
    )
    api.sent(type="mt_binary", udh="050003C40201", body="SGVsbG8=")
    api.sent(type="mt_media", body={"url": "https://media.example.test/a.png"}, strict_validation=True)
    inbound = sinch_sandbox.inbound(TO, "Yes", to="+447700900111")
    sinch_sandbox.advance(3700)
    one = f"/batches/{sent['id']}"
    for path, schema in (
        ("/batches", "Batches"),
        (one, "Batch"),
        (f"{one}/delivery_report", "DeliveryReport"),
        (f"{one}/delivery_report?type=full", "DeliveryReport"),
        (f"{one}/delivery_report/{TO}", "RecipientReport"),
        ("/delivery_reports", "RecipientReports"),
        ("/inbounds", "Inbounds"),
        (f"/inbounds/{inbound['id']}", "Inbound"),
        ("/groups", "Groups"),
        (f"/groups/{group['id']}", "Group"),
        ("/batches?page_size=x", "Error"),
    ):
        answer = api.call("GET", path).json()
        assert answer.get("count") != 0
        check(document, {"$ref": f"#/components/schemas/{schema}"}, answer)
    dry = api.dry_run("?per_recipient=true").json()
    check(document, {"$ref": "#/components/schemas/DryRun"}, dry)
    messages = requests.get(f"{sinch_sandbox.url}/sandbox/messages", timeout=10).json()
    assert messages["count"] == 3
    check(document, {"$ref": "#/components/schemas/Messages"}, messages)
    ledger = requests.post(f"{sinch_sandbox.url}/sandbox/ledger", json={"expected": [TO]}, timeout=10).json()
    assert ledger["recipients"]
    check(document, {"$ref": "#/components/schemas/Verdict"}, ledger)
