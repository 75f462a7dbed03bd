"""Imports in the sandbox go one way, from the top of the list of layers to the bottom."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import sinch_sandbox

PACKAGE = Path(sinch_sandbox.__file__).parent
NAME = "sinch_sandbox"

LAYERS = (
    {"sinch_sandbox"},
    {"core"},
    {"web"},
    {"sinch"},
    {"callbacks"},
    {"control"},
    {"inbox"},
    {"app"},
    {"client", "verdict"},
    {"server"},
    {"__main__", "pytest_plugin"},
)
"""From the bottom to the top: a layer may import from itself and from those before it."""


def module_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts) or NAME


MODULES = {module_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def imports_of(module: str) -> Iterator[str]:
    """The sandbox's modules that one of them imports anywhere, for types or in a function too."""
    for node in ast.walk(ast.parse(MODULES[module].read_text())):
        if isinstance(node, ast.Import):
            yield from (known(alias.name) for alias in node.names if alias.name.split(".")[0] == NAME)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} has a relative import"
            source = node.module or ""
            if source.split(".")[0] == NAME:
                for alias in node.names:
                    inner = f"{source}.{alias.name}"
                    yield known(inner if inner.removeprefix(f"{NAME}.") in MODULES else source)


def known(dotted: str) -> str:
    name = dotted.removeprefix(f"{NAME}.")
    assert name in MODULES, dotted
    return name


ARROWS = {module: set(imports_of(module)) for module in MODULES}


def layer_of(module: str) -> str:
    """The outermost folder of a module; a module in no folder is a layer of its own."""
    return module.partition(".")[0]


def rank(module: str) -> int:
    return next(index for index, layer in enumerate(LAYERS) if layer_of(module) in layer)


def check_no_circle(arrows: dict[str, set[str]]) -> None:
    try:
        tuple(TopologicalSorter(arrows).static_order())
    except CycleError as error:
        pytest.fail(" -> ".join(reversed(error.args[1])))


def test_every_module_has_a_layer() -> None:
    for module in MODULES:
        assert rank(module) >= 0


def test_no_arrow_goes_up() -> None:
    upward = [
        f"{module} imports {imported}"
        for module, found in ARROWS.items()
        for imported in found
        if rank(imported) > rank(module)
    ]
    assert upward == []


def test_no_files_import_each_other_in_a_circle() -> None:
    check_no_circle(ARROWS)


def test_no_folders_import_each_other_in_a_circle() -> None:
    between: dict[str, set[str]] = {}
    for module, found in ARROWS.items():
        between.setdefault(layer_of(module), set()).update(layer_of(each) for each in found)
    check_no_circle({layer: found - {layer} for layer, found in between.items()})


def test_only_the_store_speaks_sql() -> None:
    sql = re.compile(r"\bimport sqlite3\b|\.execute\w*\(|\b(SELECT|INSERT|UPDATE|DELETE) (FROM|INTO|[a-z*(])")
    found = [
        f"{module}: {match[0]}"
        for module, path in MODULES.items()
        if not module.startswith("core.store")
        for match in sql.finditer(path.read_text())
    ]
    assert found == []


def test_folders_import_nothing_when_they_are_imported() -> None:
    # A folder that imported its own modules would be in a circle with each of them.
    for module, path in MODULES.items():
        if path.stem == "__init__":
            assert ARROWS[module] == set(), module
