"""Includes and imports point one way, so that a file can be read knowing only those below it."""

import re
import sys
import tomllib
from graphlib import TopologicalSorter
from itertools import chain

from structure import (
    CORE,
    CORE_WINGS,
    FACES,
    MODULES,
    OF_CORE,
    OF_OLD,
    OF_PYTHON,
    OF_TESTS,
    PYTHON,
    PYTHON_WINGS,
    RETIRED,
    ROOT,
    SHARED,
    TESTS,
    between_wings,
    graph,
    imports,
    includes,
    own_includes,
    places,
    wing_of,
)


def test_includes_point_down():
    place, ours = places(CORE_WINGS), own_includes()
    assert ours
    assert [(a, b) for a, b in between_wings(ours) if place[b] >= place[a]] == []
    TopologicalSorter(graph((a, b) for a, b in ours if a != b)).prepare()  # raises on a circle


def test_only_the_bindings_know_python():
    python = {wing_of(name) for name, to in includes() if re.match(r"nanobind|Python|pybind", to)}
    assert python == {"bind"}


def test_bindings_translate_only():
    """The core itself says what is wrong with data (base/check.h): any door to it is as safe.

    Windows into families are the exception: in the core, the index that holds one checks for it.
    """
    for path in (CORE / "bind").glob("*.*"):
        text = path.read_text()
        assert len(text.splitlines()) <= 250, path.name
        assert not re.search(r"\b(require|throw)\b", text), path.name
        assert "check_" not in text or path.name == "windows.cpp", path.name


def test_both_sides_name_their_wings_alike():
    core = {path.name for path in CORE.iterdir()}
    python = {path.name for path in PYTHON.iterdir() if (path / "__init__.py").exists()}
    assert core == SHARED | OF_CORE == set(places(CORE_WINGS))
    assert python == SHARED | OF_PYTHON


def test_imports_point_down():
    place = places(PYTHON_WINGS)
    found = [(here, to) for here, to in imports() if here not in FACES]
    assert found
    assert {to for _, to in found} & FACES <= {"fewfire"}  # nothing else imports a face
    assert [(a, b) for a, b in between_wings(found) if place[b] >= place[a]] == []
    TopologicalSorter(graph(found)).prepare()  # raises on a circle


def test_every_module_has_a_wing():
    named = {wing_of(module) for module in set(MODULES) - FACES}
    assert named == set(places(PYTHON_WINGS)) - FACES


def test_tests_lie_in_wings():
    tests = {path.relative_to(TESTS).parts for path in TESTS.rglob("test_*.py")}
    python = {parts[0] for parts in tests if len(parts) > 1} - {"core"}
    core = {parts[1] for parts in tests if parts[0] == "core"}
    assert python <= SHARED | OF_PYTHON | OF_TESTS
    assert core <= SHARED | OF_CORE


def test_helpers_have_no_name_of_a_package():
    needs = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*needs["dependencies"], *chain(*needs["optional-dependencies"].values())]
    packages = {re.match(r"[\w-]+", each)[0].lower() for each in wanted}
    packages |= {"torch", "sklearn", "skimage"}
    helpers = {path.stem for path in (TESTS / "helpers").iterdir()}
    assert not helpers & (packages | set(sys.stdlib_module_names))


def test_words_that_were_given_up_do_not_come_back():
    retired = re.compile(rf"\b({'|'.join(RETIRED)})(s|_|\b)", re.IGNORECASE)
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}, say {RETIRED[match[1].lower()]}"
        for folder in (CORE, PYTHON, TESTS, ROOT / "benchmarks")
        for path in folder.rglob("*")
        if path.suffix in (".py", ".h", ".cpp")
        if not any(path.as_posix().endswith(end) for end in OF_OLD)
        for match in retired.finditer(path.read_text())
    ]
    assert found == []
