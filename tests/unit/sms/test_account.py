"""Accounts: hosts, regions, and what is refused before a secret can leave in the clear."""

from __future__ import annotations

from typing import Any

import pytest

from sinch_provider.sms.account import Account, ProjectCredentials, ServicePlanCredentials, is_loopback
from sinch_provider.sms.errors import SinchValidationError

PLAN = ServicePlanCredentials("plan", "plan-token")
PROJECT = ProjectCredentials("project", "key", "key-secret")


@pytest.mark.parametrize("region", ["us", "eu", "au", "br", "ca"])
def test_a_service_plan_lives_in_one_of_five_regions(region: str) -> None:
    account = Account(credentials=PLAN, region=region)
    assert account.api_root == f"https://{region}.sms.api.sinch.com/xms/v1/plan"


@pytest.mark.parametrize("region", ["us", "eu"])
def test_a_project_lives_in_one_of_two(region: str) -> None:
    account = Account(credentials=PROJECT, region=region)
    assert account.api_root == f"https://zt.{region}.sms.api.sinch.com/xms/v1/project"
    assert account.token_url == "https://auth.sinch.com/oauth2/token"


@pytest.mark.parametrize(
    ("credentials", "region"), [(PROJECT, "au"), (PLAN, "EU"), (PLAN, ""), (PLAN, "evil.example/")]
)
def test_another_region_is_refused(credentials: Any, region: str) -> None:
    with pytest.raises(SinchValidationError, match="region: must be one of us, eu"):
        Account(credentials=credentials, region=region)


def test_with_a_base_url_the_region_does_not_matter() -> None:
    account = Account(credentials=PROJECT, region="mars", base_url="https://sms.example.test/gateway/")
    assert account.api_root == "https://sms.example.test/gateway/xms/v1/project"
    # Somebody else's host must not be handed the key.
    assert account.token_url == "https://auth.sinch.com/oauth2/token"


@pytest.mark.parametrize("name", ["..", ".", "a/../b", "a?c#d", "a%2fb", "a b", "\u00e5", "a\n", "a:b"])
def test_an_id_cannot_break_out_of_its_place_in_the_path(name: str) -> None:
    for field, credentials in (
        ("service_plan_id", ServicePlanCredentials(name, "token")),
        ("project_id", ProjectCredentials(name, "key", "secret")),
    ):
        with pytest.raises(SinchValidationError, match=f"{field}: must consist of letters"):
            Account(credentials=credentials)


@pytest.mark.parametrize(
    "base_url",
    ["http://127.0.0.1:8026", "http://localhost:8026/", "http://127.8.9.1", "http://[::1]:8026"],
)
def test_this_machine_is_its_own_token_endpoint_and_needs_no_tls(base_url: str) -> None:
    account = Account(credentials=PROJECT, base_url=base_url)
    assert account.token_url == f"{base_url.rstrip('/')}/oauth2/token"
    elsewhere = Account(credentials=PROJECT, base_url=base_url, auth_url="https://auth.example.test/")
    assert elsewhere.token_url == "https://auth.example.test/oauth2/token"


@pytest.mark.parametrize("name", ["base_url", "auth_url"])
@pytest.mark.parametrize(
    "url",
    [
        "http://sms.example.test",
        "http://127.0.0.1.example.test",
        "http://10.0.0.1",
        "http://localhost.example",
        "http://evil.com.localhost",
    ],
)
def test_credentials_do_not_travel_in_the_clear(name: str, url: str) -> None:
    with pytest.raises(SinchValidationError, match=f"{name}: must be https"):
        Account(credentials=PLAN, **{name: url})  # type: ignore[arg-type]
    Account(credentials=PLAN, allow_insecure=True, **{name: url})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["base_url", "auth_url"])
@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("", "scheme and host"),
        ("eu.sms.api.sinch.com", "scheme and host"),
        ("ftp://sms.example.test", "scheme and host"),
        ("https://", "scheme and host"),
        ("https://[::1", "scheme and host"),
        ("https://sms.example.test:eighty", "scheme and host"),
        ("https://sms.example.test/xms/v2", "end before /xms"),
        ("https://sms.example.test/xms/v1/hunter2/batches", "end before /xms"),
        ("https://dashboard.sinch.com/sms/api/hunter2", "end after the host"),
        ("https://eu.sms.api.sinch.com/hunter2", "end after the host"),
        ("https://sms.example.test/gateway/xms/v1/hunter2", "end before /xms"),
        ("https://user:hunter2@sms.example.test", "must not carry credentials"),
        ("https://hunter2@sms.example.test", "must not carry credentials"),
        ("https://sms.example.test?key=hunter2", "must not carry credentials"),
        ("https://sms.example.test#hunter2", "must not carry credentials"),
    ],
)
def test_other_urls_are_refused_without_being_shown(name: str, url: str, why: str) -> None:
    with pytest.raises(SinchValidationError, match=why) as caught:
        Account(credentials=PLAN, **{name: url})  # type: ignore[arg-type]
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("host", ["auth.example.test", "eu.auth.sinch.com"])
@pytest.mark.parametrize("path", ["", "/", "/oauth2/token", "/oauth2/token/"])
def test_the_path_of_the_token_endpoint_may_be_given(host: str, path: str) -> None:
    account = Account(credentials=PROJECT, auth_url=f"https://{host}{path}")
    assert account.token_url == f"https://{host}/oauth2/token"


@pytest.mark.parametrize(
    "path", ["", "/", "/xms", "/xms/v1", "/xms/v1/", "/xms/v1/plan", "/xms/v1/plan/batches"]
)
@pytest.mark.parametrize("host", ["eu.sms.api.sinch.com", "sms.example.test/gateway"])
def test_the_path_of_the_api_may_be_given(host: str, path: str) -> None:
    account = Account(credentials=PLAN, base_url=f"https://{host}{path}")
    assert account.api_root == f"https://{host}/xms/v1/plan"


def test_the_path_of_the_api_is_no_token_endpoint() -> None:
    with pytest.raises(SinchValidationError, match="auth_url: must end before /xms"):
        Account(credentials=PROJECT, auth_url="https://sms.example.test/xms/v1")


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf"), "30", None])
def test_a_timeout_is_a_positive_number(timeout: Any) -> None:
    with pytest.raises(SinchValidationError, match="timeout: must be a number of seconds above 0"):
        Account(credentials=PLAN, timeout=timeout)


def test_everything_wrong_is_named_at_once() -> None:
    with pytest.raises(SinchValidationError) as caught:
        Account(
            credentials=ProjectCredentials("", "k y", "kept\nsecret"),
            region="mars",
            auth_url="nonsense",
            timeout=0,
        )
    fields = [fault.field for fault in caught.value.faults]
    assert fields == ["project_id", "key_id", "key_secret", "region", "auth_url", "timeout"]
    assert "kept" not in str(caught.value)


@pytest.mark.parametrize("token", ["", "to ken", "token\r\nX-Injected: yes", "t\u00f6ken", "token\u200b"])
def test_a_token_that_fits_in_no_header_is_refused(token: str) -> None:
    with pytest.raises(SinchValidationError, match="api_token") as caught:
        Account(credentials=ServicePlanCredentials("plan", token))
    assert not token or token not in str(caught.value)


def test_secrets_do_not_print() -> None:
    shown = repr(Account(credentials=PLAN)) + repr(Account(credentials=PROJECT)) + str(PLAN) + str(PROJECT)
    assert "plan-token" not in shown
    assert "key-secret" not in shown


@pytest.mark.parametrize(
    ("host", "this_machine"),
    [
        ("localhost", True),
        ("127.0.0.2", True),
        ("::1", True),
        ("sandbox.localhost", False),
        ("LOCALHOST", False),
        ("192.168.0.1", False),
        ("notlocalhost", False),
        ("", False),
    ],
)
def test_loopback(host: str, this_machine: bool) -> None:
    assert is_loopback(host) is this_machine


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ((), ()),
        ("", ()),
        ("  ", ()),
        ("+44770090", ("44770090",)),
        ("+44770090, 46 70174", ("44770090", "4670174")),
        (["+44770090", 4670174], ("44770090", "4670174")),
        (44770090, ("44770090",)),
    ],
)
def test_only_to_is_kept_as_digits(given: Any, kept: tuple[str, ...]) -> None:
    assert Account(credentials=PLAN, only_to=given).only_to == kept


@pytest.mark.parametrize(
    "given", ["+44,,", ["+44", ""], ["07700"], ["*"], ["+"], [None], "1" * 16, 5.5, True]
)
def test_what_begins_no_number_is_refused_as_only_to(given: Any) -> None:
    with pytest.raises(SinchValidationError, match="only_to"):
        Account(credentials=PLAN, only_to=given)


def test_a_namespace_has_a_length() -> None:
    assert Account(credentials=PLAN, namespace="\u00e5 b" * 16).namespace == "\u00e5 b" * 16 + ""
    with pytest.raises(SinchValidationError, match="namespace: must have at most 64 characters"):
        Account(credentials=PLAN, namespace="x" * 65)


@pytest.mark.parametrize(
    "given",
    ["+44 7700-900 222, +46701740605", ["+447700900222", "46701740605"], ("+447700900222", "+46701740605")],
)
def test_alert_to_is_read_as_recipients_and_not_shown(given: Any) -> None:
    account = Account(credentials=PLAN, alert_to=given)
    assert account.alert_to == ("447700900222", "46701740605")
    assert "7700" not in repr(account)


def test_who_cannot_be_alerted_is_named_masked() -> None:
    with pytest.raises(SinchValidationError, match=r"alert_to\[1\]: must start with a country") as caught:
        Account(credentials=PLAN, alert_to=("+447700900222", "0701740605"))
    assert "0701740605" not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "page"),
    [
        ({}, None),
        ({"dashboard_url": "https://sms.example.test/b/{batch_id}?x=1"}, "https://sms.example.test/b/ID?x=1"),
        ({"dashboard_url": "https://sms.example.test"}, "https://sms.example.test"),
        ({"base_url": "https://sms.example.test"}, None),
        ({"base_url": 'http://127.0.0.1:8026/"><script>'}, None),
        ({"base_url": "http://[::1]:8026"}, "http://[::1]:8026/#/batches/ID"),
        (
            {"dashboard_url": "https://s.example.test:8443/d?q=(a:!t,b:'{batch_id}')&x=%20;~#/y"},
            "https://s.example.test:8443/d?q=(a:!t,b:'ID')&x=%20;~#/y",
        ),
        ({"base_url": "http://127.0.0.1:8026/"}, "http://127.0.0.1:8026/#/batches/ID"),
        (
            {"base_url": "http://localhost:8026", "dashboard_url": "https://sms.example.test/{batch_id}"},
            "https://sms.example.test/ID",
        ),
    ],
)
def test_the_page_of_a_batch(settings: Any, page: str | None) -> None:
    assert Account(credentials=PLAN, **settings).page_of("ID") == page


@pytest.mark.parametrize(
    "url",
    [
        "sms.example.test",
        "javascript:alert(1)",
        "https://user:secret@sms.example.test/",
        "https://sms.example.test/{number}",
        "https://sms.example.test/a b",
        'https://sms.example.test/"><script>alert(1)</script>',
        "https://sms.example.test/<b>",
        "https://sms.example.test/\u202egnp.exe",
        "https://sms.example.test/\\evil",
        "https://sms.example.test\\.evil.example.test/",
        "https://sms.example.test/\x00",
        "https://sms.example.test/`",
        "https://sms.ex\u0430mple.test/",
        "https://[javascript]/",
        "https://sms.example.test/\n",
    ],
)
def test_what_is_no_page_is_refused(url: str) -> None:
    with pytest.raises(SinchValidationError, match="dashboard_url: must be a URL"):
        Account(credentials=PLAN, dashboard_url=url)
