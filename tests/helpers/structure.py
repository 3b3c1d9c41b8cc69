"""The structure of the project as data: its wings in order, and what imports or includes what."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
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
    "training device",
    "blend sklearn torch dask",
    "loading annif",
    "fewfire",  # the package itself, which says its version
    "study serve",
    "cli",
]
SHARED = {"base", "network", "tagger"}  # one word on both sides
OF_CORE = {"kernels", "hash", "text", "bind"}
OF_PYTHON = {
    "data", "measure", "model", "training", "device", "sklearn", "torch", "dask", "annif", "study",
    "serve", "cli",
}  # fmt: skip
OF_TESTS = {"fuzz"}  # looks at all wings at once
# A word that was given up, and the one that is used for its idea.
RETIRED = {
    "selector": "gate",
    "tally": "ledger",
    "routed": "tagger",
    "serving": "latency",
}
OF_OLD = {
    "model/older.py",
    "test_older.py",
    "golden/make.py",
    "structure.py",
}  # that speak of old files
NAMED = "callbacks errors gates metrics optim results"  # a module of names for users each
FACES = {"fewfire", "fewfire.__main__", *(f"fewfire.{name}" for name in NAMED.split())}


def places(wings):
    return {name: place for place, names in enumerate(wings) for name in names.split()}


def includes():
    """(file, included file) in the core, without endings; foreign headers too."""
    for path in [*CORE.rglob("*.h"), *CORE.rglob("*.cpp")]:
        name = str(path.relative_to(CORE).with_suffix(""))
        for included in re.findall(r'#include ["<](.+)[">]', path.read_text()):
            yield name, included.removesuffix(".h")


def own_includes():
    return [(name, to) for name, to in includes() if (CORE / f"{to}.h").exists()]


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


def between_wings(edges):
    """The different wings at both ends of each import of `imports`, or include of `includes`."""
    return {(a, b) for a, b in ((wing_of(a), wing_of(b)) for a, b in edges) if a != b}


def wing_of(name):
    """The folder of a file of the core; the wing, or the module outside one, of a module."""
    if name.startswith("fewfire."):
        return name.split(".")[1]
    return name.split("/")[0]


def graph(edges):
    found = {}
    for name, to in edges:
        found.setdefault(name, set()).add(to)
    return found
