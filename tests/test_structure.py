"""Includes and imports point one way, so that a file can be read knowing only those below it."""

import ast
import re
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parent.parent
CORE, PYTHON = ROOT / "core", ROOT / "src" / "fewfire"

LEVELS = [  # a file includes files of its own level and of those before it
    "views weights rng version",
    "ledger kernels simd pool group topk rows",
    "layer inputs text",
    "index hash/hash hash/probes hash/shortcut",
    "hash/",
    "select loss optimizer",
    "workspace",
    "update",
    "bag sampled",
    "step",
    "train ranking",
    "observe",
    "routed/",
    "bindings bind_trees bind_packed bind_tagger",
]
WINGS = [  # a wing or module imports only those before it
    "_core",
    "base",
    "data",
    "measure datasets",
    "model",
    "network tagger",
    "training",
    "blend",
    "loading",
    "study",
    "cli",
]
PLACE = {name: place for place, names in enumerate(WINGS) for name in names.split()}


def level(name):
    if name.startswith("kernels/"):
        name = "kernels"
    for place, names in enumerate(LEVELS):
        if name in names.split() or (names.endswith("/") and name.startswith(names)):
            return place
    raise AssertionError(f"core/{name} has no place yet: add it to LEVELS")


def includes():
    for path in [*CORE.rglob("*.h"), *CORE.rglob("*.cpp")]:
        name = str(path.relative_to(CORE).with_suffix(""))
        for included in re.findall(r'#include ["<](.+)[">]', path.read_text()):
            yield name, included.removesuffix(".h")


def test_includes_point_down():
    ours = [(name, to) for name, to in includes() if (CORE / f"{to}.h").exists()]
    assert ours
    assert [(name, to) for name, to in ours if level(to) > level(name)] == []
    TopologicalSorter(graph((a, b) for a, b in ours if a != b)).prepare()  # raises on a circle


def test_only_the_bindings_know_python():
    python = {name for name, to in includes() if re.match(r"nanobind|Python|pybind", to)}
    assert python == {"bindings", "bind_trees", "bind_packed", "bind_tagger"}


def graph(edges):
    found = {}
    for name, to in edges:
        found.setdefault(name, set()).add(to)
    return found


FACES = {"__init__", "__main__"}  # may import anything, and nothing imports them
MODULES = {"_core", *(p.relative_to(PYTHON).with_suffix("").parts[0] for p in PYTHON.rglob("*.py"))}


def imports():
    """(module, imported module) inside the package; a folder counts as one module."""
    for path in PYTHON.rglob("*.py"):
        here = ["fewfire", *path.relative_to(PYTHON).with_suffix("").parts]
        for node in ast.walk(ast.parse(path.read_text())):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name.split(".") for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                origin = (here[: -node.level] if node.level else []) + (node.module or "").split(
                    "."
                )
                names = [[part for part in (*origin, alias.name) if part] for alias in node.names]
            for name in names:
                if name[0] == "fewfire" and len(name) > 1 and name[1] in MODULES - {here[1]}:
                    yield here[1], name[1]


def test_imports_point_down():
    found = [(here, to) for here, to in imports() if here not in FACES]
    assert found
    assert [(here, to) for here, to in found if PLACE[to] >= PLACE[here]] == []


def test_every_module_has_a_wing():
    assert MODULES - FACES - set(PLACE) == set()
