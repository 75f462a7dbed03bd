"""Both clients through proxies of every kind: the last word comes when all is ready, none is passed by."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sinch_provider.sms import endpoints
from sinch_provider.sms.account import Account
from sinch_provider.sms.errors import SinchConnectionError, SinchNotSentError, SinchUncertainError
from sinch_provider.sms.wire.http import Answer
from tests.unit.sms.calls import BATCH, GET, GOOD, ID, SEND, TEXT, TO
from tests.unit.sms.certificates import Authority
from tests.unit.sms.conftest import Player, plan_account
from tests.unit.sms.proxying import KeepingServer, Proxy
from tests.unit.sms.scripted import CLOSED, RESET, ScriptedServer, reply

#: Reserved for documentation, so it is nobody's, and no name server is asked for it.
ADDRESS = "192.0.2.1"
HOST = "sinch.test"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


class Route:
    """A way to the server: scheme of the API, scheme of the proxy, and what the proxy should be asked for."""

    def __init__(self, api: str, proxy: str, asked: tuple[str, str]) -> None:
        self.api = api
        self.proxy = proxy
        self.asked = asked
        self.host = ADDRESS if proxy in {"socks4", "socks5"} else HOST

    def __repr__(self) -> str:
        return f"{self.api} through {self.proxy}"


ROUTES = [
    Route("http", "http", ("forward", f"http://{HOST}/xms/v1/plan/batches")),
    Route("http", "https", ("forward", f"http://{HOST}/xms/v1/plan/batches")),
    Route("https", "http", ("connect", HOST)),
    Route("https", "https", ("connect", HOST)),
    *(
        Route(api, proxy, (proxy[:6], ADDRESS if proxy in {"socks4", "socks5"} else HOST))
        for api in ("http", "https")
        for proxy in ("socks4", "socks4a", "socks5", "socks5h")
    ),
]


@pytest.fixture(params=ROUTES, ids=repr)
def route(request: pytest.FixtureRequest) -> Route:
    found: Route = request.param
    return found


class Way:
    """A server at the end of a route, and what happened on the way there."""

    def __init__(self, account: Account, server: ScriptedServer, proxy: Proxy) -> None:
        self.account = account
        self.server = server
        self.proxy = proxy


@pytest.fixture
def way(route: Route, authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Iterator[Way]:
    tls = authority.server(HOST, ADDRESS)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.bundle))
    with (
        ScriptedServer(tls=tls if route.api == "https" else None) as server,
        Proxy(server.port, authority.server("127.0.0.1") if route.proxy == "https" else None) as proxy,
    ):
        monkeypatch.setenv(f"{route.api.upper()}_PROXY", f"{route.proxy}://127.0.0.1:{proxy.port}")
        account = plan_account(f"{route.api}://{route.host}", allow_insecure=True, timeout=5)
        yield Way(account, server, proxy)


def sending(permit: Callable[[], None], **more: Any) -> Any:
    def steps() -> Any:
        return (yield replace(endpoints.send(body=TEXT, to=TO), permit=permit, **more))

    return steps()


def test_the_permit_is_asked_when_all_is_ready(do: Player, route: Route, way: Way) -> None:
    way.server.script = [GOOD["batches.send"]]
    seen: list[Any] = []

    def permit() -> None:
        assert way.proxy.met.wait(5)
        if route.api == "https":
            assert way.server.shaken.wait(5)
        seen.append((list(way.proxy.asked), len(way.server.received)))

    assert do.follow(way.account, sending(permit)).id == ID
    # A forwarding proxy hears of the request only when it comes.
    before = [] if route.asked[0] == "forward" else [route.asked]
    assert seen == [(before, 0)]
    assert way.proxy.asked == [route.asked]
    assert way.server.received[0].headers["authorization"] == "Bearer plan-token"


@pytest.mark.parametrize(
    "refusal", [SinchNotSentError("Replaced", operation="send"), OSError(28, "full"), RuntimeError("stopped")]
)
def test_a_refused_permit_keeps_every_byte_here_and_comes_out_as_it_is(
    do: Player, way: Way, refusal: Exception
) -> None:
    way.server.script = [GOOD["batches.send"]] * 5

    def permit() -> None:
        raise refusal

    with pytest.raises(type(refusal)) as caught:
        do.follow(way.account, sending(permit))
    assert caught.value is refusal
    assert way.server.received == []
    assert do.pauses == []


@pytest.mark.parametrize("trouble", [CLOSED, RESET], ids=["closed", "reset"])
def test_what_left_through_a_proxy_and_was_not_answered_is_not_repeated(
    do: Player, way: Way, trouble: Any
) -> None:
    way.server.script = [trouble, GOOD["batches.send"]]
    with pytest.raises(SinchUncertainError):
        do(way.account, *SEND)
    assert len(way.server.received) == 1


def test_every_attempt_asks(do: Player, server: ScriptedServer) -> None:
    server.script = [reply(429), reply(429), GOOD["batches.send"]]
    asked: list[int] = []
    do.follow(plan_account(server.url), sending(lambda: asked.append(len(server.received))))
    assert asked == [0, 1, 2]


def test_answers_are_shown_before_they_are_judged(do: Player, server: ScriptedServer) -> None:
    server.script = [reply(429), reply(201, BATCH, Date="Wed, 25 Nov 2026 10:00:00 GMT")]
    seen: list[Answer] = []
    do.follow(plan_account(server.url), sending(lambda: None, observe=seen.append))
    assert [each.status for each in seen] == [429, 201]
    assert seen[1].headers["date"] == "Wed, 25 Nov 2026 10:00:00 GMT"


#: Without "Connection: close".
KEPT = GOOD["batches.send"].raw.replace(b"Connection: close\r\n", b"")


@pytest.mark.parametrize("call", ["with a permit", "without"])
def test_what_could_be_done_twice_takes_a_connection_of_its_own(do: Player, call: str) -> None:
    # A kept connection may be closing just now. Then the outcome of the request is unknown.
    def steps() -> Any:
        yield endpoints.get(ID)
        yield endpoints.get(ID)
        assert server.connections == 1
        permit = (lambda: None) if call == "with a permit" else None
        yield replace(endpoints.send(body=TEXT, to=TO), permit=permit)
        assert server.connections == 2
        yield endpoints.get(ID)
        yield replace(endpoints.send(body=TEXT, to=TO), permit=permit)
        return server.connections

    with KeepingServer(KEPT) as server:
        assert do.follow(plan_account(server.url), steps()) == 3
    assert len(server.heads) == 5
    assert server.most_open == 1


def test_so_it_does_through_a_proxy(
    do: Player, route: Route, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    def steps() -> Any:
        yield endpoints.get(ID)
        yield endpoints.get(ID)
        yield replace(endpoints.send(body=TEXT, to=TO), permit=lambda: None)
        yield endpoints.get(ID)

    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.bundle))
    tls = authority.server(HOST, ADDRESS) if route.api == "https" else None
    with (
        KeepingServer(KEPT, tls) as server,
        Proxy(server.port, authority.server("127.0.0.1") if route.proxy == "https" else None) as proxy,
    ):
        monkeypatch.setenv(f"{route.api.upper()}_PROXY", f"{route.proxy}://127.0.0.1:{proxy.port}")
        do.follow(plan_account(f"{route.api}://{route.host}", allow_insecure=True, timeout=5), steps())
    assert (proxy.connections, server.connections, len(server.heads)) == (2, 2, 4)


# --- SOCKS


def test_a_socks_proxy_is_told_the_credentials_of_its_url(
    do: Player, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.script = [GOOD["batches.get"]]
    with Proxy(server.port) as proxy:
        monkeypatch.setenv("all_proxy", f"socks5h://some%40body:p%3Ass@127.0.0.1:{proxy.port}")
        do(plan_account(f"http://{HOST}", allow_insecure=True), *GET)
    assert proxy.asked == [("login", "some@body:p:ss"), ("socks5", HOST)]


@pytest.mark.parametrize("package", ["socks", "aiohttp_socks"])
def test_without_its_packages_a_socks_proxy_is_refused_and_not_passed_by(
    do: Player, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with Proxy(server.port) as proxy:
        monkeypatch.setenv("all_proxy", f"socks5h://127.0.0.1:{proxy.port}")
        with pytest.raises(SinchConnectionError, match=r"airflow-provider-sinch\[socks\].*Nothing was sent"):
            do(plan_account(f"http://{HOST}", allow_insecure=True), *SEND)
    assert (proxy.connections, server.received, do.pauses) == (0, [], [])


@pytest.mark.parametrize("proxy", ["gopher://127.0.0.1:9", "http://", "http://127.0.0.1:port", "socks://h:1"])
def test_a_proxy_that_cannot_be_is_refused_and_not_passed_by(
    do: Player, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("https_proxy", proxy)
    with pytest.raises(SinchConnectionError, match=r"HTTPS_PROXY.* must be a URL .*Nothing was sent\."):
        do(plan_account("https://sinch.test"), *SEND)
    assert do.pauses == []


# --- which proxy


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_this_machine_is_never_reached_through_a_proxy(
    do: Player, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, name: str, host: str
) -> None:
    # Plain http is allowed to this machine only, and a proxy is another.
    server.script = [GOOD["batches.get"]]
    with Proxy(server.port) as proxy:
        monkeypatch.setenv(name, proxy.url)
        do(plan_account(server.url.replace("127.0.0.1", host)), *GET)
    assert (proxy.connections, len(server.received)) == (0, 1)


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"])
def test_every_variable_for_a_proxy_counts(
    do: Player, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    server.script = [GOOD["batches.get"]]
    with Proxy(server.port) as proxy:
        monkeypatch.setenv(name, proxy.url)
        do(plan_account(f"http://{HOST}", allow_insecure=True), *GET)
    assert len(proxy.asked) == 1


@pytest.mark.parametrize("name", ["no_proxy", "NO_PROXY"])
@pytest.mark.parametrize("exception", ["192.0.2.0/24", ADDRESS, "*", "10.0.0.0/8, 192.0.2.0/24"])
def test_networks_can_be_excepted_from_the_proxy(
    do: Player, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, name: str, exception: str
) -> None:
    monkeypatch.setenv(name, exception)
    with Proxy(server.port) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        account = plan_account(f"http://{ADDRESS}:9", allow_insecure=True, timeout=0.1)
        with contextlib.suppress(SinchConnectionError):
            do(account, *GET)
    assert proxy.connections == 0


def test_a_client_keeps_the_proxy_that_it_began_with(
    do: Player, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Reading the environment takes as long as the rest of a small call.
    server.script = [GOOD["batches.get"]] * 3

    def steps() -> Any:
        yield endpoints.get(ID)
        monkeypatch.setenv("http_proxy", other.url)
        yield endpoints.get(ID)

    account = plan_account(f"http://{HOST}", allow_insecure=True)
    with Proxy(server.port) as proxy, Proxy(server.port) as other:
        monkeypatch.setenv("http_proxy", proxy.url)
        do.follow(account, steps())
        assert (len(proxy.asked), len(other.asked)) == (2, 0)
        do(account, *GET)
        assert (len(proxy.asked), len(other.asked)) == (2, 1)


# --- whom to trust


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_certificates_of_the_environment_are_trusted(
    do: Player, authority: Authority, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, str(authority.bundle))
    with ScriptedServer([GOOD["batches.get"]], tls=authority.server("127.0.0.1")) as server:
        do(plan_account(server.url), *GET)
    assert len(server.received) == 1


def test_the_first_variable_is_the_one_that_counts(
    do: Player, authority: Authority, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    other = Authority(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other.bundle))
    monkeypatch.setenv("CURL_CA_BUNDLE", str(authority.bundle))
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.bundle))
    with (
        ScriptedServer(tls=authority.server("127.0.0.1")) as server,
        pytest.raises(SinchConnectionError, match="no connection"),
    ):
        do(plan_account(server.url), *GET)
    assert server.received == []


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
@pytest.mark.parametrize("content", [None, "nothing of the kind"])
def test_certificates_that_cannot_be_read_are_named_by_their_variable(
    do: Player, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, content: str | None
) -> None:
    path = tmp_path / "bundle.pem"
    if content is not None:
        path.write_text(content)
    monkeypatch.setenv(name, str(path))
    with pytest.raises(SinchConnectionError, match=rf"{name} cannot be read.*Nothing was sent\."):
        do(plan_account("https://127.0.0.1:9"), *SEND)
    assert do.pauses == []
