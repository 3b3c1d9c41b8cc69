"""Every example in a docstring runs."""

import doctest
import importlib
import pkgutil

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
