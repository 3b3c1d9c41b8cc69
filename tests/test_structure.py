"""Includes and imports point one way, so that a file can be read knowing only those below it."""

import ast
import re
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parent.parent
CORE, PYTHON, TESTS = ROOT / "core", ROOT / "src" / "fewfire", ROOT / "tests"

# A wing imports or includes only itself and those before it.
CORE_WINGS = ["base", "kernels", "hash tagger text", "network", "bind"]
PYTHON_WINGS = [
    "_core",
    "base",
    "data",
    "measure datasets",
    "model",
    "network tagger",
    "training",
    "blend",
    "loading",
    "fewfire",  # the package itself, which says its version
    "study",
    "cli",
]
SHARED = {"base", "network", "tagger"}  # one word on both sides
OF_CORE = {"kernels", "hash", "text", "bind"}
OF_PYTHON = {"data", "measure", "model", "training", "study", "cli"}


def places(wings):
    return {name: place for place, names in enumerate(wings) for name in names.split()}


def includes():
    for path in [*CORE.rglob("*.h"), *CORE.rglob("*.cpp")]:
        name = str(path.relative_to(CORE).with_suffix(""))
        for included in re.findall(r'#include ["<](.+)[">]', path.read_text()):
            yield name, included.removesuffix(".h")


def test_includes_point_down():
    place = places(CORE_WINGS)
    ours = [(name, to) for name, to in includes() if (CORE / f"{to}.h").exists()]
    between = [(wing_of(name), wing_of(to)) for name, to in ours]
    assert between
    assert [(a, b) for a, b in between if a != b and place[b] >= place[a]] == []
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


def wing_of(name):
    return name.split("/")[0]


def graph(edges):
    found = {}
    for name, to in edges:
        found.setdefault(name, set()).add(to)
    return found


NAMED = "callbacks errors gates metrics optim results"  # a module of names for users each
FACES = {"fewfire", "fewfire.__main__", *(f"fewfire.{name}" for name in NAMED.split())}


def module_of(path):
    parts = ("fewfire", *path.relative_to(PYTHON).with_suffix("").parts)
    return ".".join(parts).removesuffix(".__init__")


MODULES = {module_of(path): path for path in PYTHON.rglob("*.py")} | {"fewfire._core": None}


def imports():
    """(module, imported module) inside the package, for every import wherever it stands."""
    for here, path in MODULES.items():
        if path is None:
            continue
        package = here if path.name == "__init__.py" else here.rpartition(".")[0]
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = list(imported(node, package))
            else:
                continue
            yield from ((here, name) for name in names if name in MODULES)


def imported(node, package):
    """What `from ... import` names: the module, or the modules of it."""
    above = package.rsplit(".", node.level - 1)[0] if node.level else ""
    module = ".".join(part for part in (above, node.module) if part)
    for alias in node.names:
        full = f"{module}.{alias.name}"
        yield full if full in MODULES else module


def test_imports_point_down():
    place = places(PYTHON_WINGS)
    found = [(here, to) for here, to in imports() if here not in FACES]
    assert {to for _, to in found} & FACES <= {"fewfire"}  # nothing else imports a face
    between = {(here.split(".")[1], [*to.split("."), to][1]) for here, to in found}
    assert between
    assert [(a, b) for a, b in between if a != b and place[b] >= place[a]] == []
    TopologicalSorter(graph(found)).prepare()  # raises on a circle


def test_every_module_has_a_wing():
    named = {module.split(".")[1] for module in set(MODULES) - FACES}
    assert named == set(places(PYTHON_WINGS)) - FACES


def test_tests_lie_in_wings():
    tests = {path.relative_to(TESTS).parts for path in TESTS.rglob("test_*.py")}
    python = {parts[0] for parts in tests if len(parts) > 1} - {"core"}
    core = {parts[1] for parts in tests if parts[0] == "core"}
    assert python <= SHARED | OF_PYTHON
    assert core <= SHARED | OF_CORE
