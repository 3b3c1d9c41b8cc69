"""Every example in a docstring runs."""

import doctest
import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import fewfire

MODULES = ["fewfire", *(m.name for m in pkgutil.walk_packages(fewfire.__path__, "fewfire."))]


@pytest.mark.parametrize("name", [name for name in MODULES if "__main__" not in name])
def test_examples_in_docstrings_run(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module(name)
    failed, _ = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert failed == 0


def test_public_names_have_docstrings():
    public = [getattr(fewfire, name) for name in fewfire.__all__]
    assert [item for item in public if not (item.__doc__ or "").strip()] == []


README = Path(__file__).parent.parent / "README.md"


@pytest.mark.skipif(not README.exists(), reason="the tests run without the README beside them")
def test_the_example_of_the_readme_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    exec(compile(code, "README.md", "exec"), {})
    assert "accuracy" in capsys.readouterr().out
