"""Who gets in: tokens, the token endpoint, and what an intruder sees."""

from __future__ import annotations

import base64

import pytest
import requests

from sinch_sandbox.client import SandboxClient
from tests.unit.sandbox.wire import Api, accepted, access_token

GRANT = {"grant_type": "client_credentials"}
KEY = ("sandbox-key", "sandbox-secret")


def unauthorized(response: requests.Response, challenge: str) -> None:
    assert (response.status_code, response.content) == (401, b"")
    assert response.headers["www-authenticate"] == challenge


def test_both_accounts_are_served_under_the_same_paths(api: Api, project: Api) -> None:
    assert api.sent()["id"] != project.sent()["id"]


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", "Basic c2FuZGJveC1wbGFuOnNhbmRib3gtdG9rZW4="]
)
def test_without_a_token(sinch_sandbox: SandboxClient, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    unauthorized(
        requests.get(f"{sinch_sandbox.url}/xms/v1/sandbox-plan/batches", headers=headers, timeout=10),
        "Bearer",
    )


@pytest.mark.parametrize("token", ["wrong", "sandbox-token2", "a.b.c", "..", "tökèn"])
@pytest.mark.parametrize("account", ["sandbox-plan", "sandbox-project", "someone-else", "%FF%FE"])
def test_with_an_unknown_token(sinch_sandbox: SandboxClient, account: str, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}".encode()}
    response = requests.get(f"{sinch_sandbox.url}/xms/v1/{account}/batches", headers=headers, timeout=10)
    unauthorized(response, 'Bearer error="invalid_token"')


def test_a_token_is_good_for_its_own_account_only(sinch_sandbox: SandboxClient) -> None:
    url = sinch_sandbox.url
    for account, token in (("sandbox-project", "sandbox-token"), ("sandbox-plan", access_token(url))):
        unauthorized(Api(url, account, token).send(), 'Bearer error="invalid_token"')


def test_the_scheme_is_written_in_any_case(sinch_sandbox: SandboxClient) -> None:
    headers = {"Authorization": "bearer sandbox-token"}
    response = requests.get(f"{sinch_sandbox.url}/xms/v1/sandbox-plan/batches", headers=headers, timeout=10)
    assert response.status_code == 200


def test_a_forged_token_is_unknown(sinch_sandbox: SandboxClient) -> None:
    header, payload, signature = access_token(sinch_sandbox.url).split(".")
    forged = (
        base64.urlsafe_b64encode(base64.urlsafe_b64decode(payload + "==").replace(b"iat", b"IAT"))
        .decode()
        .rstrip("=")
    )
    unauthorized(
        Api(sinch_sandbox.url, "sandbox-project", f"{header}.{forged}.{signature}").send(),
        'Bearer error="invalid_token"',
    )


def test_what_the_token_endpoint_says(sinch_sandbox: SandboxClient) -> None:
    answer = accepted(requests.post(f"{sinch_sandbox.url}/oauth2/token", data=GRANT, auth=KEY, timeout=10))
    assert answer["access_token"].count(".") == 2
    del answer["access_token"]
    assert answer == {"expires_in": 3599, "scope": "", "token_type": "bearer"}


def test_a_token_ends_by_the_clock_and_a_new_one_does_not_end_the_old(sinch_sandbox: SandboxClient) -> None:
    old = Api(sinch_sandbox.url, "sandbox-project", access_token(sinch_sandbox.url))
    sinch_sandbox.advance(3500)
    new = Api(sinch_sandbox.url, "sandbox-project", access_token(sinch_sandbox.url))
    assert (old.send().status_code, new.send().status_code) == (201, 201)
    sinch_sandbox.advance(99)
    unauthorized(old.send(), 'Bearer error="expired"')
    assert new.send().status_code == 201


def test_the_lifetime_can_be_set(sinch_sandbox: SandboxClient) -> None:
    sinch_sandbox.configure(token_lifetime=5)
    token = Api(sinch_sandbox.url, "sandbox-project", access_token(sinch_sandbox.url))
    sinch_sandbox.advance(5)
    unauthorized(token.send(), 'Bearer error="expired"')


@pytest.mark.parametrize(
    ("auth", "form", "status", "error"),
    [
        (None, GRANT, 401, "invalid_client"),
        (("sandbox-key", "wrong"), GRANT, 401, "invalid_client"),
        (("wrong", "sandbox-secret"), GRANT, 401, "invalid_client"),
        (KEY, {}, 400, "invalid_request"),
        (KEY, {"grant_type": "password"}, 400, "unsupported_grant_type"),
    ],
)
def test_refusals_of_the_token_endpoint_are_in_the_style_of_oauth(
    sinch_sandbox: SandboxClient, auth: tuple[str, str] | None, form: dict[str, str], status: int, error: str
) -> None:
    response = requests.post(f"{sinch_sandbox.url}/oauth2/token", data=form, auth=auth, timeout=10)
    assert (response.status_code, response.json()["error"]) == (status, error)
    assert response.json()["error_description"]


@pytest.mark.parametrize("header", ["Basic !!!", "Basic bm9jb2xvbg==", "Basic /////w==", "Bearer x"])
def test_credentials_that_are_none(sinch_sandbox: SandboxClient, header: str) -> None:
    headers = {"Authorization": header}
    response = requests.post(f"{sinch_sandbox.url}/oauth2/token", data=GRANT, headers=headers, timeout=10)
    assert response.status_code == 401


def test_the_token_endpoint_has_a_rate_limit_that_refills_by_the_clock(sinch_sandbox: SandboxClient) -> None:
    def status() -> int:
        response = requests.post(f"{sinch_sandbox.url}/oauth2/token", data=GRANT, auth=KEY, timeout=10)
        assert "retry-after" not in response.headers
        return response.status_code

    assert [status() for _ in range(31)] == [200] * 30 + [429]
    sinch_sandbox.advance(0.1)
    assert [status(), status()] == [200, 429]
    sinch_sandbox.configure(token_rate_limit=False)
    assert status() == 200
