"""`fewfire data`: generate image sets, convert files, reduce small NORB."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click

from .. import datasets
from ..base.printable import field
from ..base.replacing import check_writable
from ..data import Dataset
from ..data.generators import ON_PHOTOGRAPHS, VARIATIONS
from .common import PATH, WRITABLE, json_option, one_part, print_json, shape, show
from .numbers import COUNT, SEED
from .places import check_apart


def _deformed(random_state: int, source: Path, n_train: int = 8_100_000) -> tuple[Dataset, Dataset]:
    train, test = datasets.mnist(source)
    return datasets.deformed(train, n_train, random_state), test


def _varied(variation: str, source: Path, **options: Any) -> tuple[Dataset, Dataset]:
    return datasets.mnist_variation(source, variation, **options)


def _of_variations(names: tuple[str, ...]) -> dict[str, str]:
    """What each variation is called here, and in Python."""
    return {f"mnist-{name.replace('_', '-')}": name for name in names}


GENERATORS: dict[str, Callable[..., tuple[Dataset, Dataset]]] = {
    "convex": datasets.convex,
    "deformed": _deformed,
    "rectangles": datasets.rectangles,
    "rectangles-images": datasets.rectangles_images,
    "strokes": datasets.strokes,
    **{name: partial(_varied, own) for name, own in _of_variations(VARIATIONS).items()},
}
WITH_SOURCE = {"deformed", *_of_variations(VARIATIONS)}
WITH_PHOTOGRAPHS = {"rectangles-images", *_of_variations(ON_PHOTOGRAPHS)}


@click.group()
def data() -> None:
    """Generate data sets, or convert them between formats."""


@data.command()
@click.argument("name", type=click.Choice(list(GENERATORS)))
@click.argument("folder", type=PATH)
@click.option("--n-train", "--n", type=COUNT, help="Default: as published.")
@click.option("--n-test", type=COUNT, help="Default: as published.")
@click.option("--seed", type=SEED, default=0, show_default=True)
@click.option(
    "--photographs",
    type=PATH,
    help="rectangles-images, mnist-photographs, mnist-rotated-photographs: images to cut from.",
)
@click.option("--source", type=PATH, help="deformed, mnist-*: folder of idx files, such as MNIST.")
@json_option
def generate(
    name: str,
    folder: Path,
    n_train: int | None,
    n_test: int | None,
    seed: int,
    photographs: Path | None,
    source: Path | None,
    as_json: bool,
) -> None:
    """Generate the image set NAME as FOLDER of four idx files, the format of MNIST."""
    options = {
        "n_train": n_train,
        "n_test": n_test,
        "photographs": photographs,
        "source": source,
    }
    if photographs is not None and name not in WITH_PHOTOGRAPHS:
        raise click.UsageError(f"{name} needs no photographs")
    if (source is not None) != (name in WITH_SOURCE):
        needs = "needs" if source is None else "takes no"
        raise click.UsageError(f"{name} {needs} --source FOLDER")
    if name == "deformed" and n_test is not None:
        raise click.UsageError("--source brings the test set: leave out --n-test")
    if source is not None and folder.exists() and folder.samefile(source):
        raise ValueError(f"{folder} is --source, and would be overwritten: name another folder")
    _check_folder(folder)
    given = {key: value for key, value in options.items() if value is not None}
    parts = GENERATORS[name](random_state=seed, **given)
    datasets.save_idx_folder(folder, *parts)
    _report(folder, *parts, as_json)


@data.command()
@click.argument("source", type=PATH)
@click.option("-o", "--output", type=PATH, required=True, help="Folder of idx files to write.")
@json_option
def norb(source: Path, output: Path, as_json: bool) -> None:
    """Reduce small NORB, the folder SOURCE of its four .mat files: 96x96 stereo to 2 x 32x32.

    Writes a folder of four idx files, as generate does.
    """
    _check_folder(output)
    parts = datasets.norb(source)
    datasets.save_idx_folder(output, *parts, shape=(2, 32, 32))
    _report(output, *parts, as_json)


@data.command()
@click.argument("source", type=PATH)
@click.argument("target", type=WRITABLE)
@click.option("--like", type=PATH, help="Training data, or a TARGET made of it, to encode alike.")
@json_option
def convert(source: Path, target: Path, like: Path | None, as_json: bool) -> None:
    """Convert SOURCE, of any format that can be read, to TARGET: .npz, .txt or .txt.gz.

    Of a folder of idx files this takes the training set; for its test set, add --like FOLDER.
    """
    check_apart()
    name = target.name.lower()
    writer = datasets.save_npz if name.endswith(".npz") else datasets.save_svmlight
    if not name.endswith((".npz", ".txt", ".txt.gz", ".svm", ".svm.gz")):
        raise click.UsageError(f"{target}: name it .npz, .txt or .txt.gz")
    examples = _source(source, like)
    writer(target, examples)
    if as_json:
        print_json({"data": shape(examples), "file": str(target)})
    else:
        show(f"{field(target)}: {examples!r}")


def _check_folder(folder: Path) -> None:
    """See that a folder takes files, or that it can be made, before the work for them."""
    if folder.is_dir():
        check_writable(folder / "train-images-idx3-ubyte.gz")
        return
    made = next(x for x in (folder, *folder.parents) if x.parent.is_dir())
    check_writable(made)


def _source(source: Path, like: Path | None) -> Dataset:
    if like is not None and like.resolve() == source.resolve():
        parts = datasets.load(source)
        if not isinstance(parts, tuple):
            raise ValueError(f"{source} has no test set of its own")
        return parts[1]
    train = None if like is None else one_part(datasets.load(like), 0)
    return one_part(datasets.load(source, train), 0)


def _report(folder: Path, train: Dataset, test: Dataset, as_json: bool) -> None:
    if as_json:
        print_json({"train": shape(train), "test": shape(test), "folder": str(folder)})
    else:
        show(f"{field(folder)}: train {train!r}, test {test!r}")
