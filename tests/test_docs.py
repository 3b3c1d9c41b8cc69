"""Every example in a docstring runs, and the files that pages name are there."""

import doctest
import importlib
import pkgutil
import re
from importlib.util import find_spec
from types import FunctionType, ModuleType

import pytest

import fewfire
from structure import CORE, PYTHON, ROOT

MODULES = ["fewfire", *(m.name for m in pkgutil.walk_packages(fewfire.__path__, "fewfire."))]


# What the test extra does not bring; folders of tests have the names of these packages themselves.
NEEDS = {"fewfire.torch": "torch.nn", "fewfire.annif": "annif.backend"}


def lacks(text):
    """What the modules that a text names need and this environment lacks."""
    return [need for name, need in NEEDS.items() if name in text and not is_installed(need)]


def is_installed(module):
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def skip_without_what_it_needs(text):
    if lacking := lacks(text):
        pytest.skip(f"{lacking[0]} is not installed")


@pytest.mark.parametrize("name", [name for name in MODULES if "__main__" not in name])
def test_examples_in_docstrings_run(name, tmp_path, monkeypatch):
    skip_without_what_it_needs(name)
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module(name)
    failed, _ = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert failed == 0


def faces():
    """The package, and the modules in it that say what is public."""
    inner = (module.name for module in pkgutil.iter_modules(fewfire.__path__, "fewfire."))
    found = [
        importlib.import_module(name)
        for name in inner
        if name != "fewfire.__main__" and not lacks(name)
    ]
    return [fewfire, *(module for module in found if hasattr(module, "__all__"))]


@pytest.mark.parametrize("face", faces(), ids=lambda face: face.__name__)
def test_every_public_name_has_an_example_of_its_own(face):
    """An alias of types, which has no docstring, is in the example of another name."""
    public = {name: getattr(face, name) for name in face.__all__}
    docs = {
        name: vars(item).get("__doc__") if isinstance(item, type) else item.__doc__
        for name, item in public.items()
        if isinstance(item, type | FunctionType)
    }
    assert [name for name, doc in docs.items() if ">>> " not in (doc or "")] == []
    modules = {name for name, item in public.items() if isinstance(item, ModuleType)}
    shown = {word for doc in docs.values() for word in re.findall(r"\w+", doc)}
    assert public.keys() - docs.keys() - modules - shown == set()


REFERENCE = ROOT / "docs" / "api" / "index.md"


@pytest.mark.skipif(not REFERENCE.exists(), reason="the tests run without the pages beside them")
def test_every_public_module_is_in_the_reference():
    listed = [*REFERENCE.read_text().split(), "fewfire.annif"]  # docs/python.md has it
    assert [face.__name__ for face in faces() if face.__name__ not in listed] == []


README = ROOT / "README.md"
OUTSIDE = [README, ROOT / "CONTRIBUTING.md", ROOT / "benchmarks" / "README.md"]
PAGES = [*OUTSIDE, *sorted((ROOT / "docs").rglob("*.md"))]
FOLDERS = ["core", "src", "tests", "docs", "benchmarks"]


EXAMPLES = re.compile(r"```python\n(.*?)```(?:\s+```text\n(.*?)```)?", re.DOTALL)


@pytest.mark.skipif(not README.exists(), reason="the tests run without the README beside them")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
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
