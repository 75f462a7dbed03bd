"""How Sphinx builds these pages: ``make docs``."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]

# The API reference imports the package, and so Airflow, which writes into its home.
os.environ["AIRFLOW__LOGGING__LOGGING_LEVEL"] = "WARNING"
os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="sinch-docs-")
sys.path[:0] = [str(ROOT), str(ROOT / "sandbox")]

from sinch_provider import __version__  # noqa: E402 - the path comes first

project = "airflow-provider-sinch"
version = release = __version__
language = "en"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx_copybutton"]
exclude_patterns = ["_build"]
nitpicky = True
# There are no links into the pages of Python and Airflow: the build needs no network.
nitpick_ignore_regex = [
    # Types of Python, Airflow and pendulum, and aliases that only type checkers see.
    (r"py:.*", r"(?!sinch_provider\.).*"),
    # Private parts of the package that public signatures name.
    (
        r"py:class",
        r"sinch_provider\.sms\.(models\.Page|secret\.Secret|wire\..*Transport|.*\.T)",
    ),
]

myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]

#: Pages that show a file of the repository. What is in this folder is for GitHub.
_SHOWN = {
    "contributing": "CONTRIBUTING.md",
    "changelog": "CHANGELOG.md",
    "security": "SECURITY.md",
    "benchmark-scripts": "benchmarks/README.md",
    "index": "README.md",
}
_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s:#]+)((?:#[^)\s]*)?)\)")

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 80

# Copying a block leaves out the prompt and the output.
copybutton_prompt_text = "$ "
copybutton_copy_empty_lines = False

html_theme = "furo"
html_title = f"{project} {version}"
html_show_copyright = False
html_show_sourcelink = False
html_copy_source = False
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_theme_options = {
    "light_css_variables": {
        "color-brand-primary": "#0b57a4",
        "color-brand-content": "#0b57a4",
    },
    "dark_css_variables": {
        "color-brand-primary": "#7ab8ff",
        "color-brand-content": "#7ab8ff",
    },
}


def _show_on_the_site(app: Any, name: str, source: list[str]) -> None:
    """Lead the links of a page, which work on GitHub, to pages of the site."""
    shown = name != "index" and _SHOWN.get(name)
    file = ROOT / shown if shown else ROOT / "docs" / f"{name}.md"
    text = file.read_text() if shown else source[0]
    pages = {ROOT / path: ROOT / "docs" / f"{page}.md" for page, path in _SHOWN.items()}
    folder = (ROOT / "docs" / name).parent

    def led(link: re.Match[str]) -> str:
        mark, label, target, anchor = link.groups()
        path = (file.parent / target).resolve()
        path = pages.get(path, path)
        if ROOT / "docs" in path.parents:
            return f"{mark}[{label}]({os.path.relpath(path, folder)}{anchor})"
        # Other files of the repository are not on the site.
        return label

    source[0] = _LINK.sub(led, text)


def _plain_signature(
    app: Any,
    what: str,
    name: str,
    value: Any,
    options: Any,
    signature: str | None,
    returns: str | None,
) -> tuple[str, str | None] | None:
    """Show a signature as a reader needs it."""
    if not signature:
        return None
    if what == "exception" and ":param" not in (value.__doc__ or ""):
        # The arguments of all errors are those of SinchError.
        return "", None
    if returns and (call := re.fullmatch(r".*?\bCall\[(.*)\]", returns)):
        # A method makes the call, or reads the pages, that its description returns.
        returns = re.sub(r"^\S*\bPage\[", "~sinch_provider.sms.Paginator[", call[1])
    return re.sub(r"<function [^,)]*>", "...", signature), returns


def setup(app: Any) -> None:
    """Called by Sphinx."""
    app.connect("autodoc-process-signature", _plain_signature)
    app.connect("source-read", _show_on_the_site)
