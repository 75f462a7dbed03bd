"""What one person receives when a reply gets lost: this provider and what else people use, side by side.

Every cell is a real ``dag.test()`` run of a task with ``retries=2`` against servers on this machine.
"""

from __future__ import annotations

import json
import os
import platform
import ssl
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import trustme

from sinch_sandbox.server import Credentials, Options, RunningSandbox

if TYPE_CHECKING:
    from contenders import Contender
    from gateways import Gateway

RETRIES = 2
ONE = ["+447700900222"]
THOUSAND = [f"+9995010{index:04}" for index in range(1000)]
# Apprise takes hexadecimal ones only.
CREDENTIALS = Credentials(service_plan_id="5a4db0c5", api_token="70c3e2")

LEGEND = f"""\
The reply is lost after the service has taken the text: the connection is closed in order (closed) or with
a TCP reset (reset). Green and red are the end of an Airflow task with retries={RETRIES}, run by `dag.test()`;
each library has its own defaults. Wrong credentials are a 401; with SNS, which has none, its 403. Sinch is
the sandbox, SNS and Vonage are small servers that count.

AppriseHook is from Apprise's provider for Airflow; it throws away what Apprise says about success, so the
task below it asks Apprise itself and raises. Apprise pauses 0.2 s before each POST; that was left out."""


@dataclass(frozen=True)
class Scenario:
    """A disturbance, whom it is sent to, and what to write into the table about it."""

    title: str
    to: list[str]
    disturb: Callable[[Gateway], None]
    cell: Callable[[Gateway, str], str]


def counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'s' * (count != 1)}"


def texts(gateway: Gateway, end: str) -> str:
    return f"{counted(gateway.texts().total(), 'text')}, {end}"


def twice(gateway: Gateway, end: str) -> str:
    return f"{sum(count > 1 for count in gateway.texts().values()):,}, {end}"


def texts_and_posts(gateway: Gateway, end: str) -> str:
    return f"{texts(gateway, end)}, {counted(gateway.posts(), 'POST')}"


SCENARIOS = (
    Scenario("nothing goes wrong", ONE, lambda _: None, texts),
    Scenario("first reply lost: closed", ONE, lambda gateway: gateway.lose("close", 1), texts),
    Scenario("first reply lost: reset", ONE, lambda gateway: gateway.lose("reset", 1), texts),
    Scenario("every reply lost: closed", ONE, lambda gateway: gateway.lose("close", None), texts),
    Scenario("wrong credentials", ONE, lambda gateway: gateway.refuse(), texts_and_posts),
    Scenario("1,000 people: POSTs", THOUSAND, lambda _: None, lambda gateway, _: f"{gateway.posts():,}"),
    Scenario("first reply lost: texted twice", THOUSAND, lambda gateway: gateway.lose("close", 1), twice),
)


def use_airflow_in(home: Path) -> None:
    """Airflow reads its configuration when it is first imported, so this comes before any such import."""
    dags = home / "dags"
    dags.mkdir()
    bundle = {
        "name": "compare",
        "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle",
        "kwargs": {"path": str(dags)},
    }
    os.environ.update(
        AIRFLOW_HOME=str(home),
        AIRFLOW__CORE__LOAD_EXAMPLES="False",
        AIRFLOW__CORE__DAGS_FOLDER=str(dags),
        AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST=json.dumps([bundle]),
        AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=f"sqlite:///{home / 'airflow.db'}",
        AIRFLOW__LOGGING__BASE_LOG_FOLDER=str(home / "logs"),
        NO_PROXY="127.0.0.1,localhost",
        no_proxy="127.0.0.1,localhost",
    )
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.utils.db import initdb

    initdb()
    DagBundlesManager().sync_bundles_to_db()


def run(name: str, put: Callable[[list[str]], Any], to: list[str]) -> str:
    """Run a Dag with this one task for real; how the task ended."""
    from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
    from airflow.sdk import DAG

    with DAG(name, schedule=None, default_args={"retries": RETRIES, "retry_delay": timedelta(0)}) as dag:
        put(to)
    bag = DagBag(os.environ["AIRFLOW__CORE__DAGS_FOLDER"], bundle_name="compare")
    bag.bag_dag(dag)
    sync_bag_to_db(bag, "compare", None)
    (instance,) = dag.test().get_task_instances()
    return {"success": "green", "failed": "red"}[str(instance.state)]


def contenders(servers: ExitStack, tls: ssl.SSLContext) -> list[Contender]:
    import contenders as them
    import gateways

    sandbox = servers.enter_context(RunningSandbox(Options(credentials=CREDENTIALS)))
    os.environ["AIRFLOW_CONN_SINCH_DEFAULT"] = json.dumps(sandbox.connection)
    sinch, sns, vonage = gateways.Sinch(sandbox), gateways.sns(), gateways.vonage(tls)
    servers.callback(sns.stop)
    servers.callback(vonage.stop)
    return [
        them.Contender("SinchSendBatchOperator", "airflow-provider-sinch", sinch, them.operator),
        them.Contender("Sinch's SDK in a task", "sinch", sinch, them.official_sdk(sandbox)),
        them.Contender("SNS `publish` in a task", "boto3", sns, them.boto3(sns.port)),
        them.Contender("Vonage's SDK in a task", "vonage", vonage, them.vonage(vonage.port)),
        them.Contender(
            "AppriseHook in a task", "apache-airflow-providers-apprise", sinch, them.apprise_hook(sandbox)
        ),
        them.Contender("Apprise in a task", "apprise", sinch, them.apprise_itself(sandbox)),
    ]


@contextmanager
def quiet(log: Path) -> Iterator[Callable[[str], None]]:
    """Send what Airflow prints into a file; what is given to the yielded function is shown."""
    shown, errors = os.dup(1), os.dup(2)
    with log.open("w") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    try:
        yield lambda line: (os.write(shown, f"{line}\n".encode()), None)[1]
    except BaseException:
        os.write(errors, log.read_bytes()[-5000:])
        raise
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(shown, 1)
        os.dup2(errors, 2)


def measure(contender: Contender, scenario: Scenario, name: str) -> str:
    contender.gateway.reset()
    scenario.disturb(contender.gateway)
    return scenario.cell(contender.gateway, run(name, contender.put, scenario.to))


def row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def main() -> None:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, ExitStack() as servers:
        home = Path(folder)
        authority = trustme.CA()
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost").configure_cert(tls)
        authority.cert_pem.write_to_path(str(home / "authority.pem"))
        os.environ["REQUESTS_CA_BUNDLE"] = str(home / "authority.pem")
        with quiet(home / "airflow.log") as show:
            use_airflow_in(home)
            rows = contenders(servers, tls)
            show(
                f"lost_reply: {time.strftime('%Y-%m-%d')}, Airflow {version('apache-airflow')}, "
                f"Python {platform.python_version()}\n"
            )
            show(row(["", *(scenario.title for scenario in SCENARIOS)]))
            show(row(["---"] * (1 + len(SCENARIOS))))
            for number, contender in enumerate(rows):
                title = f"{contender.name} ({contender.package} {version(contender.package)})"
                cells = [
                    measure(contender, scenario, f"compare_{number}_{index}")
                    for index, scenario in enumerate(SCENARIOS)
                ]
                show(row([title, *cells]))
    print(f"\n{LEGEND}")


if __name__ == "__main__":
    main()
