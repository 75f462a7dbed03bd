"""What the web inbox is made of, and that a foreign page can neither read nor change anything."""

from __future__ import annotations

import re

import pytest
import requests

from sinch_sandbox.client import SandboxClient

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:;"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def page(sandbox: SandboxClient, path: str) -> requests.Response:
    return requests.get(f"{sandbox.url}{path}", timeout=10)


def parts(sandbox: SandboxClient) -> set[str]:
    """Every file that the page loads, directly or through another."""
    found: set[str] = set()
    waiting = set(re.findall(r'(?:src|href)="(/inbox/[^"]+)"', page(sandbox, "/").text))
    while waiting:
        path = waiting.pop()
        found.add(path)
        imported = re.findall(r'from "\./([^"]+)"', page(sandbox, path).text)
        waiting |= {f"/inbox/{name}" for name in imported} - found
    return found


def test_the_page_and_all_its_parts_are_there(sinch_sandbox: SandboxClient) -> None:
    kinds = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}
    found = parts(sinch_sandbox)
    assert {"/inbox/app.js", "/inbox/message.js", "/inbox/base.css"} <= found
    for path in found:
        response = page(sinch_sandbox, path)
        assert response.status_code == 200, path
        assert response.headers["content-type"].startswith(kinds[path.rpartition(".")[2]])


def test_all_modules_are_fetched_at_once(sinch_sandbox: SandboxClient) -> None:
    html = page(sinch_sandbox, "/").text
    preloaded = set(re.findall(r'rel="modulepreload" href="(/inbox/[^"]+)"', html))
    modules = {path for path in parts(sinch_sandbox) if path.endswith(".js")}
    assert preloaded == modules - {"/inbox/app.js", "/inbox/theme.js"}


def test_the_policy_is_strict_and_on_every_file(sinch_sandbox: SandboxClient) -> None:
    for path in {"/", *parts(sinch_sandbox)}:
        headers = page(sinch_sandbox, path).headers
        assert headers["content-security-policy"] == POLICY
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"


def test_nothing_is_inline_and_nothing_comes_from_elsewhere(sinch_sandbox: SandboxClient) -> None:
    html = page(sinch_sandbox, "/").text
    assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son\w+=", html)
    for path in {"/", *parts(sinch_sandbox)}:
        text = page(sinch_sandbox, path).text.replace("http://www.w3.org/2000/svg", "")
        assert not re.search(
            r"https?://|@import|innerHTML|outerHTML|insertAdjacentHTML|document\.write", text
        )


@pytest.mark.parametrize(
    "path",
    [
        "/inbox/../store.py",
        "/inbox/%2e%2e/store.py",
        "/inbox/..%2fstore.py",
        "/inbox/%2e%2e%2fstore.py",
        "/inbox/..\\store.py",
        "/inbox//etc/passwd",
        "/inbox/%2fetc%2fpasswd",
        "/inbox/__init__.py",
        "/inbox/",
        "/inbox/app.js%00.html",
    ],
)
def test_no_other_file_can_be_named(sinch_sandbox: SandboxClient, path: str) -> None:
    with requests.Session() as session:
        prepared = requests.Request("GET", f"{sinch_sandbox.url}/").prepare()
        prepared.url = f"{sinch_sandbox.url}{path}"
        assert session.send(prepared, timeout=10).status_code == 404


FOREIGN = [
    {"Origin": "https://evil.example"},
    {"Origin": "http://127.0.0.1:1"},
    {"Origin": "http://localhost.evil.example"},
    {"Origin": "null"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
]
UNSAFE = [
    ("POST", "/sandbox/clock", '{"advance": 60}'),
    ("POST", "/sandbox/reset", ""),
    ("POST", "/sandbox/faults", '{"kind": "latency"}'),
    ("DELETE", "/sandbox/messages", ""),
    ("PATCH", "/sandbox/settings", '{"history_days": 1}'),
    ("PUT", "/sandbox/outcomes", "[]"),
    ("POST", "/oauth2/token", "grant_type=client_credentials"),
]


@pytest.mark.parametrize("headers", FOREIGN)
@pytest.mark.parametrize(("method", "path", "body"), UNSAFE)
def test_a_foreign_page_cannot_change_anything(
    sinch_sandbox: SandboxClient, headers: dict[str, str], method: str, path: str, body: str
) -> None:
    before = sinch_sandbox.now()
    # A form or a no-cors fetch can only send such a type, and needs no permission for it.
    plain = {"Content-Type": "text/plain", **headers}
    response = requests.request(method, f"{sinch_sandbox.url}{path}", data=body, headers=plain, timeout=10)
    assert response.status_code == 403
    assert sinch_sandbox.now() == before
    assert sinch_sandbox.faults() == []


def test_its_own_page_and_clients_that_are_no_browsers_can(sinch_sandbox: SandboxClient) -> None:
    for headers in (
        {},
        {"Origin": sinch_sandbox.url, "Sec-Fetch-Site": "same-origin"},
        {"Origin": sinch_sandbox.url},
        {"Sec-Fetch-Site": "none"},
    ):
        response = requests.post(
            f"{sinch_sandbox.url}/sandbox/clock", json={"advance": 1}, headers=headers, timeout=10
        )
        assert response.status_code == 200


def test_a_foreign_page_gets_no_permission_to_read(sinch_sandbox: SandboxClient) -> None:
    response = requests.get(
        f"{sinch_sandbox.url}/sandbox/messages", headers={"Origin": "https://evil.example"}, timeout=10
    )
    assert not {name for name in response.headers if name.lower().startswith("access-control")}
