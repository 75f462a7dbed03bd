"""What the package promises to those who install it: metadata that Airflow accepts, and cheap imports."""

from __future__ import annotations

import json
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib import import_module, metadata, resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from sinch_provider.get_provider_info import get_provider_info
from tests.versions import AIRFLOW, needs

ROOT = Path(__file__).parents[2]
HEAVY = ("requests", "aiohttp", "fastapi")

# All that parsing a Dag needs of this package: the operators, what they share, and the rules of fields.
FIELDS = ["checked", "parameters", "recipients", "rules", "table", "times", "validation", "values"]
PARSED = {
    "sinch_provider",
    "sinch_provider.get_provider_info",
    *(f"sinch_provider.{name}" for name in ("hooks", "operators", "sensors", "sms", "sms.fields", "task")),
    "sinch_provider.links",
    *(f"sinch_provider.operators.{name}" for name in ("base", "batches", "dry_run", "message", "send")),
    "sinch_provider.sensors.batches",
    *(f"sinch_provider.task.{name}" for name in ("arguments", "rendering")),
    *(f"sinch_provider.sms.{name}" for name in ("errors", "masking")),
    *(f"sinch_provider.sms.fields.{name}" for name in FIELDS),
}
#: What the operators of campaigns load, beside what all operators do.
CAMPAIGN = {
    *PARSED,
    *(f"sinch_provider.operators.{name}" for name in ("campaign", "campaign_arguments", "campaign_base")),
    "sinch_provider.operators.resend",
    "sinch_provider.sms.campaign",
    *(
        f"sinch_provider.sms.campaign.{name}"
        for name in ("budget", "canary", "countries", "layout", "window")
    ),
    "sinch_provider.sms.runtime",
    "sinch_provider.task.results",
}
TRANSFERS = ("object_storage_to_sinch_sms", "sql_to_sinch_sms")
TRANSFER = {
    *CAMPAIGN,
    "sinch_provider.transfers",
    *(f"sinch_provider.transfers.{name}" for name in TRANSFERS),
}
# A hook in a Dag file: Airflow's own modules excepted.
HOOK = {
    "sinch_provider",
    "sinch_provider.get_provider_info",
    *(f"sinch_provider.{name}" for name in ("hooks", "hooks.sinch", "sms", "sms.errors", "sms.masking")),
}

NOTIFIER = {
    *(name for name in PARSED if ".operators" not in name and ".sensors" not in name),
    "sinch_provider.notifications",
    "sinch_provider.notifications.sms",
}
DECORATOR = {*PARSED, "sinch_provider.decorators", "sinch_provider.decorators.sms"}
POLICY = {"sinch_provider", "sinch_provider.sms", "sinch_provider.sms.errors", "sinch_provider.retries"}
#: What these modules build on. The sensor's base comes with the hook's.
BASES = {
    *(f"airflow.sdk.bases.{name}" for name in ("hook", "operatorlink", "sensor")),
    "airflow.sdk.definitions.retry_policy",
    "airflow.sdk.log",
}
#: Bases that load, depending on the version, more of Airflow.
BUILT_ON = {
    "sinch_provider.hooks.sinch": "BaseHook",
    "sinch_provider.decorators.sms": "DecoratedOperator",
    "sinch_provider.notifications.sms": "BaseNotifier",
}

# What Dag authors import, with what Airflow itself loads for such a module.
FACING = {
    "sinch_provider.operators.batches": "airflow.sdk",
    "sinch_provider.sensors.batches": "airflow.sdk",
    "sinch_provider.hooks.sinch": "airflow.sdk",
    "sinch_provider.triggers.batches": "airflow.triggers.base",
    "sinch_provider.notifications.sms": "airflow.sdk",
    "sinch_provider.decorators.sms": "airflow.sdk",
    "sinch_provider.links": "airflow.sdk",
    **({"sinch_provider.retries": "airflow.sdk"} if AIRFLOW >= (3, 3) else {}),
}


@cache
def modules_after(statements: str) -> frozenset[str]:
    """Names of all modules that a fresh Python has loaded after these statements."""
    code = f"{statements}\nimport json, sys\nprint('\\n' + json.dumps(sorted(sys.modules)))"
    found = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=120
    )
    return frozenset(json.loads(found.stdout.splitlines()[-1]))


def schema(name: str) -> Any:
    return json.loads(resources.files("airflow").joinpath(name).read_text())


def class_names(value: Any) -> Iterator[str]:
    """Every class that the metadata names."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key.endswith("class-name"):
                yield item
            elif key in {"notifications", "extra-links"}:
                yield from item
            else:
                yield from class_names(item)
    elif isinstance(value, list):
        for item in value:
            yield from class_names(item)


def test_metadata_fits_what_airflow_reads() -> None:
    jsonschema.validate(get_provider_info(), schema("provider_info.schema.json"))


def test_connection_form_fits_the_strict_schema() -> None:
    strict = schema("provider.yaml.schema.json")
    part = {"definitions": strict.get("definitions", {}), **strict["properties"]["connection-types"]}
    jsonschema.validate(get_provider_info()["connection-types"], part)


@needs(3, 0, what="imports without warnings of its own")
@pytest.mark.parametrize("module", FACING)
def test_importing_warns_of_nothing(module: str) -> None:
    # Airflow turns such warnings into lines that users see whenever a Dag is parsed.
    code = f"import {module}"
    found = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=120
    )
    assert "deprecated" not in found.stdout + found.stderr


def test_package_name_is_that_of_the_distribution() -> None:
    # Airflow refuses to start otherwise.
    assert metadata.metadata("airflow-provider-sinch")["Name"] == get_provider_info()["package-name"]


def test_entry_point_leads_to_the_metadata() -> None:
    points = metadata.entry_points(group="apache_airflow_provider")
    found = [point.load() for point in points if point.dist and point.dist.name == "airflow-provider-sinch"]
    assert found == [get_provider_info]


@pytest.mark.parametrize("name", sorted(set(class_names(get_provider_info()))))
def test_named_classes_exist(name: str) -> None:
    module, _, attribute = name.rpartition(".")
    assert callable(getattr(import_module(module), attribute))


@pytest.mark.parametrize("kind", ["hooks", "operators", "sensors", "triggers"])
def test_listed_modules_are_those_there_are(kind: str) -> None:
    listed = {name for entry in get_provider_info()[kind] for name in entry["python-modules"]}
    package = import_module(f"sinch_provider.{kind}")
    there = {f"{package.__name__}.{module.name}" for module in pkgutil.iter_modules(package.__path__)}
    # Base classes and helpers are not for users.
    helpers = {"accounts", "back_off", "base", "finished", "garbage", "message", "poller", "running", "trial"}
    helpers |= {"campaign_arguments", "campaign_base", "campaign_running"}
    assert listed == there - {f"{package.__name__}.{name}" for name in helpers}


def test_listed_transfers_are_those_there_are() -> None:
    package = import_module("sinch_provider.transfers")
    there = {f"{package.__name__}.{module.name}" for module in pkgutil.iter_modules(package.__path__)}
    assert {entry["python-module"] for entry in get_provider_info()["transfers"]} == there


@needs(3, 0, what="a task SDK, which loads little")
@pytest.mark.parametrize(
    ("module", "allowed"),
    [
        *((f"sinch_provider.operators.{name}", PARSED) for name in ("batches", "dry_run", "message", "send")),
        *((f"sinch_provider.operators.{name}", CAMPAIGN) for name in ("campaign", "resend")),
        *((f"sinch_provider.transfers.{name}", TRANSFER) for name in TRANSFERS),
        ("sinch_provider.sensors.batches", PARSED),
        ("sinch_provider.hooks.sinch", HOOK),
        ("sinch_provider.notifications.sms", NOTIFIER),
        ("sinch_provider.decorators.sms", DECORATOR),
        pytest.param("sinch_provider.retries", POLICY, marks=needs(3, 3, what="policies for retries")),
        ("sinch_provider.links", {"sinch_provider", "sinch_provider.links"}),
    ],
)
def test_a_dag_loads_only_what_parsing_needs(module: str, allowed: set[str]) -> None:
    bases = {"BaseOperator", BUILT_ON.get(module, "BaseOperator")}
    base = f"from airflow.providers.common.compat.sdk import {', '.join(bases)}\n"
    added = modules_after(base + f"import {module}") - modules_after(base)
    assert {name for name in added if name.startswith("sinch_provider")} <= allowed
    others = {name for name in added if not name.startswith("sinch_provider")}
    assert others <= BASES


@needs(3, 0, what="a task SDK, which loads little")
@pytest.mark.parametrize("module", FACING)
def test_import_is_cheap(module: str) -> None:
    # The compatibility layer comes with Airflow; official providers import it as well.
    # Like `import *`, which Airflow 3.0 cannot do.
    base = f"import {FACING[module]} as facing\nimport airflow.providers.common.compat.sdk\n"
    base += "[getattr(facing, name, None) for name in getattr(facing, '__all__', dir(facing))]\n"
    added = modules_after(base + f"import {module}") - modules_after(base)
    assert not {name for name in added if name.split(".")[0] in HEAVY}


def test_airflow_itself_loads_only_the_metadata() -> None:
    loaded = modules_after("import airflow\nfrom airflow.providers_manager import ProvidersManager")
    ours = {name for name in loaded if name.split(".")[0] == "sinch_provider"}
    assert ours <= {"sinch_provider", "sinch_provider.get_provider_info"}


def test_sandbox_and_client_know_nothing_of_each_other() -> None:
    sandbox = modules_after("import sinch_sandbox.app, sinch_sandbox.__main__")
    assert not {name for name in sandbox if name.startswith("sinch_provider.sms")}
    client = modules_after("import sinch_provider.sms.client, sinch_provider.sms.aio")
    assert not {name for name in client if name.startswith(("sinch_sandbox", "airflow"))}


@pytest.mark.parametrize("name", sorted(path.stem for path in (ROOT / "constraints").glob("*.txt")))
def test_constraints_are_names_and_versions(name: str) -> None:
    lines = (ROOT / "constraints" / f"{name}.txt").read_text().splitlines()
    airflow = name.removesuffix("-lowest")
    assert any(line.startswith(f"apache-airflow=={airflow}.") for line in lines)
    # Some are only for some systems and Pythons: a marker follows.
    pins = [line.partition(" ; ")[0] for line in lines if line and not line.startswith("#")]
    assert len(pins) > 100
    assert [pin for pin in pins if "/" in pin or "@" in pin or pin.count("==") != 1] == []
