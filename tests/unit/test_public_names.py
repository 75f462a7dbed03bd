"""``sinch_provider.sms.__all__`` is the public interface of the client, and nothing else is."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import sinch_provider
from sinch_provider import sms
from sinch_provider.sms import errors


def imported_for_type_checkers() -> Iterator[tuple[str, str]]:
    """Each name that type checkers see in the package, with the module it comes from."""
    tree = ast.parse(Path(sms.__file__).read_text())
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    for node in block.body:
        assert isinstance(node, ast.ImportFrom)
        assert node.module is not None
        for alias in node.names:
            assert alias.asname is None
            yield alias.name, node.module


def test_type_checkers_see_each_name_where_it_is_defined() -> None:
    seen = dict(imported_for_type_checkers())
    assert sorted(seen) == sorted(sms.__all__)
    assert {name: getattr(sms, name).__module__ for name in sms.__all__} == seen


@pytest.mark.parametrize("name", sms.__all__)
def test_each_name_explains_itself(name: str) -> None:
    assert inspect.getdoc(getattr(sms, name))


def test_the_list_is_sorted_and_complete() -> None:
    for name in sms.__all__:
        getattr(sms, name)
    there = {
        name
        for name, value in vars(sms).items()
        if not name.startswith("_") and not isinstance(value, ModuleType)
    }
    # Helpers that the package itself imports.
    there -= {"annotations", "import_module", "TYPE_CHECKING", "Any", "Final"}
    assert sorted(there) == sorted(sms.__all__)
    assert sms.__all__ == sorted(sms.__all__)


def test_every_error_is_public() -> None:
    raised = {name for name, value in vars(errors).items() if inspect.isclass(value)}
    tree = {name for name in raised if issubclass(getattr(errors, name), errors.SinchError)}
    assert tree <= set(sms.__all__)


def test_a_name_that_is_not_listed_is_missing() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'SinchClints'"):
        _ = sms.SinchClints  # type: ignore[attr-defined]
    with pytest.raises(ImportError):
        from sinch_provider.sms import SinchClints  # type: ignore[attr-defined] # noqa: F401


def test_an_ide_is_offered_the_names() -> None:
    assert set(sms.__all__) <= set(dir(sms))


@pytest.mark.parametrize(
    "statement",
    [
        "import sinch_provider.sms",
        "from sinch_provider.sms import Batch, SinchError, mask_number",
    ],
)
def test_importing_loads_no_http_library(statement: str) -> None:
    heavy = "{'requests', 'aiohttp', 'airflow', 'phonenumbers'}"
    code = f"import sys\n{statement}\nassert not {heavy} & sys.modules.keys(), {heavy} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_the_version_is_public() -> None:
    assert sinch_provider.__all__ == ["__version__"]
