"""Every example in a docstring runs, and the files that pages name are there."""

import doctest
import importlib
import pkgutil
import re

import pytest

import fewfire
from structure import CORE, PYTHON, ROOT

MODULES = ["fewfire", *(m.name for m in pkgutil.walk_packages(fewfire.__path__, "fewfire."))]


def skip_without_what_it_needs(text):
    if "fewfire.torch" in text:
        pytest.importorskip("torch", reason="PyTorch is not installed")


@pytest.mark.parametrize("name", [name for name in MODULES if "__main__" not in name])
def test_examples_in_docstrings_run(name, tmp_path, monkeypatch):
    skip_without_what_it_needs(name)
    monkeypatch.chdir(tmp_path)
    if name.startswith("fewfire.annif"):
        pytest.importorskip("annif.backend", reason="Annif is not installed")
    module = importlib.import_module(name)
    failed, _ = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert failed == 0


def test_public_names_have_docstrings():
    public = [getattr(fewfire, name) for name in fewfire.__all__]
    assert [item for item in public if not (item.__doc__ or "").strip()] == []


README = ROOT / "README.md"
PAGES = [README, ROOT / "benchmarks" / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FOLDERS = ["core", "src", "tests", "docs", "benchmarks"]


EXAMPLES = re.compile(r"```python\n(.*?)```(?:\s+```text\n(.*?)```)?", re.DOTALL)


@pytest.mark.skipif(not README.exists(), reason="the tests run without the README beside them")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_examples_in_the_pages_run_and_print_what_is_said(page, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for code, printed in EXAMPLES.findall(page.read_text()):
        skip_without_what_it_needs(code)
        exec(compile(code, page.name, "exec"), {})
        out = capsys.readouterr().out
        assert out == printed or not printed


def is_there(path):
    """Whether a file or folder has this path, from the root, src/fewfire or core; or, where it is
    a name alone, whether a file anywhere has it."""
    if "/" in path:
        return any((start / path).exists() for start in (ROOT, PYTHON, CORE))
    return any(any((ROOT / folder).rglob(path)) for folder in FOLDERS)


@pytest.mark.skipif(
    not all((ROOT / folder).exists() for folder in FOLDERS), reason="some of the files are not here"
)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_paths_in_the_pages_are_there(page):
    text = page.read_text()
    sources = re.findall(r"(?<![\w./-])[\w./-]+\.(?:py|cpp|h)\b", text)
    others = re.findall(rf"(?<![\w./-])(?:{'|'.join(FOLDERS)})/[\w./-]*\w", text)
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in link]
    assert [path for path in sources + others if not is_there(path)] == []
    assert [link for link in links if not (page.parent / link).exists()] == []
