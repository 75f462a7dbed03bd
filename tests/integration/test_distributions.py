"""The two distributions: what is in them, and that they can be built, installed and tested without a clone.

Nothing here needs a network: the build backend is that of this environment, and so are the dependencies.
"""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from email.parser import Parser
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple
from urllib.request import Request, urlopen
from zipfile import ZipFile

import pytest

import sinch_provider
import sinch_sandbox

ROOT = Path(__file__).parents[2]
PROVIDER, SANDBOX = "airflow-provider-sinch", "sinch-sandbox"
FOLDERS = {PROVIDER: ROOT, SANDBOX: ROOT / "sandbox"}
PACKAGES = {PROVIDER: ROOT / "sinch_provider", SANDBOX: ROOT / "sandbox" / "sinch_sandbox"}
# A production install has no use for these.
FOR_TESTS_ONLY = {"pytest", "fastapi", "starlette", "uvicorn", "h11", "sinch_sandbox", "sinch-sandbox"}
# Folders that the provider's tests read besides their own.
KEPT = ("sinch_provider", "sandbox", "tests", "example_dags", "docs", "scripts", "benchmarks", "constraints")
SMALL_TEST = """
def test_one(sinch_sandbox):
    assert sinch_sandbox.messages() == []
    sinch_sandbox.fault("latency")

def test_two(sinch_sandbox):
    assert sinch_sandbox.faults() == []
"""


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    """Run a command that knows nothing of this clone; its output."""
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [str(each) for each in command],
        cwd=cwd,
        env=inherited | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


class Built(NamedTuple):
    """What is uploaded of one distribution."""

    sdist: Path
    wheel: Path

    def about(self) -> Message:
        """The wheel's metadata."""
        with ZipFile(self.wheel) as archive:
            (name,) = (each for each in archive.namelist() if each.endswith(".dist-info/METADATA"))
            return Parser().parsestr(archive.read(name).decode())

    def entry_points(self) -> metadata.EntryPoints:
        with ZipFile(self.wheel) as archive:
            (name,) = (each for each in archive.namelist() if each.endswith(".dist-info/entry_points.txt"))
            text = archive.read(name).decode()
        groups: dict[str, list[metadata.EntryPoint]] = {}
        for line in filter(None, map(str.strip, text.splitlines())):
            if line.startswith("["):
                group = line.strip("[]")
                groups[group] = []
            else:
                point, _, value = line.partition(" = ")
                groups[group].append(metadata.EntryPoint(point, value, group))
        return metadata.EntryPoints(each for found in groups.values() for each in found)

    def in_wheel(self) -> set[str]:
        with ZipFile(self.wheel) as archive:
            return set(archive.namelist())

    def in_sdist(self) -> set[str]:
        """Paths below the one folder that a source distribution consists of."""
        with tarfile.open(self.sdist) as archive:
            return {each.name.partition("/")[2] for each in archive.getmembers()}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Built]:
    """Both distributions. Each wheel is built from the source distribution, as package indexes have it."""
    found = {}
    for name, folder in FOLDERS.items():
        out = tmp_path_factory.mktemp(name)
        run(sys.executable, "-m", "build", "--no-isolation", "--outdir", out, folder, cwd=out)
        (sdist,), (wheel,) = out.glob("*.tar.gz"), out.glob("*.whl")
        found[name] = Built(sdist, wheel)
    return found


@pytest.mark.parametrize("name", FOLDERS)
def test_wheel_holds_the_package_and_nothing_else(built: dict[str, Built], name: str) -> None:
    package = PACKAGES[name]
    sources = {str(each.relative_to(package.parent)) for each in sources_in(package)}
    prefix = built[name].wheel.name.rsplit("-", 3)[0]
    found = {each for each in built[name].in_wheel() if not each.startswith(f"{prefix}.dist-info/")}
    assert found == sources
    assert f"{package.name}/py.typed" in found


def test_wheel_of_the_sandbox_holds_its_page(built: dict[str, Built]) -> None:
    assert "sinch_sandbox/inbox/static/index.html" in built[SANDBOX].in_wheel()
    assert "sinch_sandbox/control/api_page.css" in built[SANDBOX].in_wheel()


@pytest.mark.parametrize("name", FOLDERS)
def test_description_is_shown_as_it_is_meant(built: dict[str, Built], name: str) -> None:
    assert "PASSED" in run(
        sys.executable, "-m", "twine", "--no-color", "check", "--strict", *built[name], cwd=ROOT
    )


def test_versions_go_together(built: dict[str, Built]) -> None:
    version = sinch_provider.__version__
    assert sinch_sandbox.__version__ == version
    assert {each.about()["Version"] for each in built.values()} == {version}
    required = built[PROVIDER].about().get_all("Requires-Dist") or []
    pins = {tuple(each.split("; ")) for each in required if each.startswith(SANDBOX)}
    assert (f"{SANDBOX}=={version}", "extra == 'sandbox'") in pins
    assert {pin for pin, _ in pins} == {f"{SANDBOX}=={version}"}


def test_provider_brings_no_plugin_and_no_web_server(built: dict[str, Built]) -> None:
    assert built[PROVIDER].entry_points().groups == {"apache_airflow_provider"}
    required = built[PROVIDER].about().get_all("Requires-Dist") or []
    always = {re.split(r"[^\w.-]", each)[0] for each in required if "extra ==" not in each}
    assert "apache-airflow" in always
    assert not always & FOR_TESTS_ONLY
    assert not imports_of(PACKAGES[PROVIDER]) & FOR_TESTS_ONLY


def test_sandbox_brings_its_command_and_its_plugin(built: dict[str, Built]) -> None:
    points = built[SANDBOX].entry_points()
    assert {(each.group, each.name) for each in points} == {
        ("console_scripts", "sinch-sandbox"),
        ("pytest11", "sinch_sandbox.pytest_plugin"),
    }


def test_sandbox_names_everything_it_imports() -> None:
    project = tomllib.loads((ROOT / "sandbox" / "pyproject.toml").read_text())["project"]
    named = {re.split(r"[^\w.-]", each)[0] for each in project["dependencies"]}
    # The plugin is loaded by pytest, so pytest is there.
    outside = imports_of(PACKAGES[SANDBOX]) - sys.stdlib_module_names - {"sinch_sandbox", "pytest"}
    assert named == outside


def sources_in(folder: Path) -> Iterator[Path]:
    """The files of a folder, without what tools leave there."""
    for path in folder.rglob("*"):
        parts = path.relative_to(folder).parts
        left = any(part.startswith(".") or part in {"__pycache__", "_build"} for part in parts)
        if path.is_file() and not left:
            yield path


def imports_of(package: Path) -> set[str]:
    """The top-level names that a package imports anywhere."""
    found = set()
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found.add((node.module or "").partition(".")[0])
    return found


# Source distributions


def test_sdist_of_the_sandbox_stands_alone(built: dict[str, Built]) -> None:
    assert {"README.md", "LICENSE", "pyproject.toml", "PKG-INFO"} <= built[SANDBOX].in_sdist()


def test_sdist_of_the_provider_has_what_its_tests_need(built: dict[str, Built]) -> None:
    found = built[PROVIDER].in_sdist()
    for folder in KEPT:
        files = {str(each.relative_to(ROOT)) for each in sources_in(ROOT / folder)}
        assert files <= found, folder
    assert {"README.md", "LICENSE", "pyproject.toml", "CHANGELOG.md", "CONTRIBUTING.md", "Makefile"} <= found


@pytest.fixture(scope="module")
def unpacked(built: dict[str, Built], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The provider's source distribution as somebody gets it who has no clone."""
    folder = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(built[PROVIDER].sdist) as archive:
        archive.extractall(folder, filter="data")
    (root,) = folder.iterdir()
    return root


def test_all_tests_are_found_in_the_sdist(unpacked: Path) -> None:
    run(sys.executable, "-m", "pytest", "--collect-only", "-qq", cwd=unpacked, **found_in(unpacked))


def test_tests_pass_in_the_sdist(unpacked: Path) -> None:
    chosen = ("unit/sms/fields/test_times.py", "unit/sandbox/test_docs.py", "integration/test_hook.py")
    tests = [f"tests/{each}" for each in chosen]
    run(sys.executable, "-m", "pytest", "-q", "-x", *tests, cwd=unpacked, **found_in(unpacked))


def found_in(root: Path) -> dict[str, str]:
    """Return an environment in which both packages come from a folder, not from the installation."""
    return {"PYTHONPATH": f"{root}{os.pathsep}{root / 'sandbox'}", "PYTEST_ADDOPTS": "-p no:cacheprovider"}


# Clean environments

INSTALLERS = {
    "pip": ("pip", "--disable-pip-version-check", "--python", "{python}", "install"),
    "uv": ("uv", "--no-config", "pip", "install", "--offline", "--python", "{python}"),
}


class Clean(NamedTuple):
    """A virtual environment with both wheels, or only the sandbox's."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    def install(self, installer: str, *wheels: Path) -> None:
        command = [each.format(python=self.python) for each in INSTALLERS[installer]]
        run(sys.executable, "-m", *command, "--no-index", "--no-deps", *wheels, cwd=self.folder)


@pytest.fixture
def clean(tmp_path: Path) -> Clean:
    """An empty environment, which finds the dependencies in this one and everything else in itself."""
    environment = Clean(tmp_path / "clean")
    venv.create(environment.folder, symlinks=True)
    paths = sysconfig.get_paths(vars={"base": str(environment.folder), "platbase": str(environment.folder)})
    # Folders named in a path file come after the environment's own packages; their path files do not count.
    dependencies = [each for each in sys.path if Path(each).name == "site-packages"]
    (Path(paths["purelib"]) / "dependencies.pth").write_text("\n".join(dependencies))
    return environment


def places(clean: Clean, *packages: str) -> list[str]:
    """Where the environment finds these packages."""
    names = ", ".join(packages)
    code = f"import json, {names}; print(json.dumps([each.__file__ for each in ({names},)]))"
    found: list[str] = json.loads(run(clean.python, "-c", code, cwd=clean.folder).splitlines()[-1])
    return found


@pytest.mark.parametrize("installer", INSTALLERS)
def test_both_are_installed_into_a_clean_environment(
    built: dict[str, Built], clean: Clean, installer: str
) -> None:
    clean.install(installer, built[SANDBOX].wheel, built[PROVIDER].wheel)
    for place in places(clean, "sinch_provider", "sinch_sandbox"):
        assert place.startswith(str(clean.folder))
    code = (
        "from importlib.metadata import entry_points;"
        "print([each.load()()['package-name'] for each in entry_points(group='apache_airflow_provider')"
        " if each.module.startswith('sinch_provider')])"
    )
    assert PROVIDER in run(clean.python, "-c", code, cwd=clean.folder)


@pytest.mark.parametrize("installer", INSTALLERS)
def test_sandbox_alone_takes_a_send_and_serves_tests(
    built: dict[str, Built], clean: Clean, installer: str
) -> None:
    clean.install(installer, built[SANDBOX].wheel)
    command = clean.folder / "bin" / "sinch-sandbox"
    assert run(command, "--version", cwd=clean.folder) == f"sinch-sandbox {sinch_sandbox.__version__}\n"
    with serving(command) as url:
        sent = called(f"{url}/xms/v1/sandbox-plan/batches", {"to": ["+447700900222"], "body": "Hello"})
        (message,) = called(f"{url}/sandbox/messages")["messages"]
        assert (message["batch_id"], message["body"]) == (sent["id"], "Hello")
        with urlopen(url, timeout=10) as page:
            assert b"<html" in page.read()
    (clean.folder / "test_small.py").write_text(SMALL_TEST)
    assert "2 passed" in run(clean.python, "-m", "pytest", "-q", "test_small.py", cwd=clean.folder)


def test_sandbox_imports_nothing_of_airflow(built: dict[str, Built], clean: Clean) -> None:
    clean.install("pip", built[SANDBOX].wheel)
    code = (
        "import sys, sinch_sandbox.__main__, sinch_sandbox.callbacks.posting, sinch_sandbox.pytest_plugin;"
        "print({'airflow', 'sinch_provider'} & set(sys.modules), sinch_sandbox.__file__)"
    )
    assert run(clean.python, "-c", code, cwd=clean.folder).startswith(f"set() {clean.folder}")


@contextmanager
def serving(command: Path) -> Iterator[str]:
    """The command as users start it; its address."""
    with subprocess.Popen([command, "--port", "0"], stdout=subprocess.PIPE, text=True) as running:
        try:
            assert running.stdout is not None
            yield running.stdout.readline().strip()
        finally:
            running.terminate()


def called(url: str, body: Any = None) -> Any:
    headers = {"Authorization": "Bearer sandbox-token", "Content-Type": "application/json"}
    request = Request(url, None if body is None else json.dumps(body).encode(), headers)
    with urlopen(request, timeout=10) as reply:
        return json.load(reply)
