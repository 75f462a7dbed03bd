"""What only the synchronous client has to keep: threads, and the ways of requests."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

from sinch_provider.sms.client import SinchClient
from tests.unit.sms.conftest import project_account
from tests.unit.sms.scripted import EXPIRED, Received, Reply, ScriptedServer, reply, token

ID = "01J8ZC4M7T2Q9KX5RVBW3NHYDP"
THREADS = 20


def test_many_threads_fetch_one_token() -> None:
    together = threading.Barrier(THREADS)

    def answer(received: Received) -> Reply:
        return token("t1") if received.path == "/oauth2/token" else reply(200, {"id": ID})

    with ScriptedServer(answer) as server, SinchClient(project_account(server.url)) as client:

        def ask(_: int) -> str:
            together.wait(10)
            return client.batches.get(ID).id

        with ThreadPoolExecutor(THREADS) as pool:
            assert list(pool.map(ask, range(THREADS))) == [ID] * THREADS
    assert server.paths().count("POST /oauth2/token") == 1


def test_many_threads_renew_an_expired_token_once() -> None:
    # All callers learn that the token is outdated before any of them fetches another.
    together = threading.Barrier(THREADS)

    def answer(received: Received) -> Reply:
        if received.path == "/oauth2/token":
            return token("t2" if server.paths().count("POST /oauth2/token") > 1 else "t1")
        if received.headers["authorization"] == "Bearer t1":
            together.wait(10)
            return EXPIRED
        return reply(200, {"id": ID})

    with ScriptedServer(answer) as server, SinchClient(project_account(server.url)) as client:
        with ThreadPoolExecutor(THREADS) as pool:
            assert len(list(pool.map(client.batches.get, [ID] * THREADS))) == THREADS
        assert server.paths().count("POST /oauth2/token") == 2


def test_clients_of_one_key_share_the_token(server: ScriptedServer) -> None:
    server.script = [token("t1"), reply(200, {"id": ID}), reply(200, {"id": ID})]
    account = project_account(server.url)
    with SinchClient(account) as one, SinchClient(account) as other:
        one.batches.get(ID)
        other.batches.get(ID)
    assert server.paths().count("POST /oauth2/token") == 1


def test_the_models_cost_neither_http_library() -> None:
    # Airflow parses Dag files all the time; what they import has to be light.
    code = """if True:
        import sys
        import sinch_provider.sms.delivery.wait, sinch_provider.sms.fields.validation
        import sinch_provider.sms.models
        heavy = {"requests", "aiohttp", "phonenumbers", "airflow"} & sys.modules.keys()
        assert not heavy, heavy
    """
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
