"""What Airflow knows of this package, as its command line shows it."""

from __future__ import annotations

import json
from importlib import import_module
from typing import Any

import pytest

from sinch_provider.decorators.sms import sinch_sms_task
from sinch_provider.get_provider_info import get_provider_info
from tests.integration.conftest import ROOT

PACKAGE = "airflow-provider-sinch"


@pytest.fixture
def listed(capsys: pytest.CaptureFixture[str]) -> Any:
    """Run ``airflow providers`` and read what it prints about this package."""
    from airflow.cli import cli_parser

    def run(*command: str) -> list[dict[str, Any]]:
        given = cli_parser.get_parser().parse_args(["providers", *command, "--output", "json"])
        given.func(given)
        shown = capsys.readouterr().out
        rows: list[dict[str, Any]] = json.loads(shown[shown.index("[") :])
        return [row for row in rows if "sinch" in json.dumps(row)]

    return run


def modules(kind: str) -> list[str]:
    return [name for entry in get_provider_info()[kind] for name in entry["python-modules"]]


def classes_in(folder: str, base: str) -> set[str]:
    """The public classes of a folder whose names end as a kind of classes do."""
    found = set()
    for path in (ROOT / "sinch_provider" / folder).glob("*.py"):
        module = import_module(f"sinch_provider.{folder}.{path.stem}")
        found |= {
            f"{module.__name__}.{name}"
            for name, value in vars(module).items()
            if isinstance(value, type) and value.__module__ == module.__name__ and name.endswith(base)
        }
    return found


def test_get(listed: Any) -> None:
    (row,) = listed("get", PACKAGE, "--full")
    shown = json.dumps(row)
    names = [
        PACKAGE,
        *(module for kind in ("hooks", "operators", "sensors", "triggers") for module in modules(kind)),
        *(entry["python-module"] for entry in get_provider_info()["transfers"]),
        "sinch_provider.notifications.sms.SinchSmsNotifier",
        "sinch_provider.links.SinchBatchLink",
        "sinch_provider.decorators.sms.sinch_sms_task",
    ]
    assert [name for name in names if name not in shown] == []


def test_hooks(listed: Any) -> None:
    (row,) = listed("hooks")
    assert row == {
        "connection_type": "sinch",
        "class": "sinch_provider.hooks.sinch.SinchHook",
        "conn_id_attribute_name": "sinch_conn_id",
        "package_name": PACKAGE,
        "hook_name": "Sinch SMS",
    }


def test_notifications(listed: Any) -> None:
    shown = {row["notification_class_name"] for row in listed("notifications")}
    assert shown == classes_in("notifications", "Notifier")


def test_links(listed: Any) -> None:
    assert [row["extra_link_class_name"] for row in listed("links")] == [
        "sinch_provider.links.SinchBatchLink"
    ]


def test_triggers(listed: Any) -> None:
    # Airflow lists modules of triggers here.
    shown = {row["class"] for row in listed("triggers")}
    assert shown == {name.rpartition(".")[0] for name in classes_in("triggers", "Trigger")}


def test_the_decorator_is_there() -> None:
    from airflow.providers.common.compat.sdk import task

    assert task.sinch_sms is sinch_sms_task
