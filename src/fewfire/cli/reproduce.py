"""`fewfire reproduce`: published studies, run again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import click

from ..base.curves import figure_class
from ..base.printable import field
from ..study.data import GENERATED, check_source, load
from ..study.grid import Grid, run_grid
from ..study.report import write_report
from ..study.results import AnyTrial, Line, Results
from ..study.runner import run
from ..study.speed import to_race
from ..study.threads import to_time
from ..study.trials import METHODS, PAPER_METHODS, Sizes, Trial, to_choose, to_measure
from .common import PATH, jobs_option, json_option, print_json, say, show
from .numbers import COUNT

PARTS = ("accuracy", "threads", "speed")
EPOCHS = {"default": 12, "mnist8m": 3, "convex": 30, "rectangles-images": 15, "norb": 20}
QUICK = Sizes(epochs={"default": 6}, n_train=3000, n_test=5000, n_settings=2)
QUICK_DENSITIES, FULL_DENSITIES = (0.05, 0.25), (0.05, 0.1, 0.25, 0.5, 0.75, 0.9)


Callback: TypeAlias = Callable[[click.Context, click.Parameter, str | None], list[Any] | None]


def _list(of: Callable[[str], Any] = str, known: Sequence[str] | None = None) -> Callback:
    """Return what takes `A,B` apart: values of one type and, if they are named, known ones."""

    def convert(
        context: click.Context, parameter: click.Parameter, value: str | None
    ) -> list[Any] | None:
        if value is None:
            return None
        try:
            parts = [of(part.strip()) for part in value.split(",")]
        except ValueError as error:
            raise click.BadParameter(f"{value}: {error}") from None
        unknown = [part for part in parts if known is not None and part not in known]
        if unknown:
            raise click.BadParameter(f"no {', '.join(unknown)}; there are {', '.join(known or ())}")
        return list(dict.fromkeys(parts))

    return convert


def _density(text: str) -> float:
    density = float(text)
    if not 0 < density <= 1:
        raise ValueError("a density is above 0 and at most 1")
    return density


def _depth(text: str) -> int:
    depth = int(text)
    if not 1 <= depth <= 10:
        raise ValueError("1 to 10 hidden layers")
    return depth


@click.group()
def reproduce() -> None:
    """Run a published study again, and compare."""


@reproduce.command()
@click.option(
    "--data",
    "sources",
    callback=_list(),
    metavar="A,B",
    default=",".join(("strokes", "convex", "rectangles-images")),
    show_default=True,
    help="Sets by name; those of files with their folder: mnist=FOLDER, mnist8m=FOLDER (deformed "
    "digits, made of MNIST's), norb=FOLDER, or any other name for a folder of idx files. Generated "
    f"are {', '.join(GENERATED)}.",
)
@click.option("--methods", callback=_list(known=list(METHODS)), metavar="A,B",
              default=",".join(PAPER_METHODS), show_default=True,
              help=f"Of {', '.join(METHODS)}.")  # fmt: skip
@click.option("--density", "densities", callback=_list(_density), metavar="A,B",
              help="Shares of the rows kept; default: 0.05,0.1,0.25,0.5,0.75,0.9.")  # fmt: skip
@click.option("--hidden", "depths", callback=_list(_depth), metavar="A,B",
              help="Numbers of hidden layers, of 1000 rows each; default: 2,3.")  # fmt: skip
@click.option("--seeds", type=COUNT, help="Trainings of each net; default: 3.")
@click.option("--epochs", type=COUNT,
              help="Default: 12; convex 30, norb 20, rectangles-images 15, mnist8m 3.")  # fmt: skip
@click.option("--parts", callback=_list(known=PARTS), metavar="A,B",
              default=",".join(PARTS), show_default=True,
              help="accuracy: the grid. threads: one net with more and more threads. speed: nets "
              "of growing width beside PyTorch and scikit-learn, if installed.")  # fmt: skip
@click.option("--out", "folder", type=PATH, default=Path("kdd2017"), show_default=True,
              help="Folder for results.jsonl, report.md, report.html and plots.")  # fmt: skip
@click.option("--quick", is_flag=True,
              help="Few examples, epochs, seeds and settings: a matter of minutes.")  # fmt: skip
@jobs_option
@json_option
def kdd2017(
    sources: list[str],
    methods: list[str],
    densities: list[float] | None,
    depths: list[int] | None,
    seeds: int | None,
    epochs: int | None,
    parts: list[str],
    folder: Path,
    quick: bool,
    n_jobs: int,
    as_json: bool,
) -> None:
    """Reproduce Spring & Shrivastava, "Scalable and Sustainable Deep Learning via Randomized
    Hashing" (KDD 2017): every method, density, depth and data set, compared with the paper.

    Hashed nets have the defaults; learning rates of others are chosen on validation splits. Trials
    that are done are kept in FOLDER and never run again: stop it at any time, and give the same
    command to go on.
    """
    figure_class()  # raises where nothing can be drawn
    if "threads" in parts and not {"LSH", "NN"} <= set(methods):
        raise click.UsageError("--parts threads needs NN and LSH among the methods")
    sizes = QUICK if quick else Sizes(epochs=EPOCHS)
    if epochs is not None:
        sizes = replace(sizes, epochs={"default": epochs})
    grid = Grid(
        folders=_folders(sources),
        depths=depths or ((2,) if quick else (2, 3)),
        methods=methods,
        densities=densities or (QUICK_DENSITIES if quick else FULL_DENSITIES),
        n_seeds=seeds or (2 if quick else 3),
        sizes=sizes,
    )
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} is a file: give --out a folder")
    folder.mkdir(parents=True, exist_ok=True)
    results = Results(folder / "results.jsonl")
    lines = _run(grid, results, parts, n_jobs=n_jobs, quick=quick)
    claims = write_report(folder, lines)
    verdicts = [{"claim": c.name, "verdict": c.verdict, "found": c.found} for c in claims]
    if as_json:
        print_json({"claims": verdicts, "report": str(folder / "report.html")})
        return
    for verdict in verdicts:
        show(f"{verdict['claim']:<7} {verdict['verdict']:<19} {verdict['found']}")
    show(f"written: {field(folder / 'report.html')}, report.md, results.jsonl")


def _folders(sources: Sequence[str]) -> dict[str, Path | None]:
    folders: dict[str, Path | None] = {}
    for source in sources:
        name, given, path = source.partition("=")
        folders[name] = Path(path) if given else None
        check_source(name, folders[name])
    return folders


def _run(
    grid: Grid, results: Results, parts: Sequence[str], *, n_jobs: int, quick: bool
) -> list[Line]:
    """Run the parts; return their lines."""
    trials: list[AnyTrial] = []
    if "accuracy" in parts:
        run_grid(grid, results, n_jobs=n_jobs, say=say)
        trials += grid.to_measure(results)
    if "threads" in parts:
        trials += _alone(_to_time(grid, results, n_jobs), grid, results)
    if "speed" in parts:
        name = next(iter(grid.folders))
        n_train = len(load(name, grid.folders[name]).train)
        n_train = min(n_train, grid.sizes.n_train or n_train)
        epochs = grid.sizes.epochs_of(name)
        trials += _alone(to_race(name, n_train, epochs, n_jobs, quick=quick), grid, results)
    return [results[trial] for trial in trials]


def _alone(trials: Sequence[AnyTrial], grid: Grid, results: Results) -> Sequence[AnyTrial]:
    run(trials, results, grid.folders, n_jobs=1, say=say)
    return trials


def _to_time(grid: Grid, results: Results, n_jobs: int) -> list[Trial]:
    """The deepest net of the first set, as the grid measures it; the dense one for its joules."""
    places = {
        place.method: place
        for place in reversed(grid.places())
        if place.data == next(iter(grid.folders)) and place.depth == max(grid.depths)
    }
    rivals = [
        trial
        for method in ("LSH", "NN")
        for trial in to_choose(places[method], grid.sizes.n_settings)
    ]
    run(rivals, results, grid.folders, n_jobs=n_jobs, say=say)
    hashed, dense = (
        to_measure(grid.winner(places[method], results), grid.n_seeds, grid.sizes)
        for method in ("LSH", "NN")
    )
    to_weigh = replace(dense[0], part="threads", n_threads=n_jobs)
    return [*to_time(hashed, n_jobs), to_weigh]
