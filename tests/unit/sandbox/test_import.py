"""The sandbox stands on its own."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import sinch_sandbox

SOURCES = sorted(Path(sinch_sandbox.__file__).parent.rglob("*.py"))


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_it_shares_no_code_with_the_client(source: Path) -> None:
    for node in ast.walk(ast.parse(source.read_text())):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        for name in names:
            assert not name.startswith("sinch_provider.") or name.startswith("sinch_sandbox"), name


def test_the_plugin_imports_no_airflow() -> None:
    code = "import sys, sinch_sandbox.pytest_plugin; sys.exit('airflow' in sys.modules)"
    root = Path(sinch_sandbox.__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0


def test_importing_the_client_needs_only_the_standard_library() -> None:
    code = (
        "import sys, sinch_sandbox.client;"
        "sys.exit(bool({'fastapi', 'uvicorn', 'starlette', 'pydantic', 'requests'} & set(sys.modules)))"
    )
    root = Path(sinch_sandbox.__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0
