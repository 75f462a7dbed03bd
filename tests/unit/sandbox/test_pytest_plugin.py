"""The fixture that other tests build on, and the plugin that brings it."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

import sinch_provider
from sinch_sandbox.client import SandboxClient

ROOT = Path(sinch_provider.__file__).parents[1]
MODULE = "sinch_sandbox.pytest_plugin"
HEAVY = ("fastapi", "uvicorn", "starlette", "pydantic", "urllib.request", "sinch_sandbox.client")

USER_TEST = """
def test_one(sinch_sandbox):
    assert sinch_sandbox.messages() == []
    sinch_sandbox.fault("latency")

def test_two(sinch_sandbox):
    assert sinch_sandbox.faults() == []
"""


def test_every_test_gets_an_empty_sandbox_and_a_server_that_answers(sinch_sandbox: SandboxClient) -> None:
    assert sinch_sandbox.health()["status"] == "ok"
    assert sinch_sandbox.messages() == []
    assert sinch_sandbox.calls() == {}


@pytest.fixture
def installed(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A folder of somebody else's tests, with this package and its entry point installed."""
    info = pytester.mkdir("site") / "plugin_only-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plugin-only\nVersion: 1\n")
    (info / "entry_points.txt").write_text(f"[pytest11]\n{MODULE} = {MODULE}\n")
    # The distribution itself may be installed with its entry point or without.
    monkeypatch.setenv("PYTHONPATH", f"{ROOT / 'sandbox'}:{info.parent}")
    return pytester


def test_the_entry_point_has_the_name_of_the_module() -> None:
    # Under any other name pytest would refuse to load it a second time where a conftest names the module.
    declared = (ROOT / "sandbox/pyproject.toml").read_text()
    assert f'[project.entry-points.pytest11]\n"{MODULE}" = "{MODULE}"\n' in declared
    for point in metadata.entry_points(group="pytest11"):
        if point.value == MODULE:
            assert point.name == MODULE


@pytest.mark.parametrize(
    ("conftest", "options"),
    [("", []), (f"pytest_plugins = ['{MODULE}']", []), ("", ["-p", MODULE])],
    ids=["installed", "named in conftest", "named by option"],
)
def test_the_fixture_is_there(installed: pytest.Pytester, conftest: str, options: list[str]) -> None:
    installed.makeconftest(conftest)
    installed.makepyfile(USER_TEST)
    installed.runpytest_subprocess(*options).assert_outcomes(passed=2)


def test_without_use_it_starts_nothing(installed: pytest.Pytester) -> None:
    installed.makepyfile(
        """
        import sys

        def test_nothing():
            assert "sinch_sandbox.pytest_plugin" in sys.modules
            assert "sinch_sandbox.server" not in sys.modules
            assert "sinch_sandbox.client" not in sys.modules
        """
    )
    installed.runpytest_subprocess().assert_outcomes(passed=1)


def test_importing_it_imports_nothing_heavy() -> None:
    code = f"import sys, pytest; before = set(sys.modules); import {MODULE}; print(set(sys.modules) - before)"
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    assert not [name for name in HEAVY if f"'{name}'" in found.stdout]


def test_parallel_workers_have_sandboxes_of_their_own(installed: pytest.Pytester) -> None:
    pytest.importorskip("xdist")
    installed.makepyfile(
        """
        import pytest

        @pytest.mark.parametrize("number", range(8))
        def test_alone(sinch_sandbox, number, worker_id):
            sinch_sandbox.fault("latency", seconds=number)
            assert len(sinch_sandbox.faults()) == 1
            open(f"{worker_id}.url", "w").write(sinch_sandbox.url)
        """
    )
    installed.runpytest_subprocess("-n", "2").assert_outcomes(passed=8)
    urls = [path.read_text() for path in installed.path.glob("*.url")]
    assert len(set(urls)) == len(urls) == 2
