"""Dependencies point one way, and the tests mirror the tree."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
PROVIDER: Final = "sinch_provider"
SANDBOX: Final = "sinch_sandbox"
PACKAGES: Final[Mapping[str, Path]] = {PROVIDER: ROOT / PROVIDER, SANDBOX: ROOT / "sandbox" / SANDBOX}

#: The layers of the provider, top to bottom. A part is a folder or a file. It may import parts of lower
#: layers, never those beside or above it.
LAYERS: Final[tuple[tuple[str, ...], ...]] = (
    ("decorators", "transfers"),
    ("operators", "sensors", "notifications"),
    ("triggers", "links", "retries"),
    ("task",),
    ("hooks",),
    ("sms.__init__", "sms.client", "sms.aio"),
    ("sms.campaign",),
    ("sms.sending",),
    ("sms.delivery",),
    ("sms.endpoints",),
    ("sms.wire",),
    ("sms.account", "sms.models", "sms.message"),
    ("sms.fields",),
    ("sms.masking", "sms.secret", "sms.errors", "sms.runtime"),
    ("__init__", "get_provider_info"),
)

#: Test files and folders without a module of the same name, and what they test.
WITHOUT_MODULE: Final[Mapping[str, str]] = {
    "test_benchmarks": "what benchmarks/ reports",
    "test_documents": "links and decisions",
    "test_guarantees": "docs/guarantees.md",
    "test_layers": "the imports of both packages",
    "test_map": "the map in CONTRIBUTING.md",
    "test_messages": "scripts/messages.py",
    "test_numbers": "every phone number in the repository",
    "test_troubleshooting": "docs/troubleshooting.md",
    "test_public_names": "sinch_provider.sms.__all__",
    "sandbox/test_docs": "docs/sandbox.md",
    "sandbox/test_import": "what importing the sandbox loads",
    "sandbox/test_layers": "the layers of the sandbox",
    "sms/test_clients": "both clients, by the same tests",
    "sms/test_clients_connections": "both clients: connections",
    "sms/test_clients_listings": "both clients: listings",
    "sms/wire/test_hostile_server": "both transports against a server that means harm",
    "sms/wire/test_proxies": "both transports through proxies of every kind",
}


def modules(package: str) -> dict[str, Path]:
    """The files of a package by module name; a folder's own file is ``<folder>.__init__``."""
    folder = PACKAGES[package]
    return {
        ".".join((package, *path.relative_to(folder).with_suffix("").parts)): path
        for path in sorted(folder.rglob("*.py"))
    }


def imported(path: Path) -> Iterator[str]:
    """Every name that a file imports, for type checkers too; ``from a import b`` gives ``a.b``."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@cache
def arrows(package: str) -> Mapping[str, frozenset[str]]:
    """Which modules of its own package each module imports."""
    known = modules(package)

    def module_of(name: str) -> str | None:
        # `from a import b` is the module a.b, the package a.b, or something in a.
        for candidate in (name, f"{name}.__init__", above(name), f"{above(name)}.__init__"):
            if candidate in known:
                return candidate
        return None

    return {
        module: frozenset(found for name in imported(path) if (found := module_of(name)) and found != module)
        for module, path in known.items()
    }


def above(name: str) -> str:
    return name.rpartition(".")[0]


def circle_in(graph: Mapping[str, Iterable[str]]) -> list[str]:
    """The first circle of a graph as a path that ends where it begins; empty if there is none."""
    done: set[str] = set()

    def walk(node: str, path: list[str]) -> list[str]:
        if node in path:
            return [*path[path.index(node) :], node]
        if node in done:
            return []
        for target in sorted(graph.get(node, ())):
            if circle := walk(target, [*path, node]):
                return circle
        done.add(node)
        return []

    return next((circle for node in sorted(graph) if (circle := walk(node, []))), [])


def layer_of(module: str) -> tuple[int, str]:
    """The layer of a module of the provider, counted from the top, and the part it belongs to."""
    name = module.removeprefix(f"{PROVIDER}.")
    found = [
        (number, part)
        for number, parts in enumerate(LAYERS)
        for part in parts
        if name == part or name.startswith(f"{part}.")
    ]
    assert len(found) == 1, f"{module} belongs to {len(found)} parts of LAYERS; it must belong to one"
    return found[0]


@pytest.mark.parametrize("package", PACKAGES)
def test_no_circle_among_files(package: str) -> None:
    assert circle_in(arrows(package)) == []


def test_no_circle_among_folders() -> None:
    # The files of sms/ itself lie in several layers, so each counts as a folder of its own.
    graph: dict[str, set[str]] = {}
    for module, targets in arrows(PROVIDER).items():
        _, part = layer_of(module)
        graph.setdefault(part, set()).update({layer_of(target)[1] for target in targets} - {part})
    assert circle_in(graph) == []


def test_arrows_point_down() -> None:
    wrong = [
        f"{module} imports {target}"
        for module, targets in arrows(PROVIDER).items()
        for target in sorted(targets)
        if layer_of(module)[1] != layer_of(target)[1]
        # The package's own file re-exports what the files beside it define.
        and (layer_of(module)[0] >= layer_of(target)[0] and module != f"{PROVIDER}.sms.__init__")
    ]
    assert not wrong, "\n".join(wrong)


def test_the_client_knows_nothing_of_airflow() -> None:
    wrong = [
        f"{module} imports {name}"
        for module, path in modules(PROVIDER).items()
        if module.startswith(f"{PROVIDER}.sms.")
        for name in imported(path)
        if name.split(".")[0] == "airflow"
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(("package", "other"), [(PROVIDER, SANDBOX), (SANDBOX, PROVIDER)])
def test_provider_and_sandbox_share_no_code(package: str, other: str) -> None:
    wrong = [
        f"{module} imports {name}"
        for module, path in modules(package).items()
        for name in imported(path)
        if name.split(".")[0] == other
    ]
    assert not wrong, "\n".join(wrong)


def test_a_circle_is_found() -> None:
    assert circle_in({"a": ["b"], "b": ["c"], "c": ["b"]}) == ["b", "c", "b"]
    assert circle_in({"a": ["b", "c"], "b": ["c"], "c": []}) == []


def candidates(path: Path) -> list[Path]:
    """The files that a test file or a folder of tests may stand for, whether they exist or not."""
    parts = path.relative_to(ROOT / "tests" / "unit").with_suffix("").parts
    folder = PACKAGES[SANDBOX].parent if parts[0] == "sandbox" else PACKAGES[PROVIDER]
    parts = (SANDBOX, *parts[1:]) if parts[0] == "sandbox" else parts
    if path.is_dir():
        return [folder.joinpath(*parts)]
    # A second file for one module adds a word: test_answers_limits.py tests answers.py too.
    words = parts[-1].removeprefix("test_").split("_")
    names = ["_".join(words[:count]) for count in range(len(words), 0, -1)]
    return [
        found
        for name in names
        for found in (folder.joinpath(*parts[:-1], f"{name}.py"), folder.joinpath(*parts[:-1], name))
    ]


def test_tests_mirror_the_tree() -> None:
    unit = ROOT / "tests" / "unit"
    paths = [path for path in unit.rglob("*") if path.name.startswith("test_") and path.suffix == ".py"]
    paths += [path for path in unit.rglob("*") if path.is_dir() and path.name != "__pycache__"]
    lost = [
        str(path.relative_to(ROOT))
        for path in sorted(paths)
        if path.relative_to(unit).with_suffix("").as_posix() not in WITHOUT_MODULE
        and not any(each.exists() for each in candidates(path))
    ]
    assert not lost, "no module of this name:\n" + "\n".join(lost)


def test_the_list_of_exceptions_is_not_outdated() -> None:
    there = {name for name in WITHOUT_MODULE if (ROOT / "tests" / "unit" / f"{name}.py").exists()}
    assert there == set(WITHOUT_MODULE)
