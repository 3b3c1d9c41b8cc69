"""How Sphinx builds the site: `make -C docs html`. Pages are Markdown; the reference is docstrings.

Nothing is fetched while it is built or read: no page loads a script or a font from elsewhere.
"""

from __future__ import annotations

import importlib
import re
from importlib.metadata import version as version_of
from typing import Any

import fewfire

project = "fewfire"
author = "The fewfire developers"
version = release = version_of("fewfire")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "numpydoc"]
exclude_patterns = ["_build"]
templates_path = ["_templates"]

default_role = "code"  # of the single backticks of docstrings

myst_heading_anchors = 3
myst_links_external_new_tab = False

# A page for each public name, by the `__all__` of its module.
autosummary_imported_members = True
autosummary_ignore_module_all = False
autosummary_context = {  # what has its page as `fewfire.<name>`, and needs no second one
    "at_the_top": [
        f"{module}.{name}"
        for module in ("fewfire.data", "fewfire.gates")
        for name in importlib.import_module(module).__all__
        if name in fewfire.__all__
    ]
}
autodoc_mock_imports = ["torch"]  # large, and of no use to a page
autodoc_typehints = "none"  # they are in the signature, and said by the docstring
autodoc_preserve_defaults = True
autodoc_member_order = "bysource"
numpydoc_show_class_members = False

html_theme = "furo"
html_title = f"fewfire {release}"
html_static_path = ["_static"]
html_css_files = ["tables.css"]
html_show_sphinx = False
html_show_copyright = False
html_copy_source = False

OF_SKLEARN = re.compile(r"(get|set)_params|get_metadata_routing|set_\w+_request")


def skipped(app: Any, what: str, name: str, item: Any, skip: bool, options: Any) -> bool | None:
    """Leave out what is only inherited from builtin classes, or from scikit-learn's."""
    owner = getattr(item, "__objclass__", item)
    module = getattr(owner, "__module__", "fewfire") or "builtins"
    is_foreign = not module.startswith("fewfire")
    return True if is_foreign or OF_SKLEARN.fullmatch(name) else None


def setup(app: Any) -> None:
    """Called by Sphinx."""
    app.connect("autodoc-skip-member", skipped)
