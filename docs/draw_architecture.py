"""Draw docs/architecture.svg from the imports and includes of the project, as they are now.

    python docs/draw_architecture.py

A box is a wing, with its files and lines; an arrow says that a wing uses another. An arrow that
others imply is left out: where A uses B and B uses C, A may use C as well.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests" / "helpers"))

from structure import (  # noqa: E402  (the path comes first)
    CORE,
    CORE_WINGS,
    FACES,
    PYTHON,
    PYTHON_WINGS,
    between_wings,
    graph,
    imports,
    own_includes,
)

WHAT = {
    "cli": "the command fewfire",
    "study": "the paper's study, reproduced",
    "serve": "models over HTTP",
    "loading": "models from files",
    "blend": "a tagger and a network together",
    "sklearn": "estimators of scikit-learn",
    "torch": "modules of PyTorch",
    "dask": "taggers on several machines",
    "annif": "a backend of Annif",
    "device": "small models, C, ONNX, energy",
    "training": "runs, optimizers, callbacks",
    "network": "layers, gates, answers",
    "tagger": "trees over labels",
    "model": "what every model answers",
    "measure": "metrics, latency, energy",
    "datasets": "sets by name or file",
    "data": "data sets, readers, generators",
    "base": "files, checks, ledger",
    "_core": "the C++ core, as Python sees it",
}
WHAT_OF_CORE = {
    "bind": "translates for Python",
    "network": "a step: forward, loss, backward",
    "hash": "indexes: which rows may matter",
    "tagger": "trees: training, prediction",
    "text": "parses data in text",
    "kernels": "the hot loops, per SIMD level",
    "base": "views, pool, random numbers",
}
WIDTH, HEIGHT, GAP, ROW = 206, 46, 14, 78  # of a box, between boxes, from row to row
LEFT, RIGHT, TOP = 20, 730, 70
COLUMNS = {"datasets": 2}  # where not the next: the arrows to it go round the tagger
STYLE = """
text { font-family: Helvetica, Arial, sans-serif; fill: #1d2733 }
.name { font-size: 14px; font-weight: 600 }
.what { font-size: 11px }
.size { font-size: 10px; fill: #5b6b7d }
.head { font-size: 16px; font-weight: 600 }
rect { fill: #eef3f8; stroke: #7d93ab; rx: 6 } .core rect { fill: #f7f0e6; stroke: #b59a6d }
path { fill: none; stroke: #7d93ab; stroke-width: 1.2; marker-end: url(#end) }
.core path { stroke: #b59a6d }
"""


def main():
    python = between_wings((a, b) for a, b in imports() if {a, b} & FACES == set())
    rows = [[n for n in names.split() if n != "fewfire"] for names in PYTHON_WINGS]
    rows = [names for names in rows if names]
    core_rows = [names.split() for names in CORE_WINGS]
    height = TOP + ROW * len(rows)
    here = laid_out(rows, LEFT, height)
    there = laid_out(core_rows, RIGHT, height)
    parts = [
        f'<text class="head" x="{LEFT}" y="34">Python: src/fewfire</text>',
        f'<text class="head" x="{RIGHT}" y="34">C++: core</text>',
        *arrows(reduced(python), here),
        *(box(name, at, WHAT[name], size_of_python(name)) for name, at in here.items()),
        '<g class="core">',
        *arrows(reduced(between_wings(own_includes())), there),
        bridge(here["_core"], there["bind"]),
        *(box(name, at, WHAT_OF_CORE[name], size(CORE / name)) for name, at in there.items()),
        "</g>",
    ]
    width = RIGHT + 3 * (WIDTH + GAP) + LEFT
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height + 10}">\n'
        f"<style>{STYLE}</style>\n"
        '<defs><marker id="end" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z" '
        'style="fill: #8a8478; stroke: none"/></marker></defs>\n'
        f'<rect width="{width}" height="{height + 10}" style="fill: white; stroke: none"/>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )
    (ROOT / "docs" / "architecture.svg").write_text(svg)


def laid_out(rows, left, bottom):
    """The upper left corner of each box; the first row is the lowest."""
    return {
        name: (left + COLUMNS.get(name, place) * (WIDTH + GAP), bottom - (number + 1) * ROW)
        for number, names in enumerate(rows)
        for place, name in enumerate(names)
    }


def reduced(edges):
    """The edges that no way through other wings implies."""
    below = graph(edges)

    def reached(start):
        return set().union(*({to} | reached(to) for to in below.get(start, ())))

    return [
        (a, b) for a, b in sorted(edges) if not any(b in reached(other) for other in below[a] - {b})
    ]


def size_of_python(name):
    if name == "_core":
        return "bound by core/bind"
    folder = PYTHON / name
    return size(folder) if folder.is_dir() else size(folder.with_suffix(".py"))


def size(place):
    files = [place] if place.is_file() else [p for p in place.rglob("*") if is_source(p)]
    lines = sum(len(path.read_text().splitlines()) for path in files)
    return f"{len(files)} file{'s' * (len(files) > 1)}, {lines:,} lines"


def is_source(path):
    return path.suffix in (".py", ".h", ".cpp")


def box(name, at, what, how_large):
    x, y = at
    return (
        f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}"/>'
        f'<text class="name" x="{x + 10}" y="{y + 18}">{name}</text>'
        f'<text class="size" x="{x + WIDTH - 10}" y="{y + 17}" text-anchor="end">{how_large}</text>'
        f'<text class="what" x="{x + 10}" y="{y + 36}">{what}</text>'
    )


def arrows(edges, corners):
    return [arrow(corners[a], corners[b]) for a, b in edges]


def arrow(above, below):
    """Down to the box below; to and from other columns round the boxes between."""
    (x, y), (to_x, to_y) = above, below
    if to_x > x:  # out at the right, in at the top
        x, y, to_x = x + WIDTH, y + HEIGHT / 2, to_x + WIDTH / 2
        return f'<path d="M{x} {y} C{to_x} {y} {to_x} {y} {to_x} {to_y}"/>'
    if to_x < x:  # out at the bottom, in at the right
        x, y, to_x, to_y = x + WIDTH / 2, y + HEIGHT, to_x + WIDTH, to_y + HEIGHT / 2
        return f'<path d="M{x} {y} C{x} {to_y} {x} {to_y} {to_x} {to_y}"/>'
    return f'<path d="M{x + WIDTH / 2} {y + HEIGHT} V{to_y}"/>'


def bridge(python, core):
    """From the core as Python sees it to what binds it."""
    (x, y), (to_x, to_y) = python, core
    x, y, to_y = x + WIDTH, y + HEIGHT / 2, to_y + HEIGHT / 2
    return f'<path d="M{x} {y} H{to_x - 2 * GAP} V{to_y} H{to_x}"/>'


if __name__ == "__main__":
    main()
