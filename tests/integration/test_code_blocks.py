"""Every code block of README and docs runs, or says why it does not."""

from __future__ import annotations

import ast
import configparser
import json
import os
import sqlite3
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sinch_provider.sms import Account, ServicePlanCredentials, SinchClient
from sinch_sandbox.client import SandboxClient
from sinch_sandbox.server import Options, RunningSandbox
from tests.code_blocks import BLOCKS, PAGES, ROOT, Block
from tests.integration.conftest import BUNDLE, EMPTY

SANDBOX = ServicePlanCredentials("sandbox-plan", "sandbox-token")
#: The addresses that the pages show.
USUAL = ("http://127.0.0.1:8026", "http://localhost:8026")
PARSERS: dict[str, Callable[[str], Any]] = {
    "json": json.loads,
    "ini": configparser.ConfigParser().read_string,
    "toml": tomllib.loads,
}
#: Stand-ins for commands: of this Python, without a second environment, and ending by themselves.
COMMANDS = f"""
set -euo pipefail
airflow() {{ {sys.executable} -m airflow "$@"; }}
python() {{ {sys.executable} "$@"; }}
curl() {{ command curl --silent --show-error --fail-with-body "$@"; }}
# Whether the target exists; the tests of what it does are elsewhere.
make() {{ command make --dry-run "$@" > /dev/null; }}
# It starts and prints its address; another one, which the other commands reach, is running already.
sinch-sandbox() {{
    local first
    coproc SANDBOX {{ exec {sys.executable} -m sinch_sandbox --port 0 "$@"; }}
    read -r first <&"${{SANDBOX[0]}}"
    kill "$SANDBOX_PID"
    [[ $first == http://127.0.0.1:* ]]
}}
"""
#: After a block that sets a connection.
CHECK = """
[[ "${AIRFLOW_CONN_SINCH_DEFAULT:-sinch://}" == sinch://* ]] || python -c \
    'import json, os; json.loads(os.environ["AIRFLOW_CONN_SINCH_DEFAULT"])["conn_type"]'
"""


def chosen(*kinds: str) -> list[Any]:
    """The blocks of some kinds that run."""
    found = [block for block in BLOCKS if block.kind in kinds and block.reason is None]
    assert found
    return [pytest.param(block, id=str(block)) for block in found]


def reached(code: str, sandbox_url: str) -> str:
    """Code with the sandbox's real address instead of the usual one, and its credentials."""
    for usual in USUAL:
        code = code.replace(usual, sandbox_url)
    code = code.replace("localhost:8026", sandbox_url.removeprefix("http://"))
    return code.replace('"<service plan id>", "<API token>"', '"sandbox-plan", "sandbox-token"')


@pytest.fixture
def load(airflow_database: Path) -> Iterator[Callable[[Block], dict[str, Any]]]:
    """Put a block's Dag into the Dags folder, and load it from there."""
    from airflow.dag_processing.dagbag import DagBag

    file = EMPTY / "block.py"

    def loaded(block: Block) -> dict[str, Any]:
        file.write_text(block.module)
        bag = DagBag(EMPTY, bundle_path=EMPTY, bundle_name=BUNDLE)
        assert bag.import_errors == {}
        assert bag.dags
        return bag.dags

    yield loaded
    file.unlink(missing_ok=True)


@pytest.fixture
def prompt(sinch_default: SandboxClient) -> SandboxClient:
    """A sandbox in which every text arrives at once."""
    sinch_default.configure(dispatch_delay=0, delivery_delay=0)
    return sinch_default


@pytest.mark.parametrize("block", [pytest.param(each, id=str(each)) for each in BLOCKS])
def test_a_block_has_a_language_that_is_known_and_correct_syntax(block: Block) -> None:
    assert block.language in {"python", "sh", "console", *PARSERS}
    assert block.reason != ""
    if block.language == "python":
        ast.parse(block.code)
    elif block.kind == "shell":
        assert block.commands.strip()
        subprocess.run(["bash", "-n"], input=block.commands, text=True, check=True, timeout=30)


def test_few_blocks_are_not_run() -> None:
    assert len([block for block in BLOCKS if block.reason]) <= len(BLOCKS) / 6


@pytest.mark.parametrize("block", chosen("data"))
def test_data_can_be_read(block: Block) -> None:
    PARSERS[block.language](block.code)


@pytest.mark.usefixtures("no_pauses")
@pytest.mark.parametrize("block", chosen("snippet", "dag"))
def test_a_dag_runs(load: Callable[[Block], dict[str, Any]], prompt: SandboxClient, block: Block) -> None:
    for dag in load(block).values():
        conf = {"to": "+447700900222"} if "to" in dag.params else None
        # With a deadline, Airflow 3.3 fails at the end of dag.test(): it looks for it in its database.
        dag.deadline = None
        run = dag.test(run_conf=conf)
        assert run.state == ("failed" if block.fails else "success")
        assert dag.tasks
    if "SendBatchOperator" in block.module:
        assert prompt.batches()


@pytest.mark.parametrize("block", chosen("client"))
def test_a_client_sends(block: Block, sinch_sandbox: SandboxClient) -> None:
    code = reached(block.code, sinch_sandbox.url).replace('region="eu"', f"base_url={sinch_sandbox.url!r}")
    exec(code, {"__name__": "block"})
    assert [each["to"] for each in sinch_sandbox.messages()] == ["447700900222"]


@pytest.mark.parametrize("block", chosen("test"))
def test_a_test_passes(
    load: Callable[[Block], dict[str, Any]],
    prompt: SandboxClient,
    monkeypatch: pytest.MonkeyPatch,
    block: Block,
) -> None:
    (tutorial,) = [each for each in BLOCKS if each.page == "docs/tutorial.md" and each.file]
    dag = load(tutorial)["first_text"]

    def run_my_dag(connection: dict[str, Any]) -> None:
        prompt.configure(dispatch_delay=0, delivery_delay=0)
        dag.test(run_conf={"to": "+447700900222"})

    shown: dict[str, Any] = {"json": json, "first_text_dag": dag, "run_my_dag": run_my_dag}
    exec(block.code, shown)
    given = {"sinch_sandbox": prompt, "monkeypatch": monkeypatch}
    tests = [value for name, value in shown.items() if name.startswith("test_")]
    for test in tests:
        names = test.__code__.co_varnames[: test.__code__.co_argcount]
        test(**{name: given[name] for name in names})
    assert tests


PAGES_WITH_COMMANDS = [
    page for page in PAGES if any(each.page == page and each.kind == "shell" for each in BLOCKS)
]


@pytest.mark.parametrize("page", PAGES_WITH_COMMANDS)
def test_the_commands_of_a_page_run_one_after_the_other(
    page: str, airflow_database: Path, tmp_path: Path
) -> None:
    """As a reader does it: in one shell, in the folder of the clone, with the files that the page says."""
    airflow_home = tmp_path / "airflow"
    airflow_home.mkdir()
    database = airflow_home / "airflow.db"
    # A copy of the file alone would lack what SQLite has not written into it yet.
    with closing(sqlite3.connect(airflow_database)) as made, closing(sqlite3.connect(database)) as copy:
        made.backup(copy)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    with RunningSandbox(Options()) as sandbox:
        client = SandboxClient(sandbox.url)
        client.configure(dispatch_delay=0, delivery_delay=0)
        if page == "docs/sandbox.md":
            # There, somebody has texted already.
            with SinchClient(Account(credentials=SANDBOX, base_url=sandbox.url)) as sinch:
                sinch.batches.send(to=["+447700900222"], body="Hi", client_reference="nightly")
        environment |= {
            "HOME": str(tmp_path),
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "sandbox")]),
            "AIRFLOW_HOME": str(airflow_home),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW_CONN_SINCH_DEFAULT": json.dumps(client.connection),
        }
        script = [COMMANDS]
        for block in (each for each in BLOCKS if each.page == page and each.reason is None):
            if block.file:
                file = tmp_path / block.file.removeprefix("~/")
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(block.code)
            elif block.kind == "shell":
                commands = reached(block.commands, sandbox.url)
                script.append(f"if ( {commands}\n); then exit 99; fi\n" if block.fails else commands + CHECK)
        done = subprocess.run(
            ["bash"],
            cwd=ROOT,
            env=environment,
            input="\n".join(script),
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        if page == "docs/tutorial.md":
            texted = [message["to"][-3:] for message in client.messages()]
            assert sorted(texted) == ["150", "222", "333"]
