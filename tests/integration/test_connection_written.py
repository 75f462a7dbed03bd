"""Every way of writing a connection gives the same account, whatever characters its secrets have."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from airflow.models import Connection

from sinch_provider.hooks.sinch import SinchHook
from sinch_provider.sms.account import ProjectCredentials
from tests.code_blocks import ROOT, blocks_of

#: Every character that a token may have.
SECRET = "".join(map(chr, range(0x21, 0x7F)))
#: One that can stand in JSON as it is.
TOKEN = "s3cr/t+with:odd@chars%25&?#="
EXTRA = {"region": "eu", "from": "Caf\u00e9 & Bar", "namespace": 'a/b?c=d#e "f"', "only_to": "+44770090, +46"}

ACCOUNTS: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "service plan": ({"login": "plan", "password": SECRET}, EXTRA),
    "project": ({"login": "key:id@1/2", "password": SECRET}, {**EXTRA, "project_id": "5e0f2c1a"}),
}
Writer = Callable[[Mapping[str, str], Mapping[str, Any]], str]


def as_json(fields: Mapping[str, str], extra: Mapping[str, Any]) -> str:
    return json.dumps({"conn_type": "sinch", **fields, "extra": extra})


def as_json_in_json(fields: Mapping[str, str], extra: Mapping[str, Any]) -> str:
    return json.dumps({"conn_type": "sinch", **fields, "extra": json.dumps(extra)})


def as_uri(fields: Mapping[str, str], extra: Mapping[str, Any]) -> str:
    login, password = (quote(fields[name], safe="") for name in ("login", "password"))
    return f"sinch://{login}:{password}@/?{urlencode(extra)}"


def as_airflow_writes_it(fields: Mapping[str, str], extra: Mapping[str, Any]) -> str:
    return Connection(conn_type="sinch", **fields, extra=dict(extra)).get_uri()


WRITTEN = [as_json, as_json_in_json, as_uri, as_airflow_writes_it]


def read(connection_id: str) -> list[Any]:
    """What the hook makes of a connection."""
    account = SinchHook(connection_id).get_conn().account
    credentials = account.credentials
    login = credentials.key_id if isinstance(credentials, ProjectCredentials) else None
    return [account.api_root, login, credentials.secret, account.sender, account.namespace, account.only_to]


def meant(kind: str) -> list[Any]:
    """What it should make of it."""
    project = kind == "project"
    root = (
        "https://zt.eu.sms.api.sinch.com/xms/v1/5e0f2c1a"
        if project
        else "https://eu.sms.api.sinch.com/xms/v1/plan"
    )
    login = ACCOUNTS[kind][0]["login"] if project else None
    return [root, login, SECRET, EXTRA["from"], EXTRA["namespace"], ("44770090", "46")]


@pytest.mark.parametrize("written", WRITTEN)
@pytest.mark.parametrize("kind", ACCOUNTS)
def test_an_environment_variable_is_read_as_it_was_meant(
    monkeypatch: pytest.MonkeyPatch, kind: str, written: Writer
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SINCH_DEFAULT", written(*ACCOUNTS[kind]))
    assert read("sinch_default") == meant(kind)


@pytest.mark.parametrize(
    ("ending", "ways"), [("json", WRITTEN), ("env", [as_uri, as_airflow_writes_it])], ids=["json", "env"]
)
@pytest.mark.usefixtures("airflow_database")
def test_a_secrets_backend_is_read_as_it_was_meant(tmp_path: Path, ending: str, ways: list[Writer]) -> None:
    """In a process of its own, because Airflow keeps the backend that it was started with."""
    file = tmp_path / f"connections.{ending}"
    kinds = [kind for kind in ACCOUNTS for _ in ways]
    texts = {f"sinch_{index}": text for index, text in enumerate(_texts(ways))}
    if ending == "env":
        file.write_text("".join(f"{name}={text}\n" for name, text in texts.items()))
    else:
        given = {name: json.loads(text) if text[0] == "{" else text for name, text in texts.items()}
        file.write_text(json.dumps(given))
    found = in_process(f"print(json.dumps([read(name) for name in {list(texts)}]))", backend(file))
    assert json.loads(found) == json.loads(json.dumps([meant(kind) for kind in kinds]))


def _texts(ways: list[Writer]) -> list[str]:
    return [written(*account) for account in ACCOUNTS.values() for written in ways]


def backend(file: Path) -> dict[str, str]:
    """The environment that makes Airflow read connections from a file."""
    return {
        "AIRFLOW__SECRETS__BACKEND": "airflow.secrets.local_filesystem.LocalFilesystemBackend",
        "AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps({"connections_file_path": str(file)}),
    }


def in_process(code: str, environment: Mapping[str, str]) -> str:
    """Run code in another Python, and return the last line that it prints."""
    done = subprocess.run(
        [sys.executable, "-c", f"import json\nfrom {__name__} import read\n{code}"],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


def test_the_examples_of_the_page_mean_what_the_page_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the environment variable; the commands of the page run with those of all pages."""
    root = "https://{}eu.sms.api.sinch.com/xms/v1/{}".format
    plan, project = root("", "plan-id"), root("zt.", "project-id")
    expected = [
        [plan, None, TOKEN, "Bistro"],
        [project, "key-id", TOKEN, None],
        [plan, None, TOKEN, "Bistro"],
        [project, "key-id", TOKEN, None],
        ["http://localhost:8026/xms/v1/sandbox-plan", None, "sandbox-token", None],
    ]
    found = []
    for block in blocks_of("docs/connection.md"):
        if block.kind != "shell" or "AIRFLOW_CONN_SINCH_DEFAULT" not in block.commands:
            continue
        (export,) = re.findall(r"^export AIRFLOW_CONN_SINCH_DEFAULT='.*?'$", block.commands, re.M | re.S)
        token = quote(TOKEN, safe="") if "sinch://" in export else TOKEN
        for name, value in {"API token": token, "key secret": token}.items():
            export = export.replace(f"<{name}>", value)
        export = re.sub(r"<(?:service )?([a-z]+) id>", r"\1-id", export)
        script = f'{export}\nprintf %s "$AIRFLOW_CONN_SINCH_DEFAULT"'
        text = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True).stdout
        monkeypatch.setenv("AIRFLOW_CONN_SINCH_DEFAULT", text)
        found.append(read("sinch_default")[:4])
    assert found == expected
