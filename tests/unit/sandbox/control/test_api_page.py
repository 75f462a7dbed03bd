"""The description as a page to read."""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from html.parser import HTMLParser
from typing import Any

import pytest
import requests

from sinch_sandbox.client import SandboxClient


class Page(HTMLParser):
    """What of a page matters here."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.ids: list[str] = []
        self.links: set[str] = set()
        self.addresses: set[str] = set()
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        for name, value in attrs:
            assert not name.startswith("on")
            assert name != "style"
            if name == "id":
                self.ids.append(value or "")
            elif name in ("href", "src"):
                (self.links if (value or "").startswith("#") else self.addresses).add(value or "")

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def answer(sinch_sandbox: SandboxClient) -> requests.Response:
    return requests.get(f"{sinch_sandbox.url}/sandbox/docs", timeout=10)


def test_every_operation_and_schema_is_on_the_page(
    answer: requests.Response, sinch_sandbox: SandboxClient
) -> None:
    page = Page(answer.text)
    document: Any = requests.get(f"{sinch_sandbox.url}/sandbox/openapi.json", timeout=10).json()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert f"{method.upper()} {path}" in page.text
            assert operation["operationId"].lower() in page.ids
    for name in document["components"]["schemas"]:
        assert f"schema-{name.lower()}" in page.ids


def test_links_lead_somewhere_and_nothing_comes_from_elsewhere(answer: requests.Response) -> None:
    page = Page(answer.text)
    assert {link.removeprefix("#") for link in page.links} <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))
    assert page.addresses == {"/sandbox/openapi.json", "/", "/inbox/icon.svg"}
    assert page.tags["script"] == page.tags["iframe"] == page.tags["form"] == 0


def test_only_its_own_style_may_apply(answer: requests.Response) -> None:
    (style,) = re.findall(r"<style>(.*?)</style>", answer.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert f"style-src 'sha256-{digest}';" in policy
    assert "unsafe" not in policy
    assert "script-src" not in policy


def test_examples_can_be_copied(answer: requests.Response, sinch_sandbox: SandboxClient) -> None:
    page = Page(answer.text)
    send = page.text[page.text.index(f"curl -X POST {sinch_sandbox.url}/xms/v1/sandbox-plan/batches \\") :]
    headers = dict(re.findall(r"-H '([^:]+): ([^']+)'", send)[:2])
    body = re.findall(r"-d '([^']+)'", send)[0]
    url = f"{sinch_sandbox.url}/xms/v1/sandbox-plan/batches"
    assert requests.post(url, data=body, headers=headers, timeout=10).status_code == 201
    assert sinch_sandbox.latest() is not None


def test_what_a_caller_says_stays_text() -> None:
    from sinch_sandbox.server import Options, RunningSandbox

    with RunningSandbox(Options(allow_remote=True)) as client:
        hostile = {"Host": "x'\"><script>alert(1)</script>"}
        text = requests.get(f"{client.url}/sandbox/docs", headers=hostile, timeout=10).text
        assert Page(text).tags["script"] == 0
