"""Data sets by name: each function returns a `Dataset`, or a training and a test one.

>>> from fewfire import datasets
>>> train, test = datasets.rectangles(n_train=100, n_test=20)
>>> train
Dataset(100 examples, 784 dense features, 2 classes)
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from importlib.resources import as_file, files
from typing import Any, TypeAlias

import numpy as np
from scipy.sparse import csr_array

from .base.files import PathLike
from .data import generators, readers
from .data.columns import Columns
from .data.compatible import speaking_of
from .data.dataset import Dataset
from .data.described import described
from .data.encoding import Encoding, Kind
from .data.generators import Deformed
from .data.mapped import Mapped
from .data.readers import save_idx, save_idx_folder, save_npz, save_svmlight
from .data.remote import fetching
from .data.words import Counted, Hashing, Words

__all__ = [
    "Columns",
    "Counted",
    "Deformed",
    "Hashing",
    "Mapped",
    "convert",
    "convex",
    "deformed",
    "load",
    "load_label_text",
    "load_mapped",
    "load_names",
    "load_npz",
    "load_svmlight",
    "load_text",
    "load_xc",
    "mnist",
    "mnist_variation",
    "norb",
    "packages",
    "rectangles",
    "rectangles_images",
    "save_idx",
    "save_idx_folder",
    "save_npz",
    "save_svmlight",
    "strokes",
]

Pair: TypeAlias = tuple[Dataset, Dataset]


def mnist(folder: PathLike) -> Pair:
    """Read MNIST, or a set in its format, from a folder of four idx files, gzipped or not.

    Returns
    -------
    train, test : Dataset
        For MNIST 60,000 and 10,000 images of 784 values from 0 to 1, ten classes.

    Raises
    ------
    ValueError
        If a file is missing, damaged or does not fit the others.

    Examples
    --------
    >>> save_idx_folder("letters", *strokes(n_train=40, n_test=10))  # in the format of MNIST
    >>> mnist("letters")[1]
    Dataset(10 examples, 784 dense features, 10 classes)
    """
    return readers.read_idx_folder(folder)


def norb(folder: PathLike) -> Pair:
    """Read small NORB from a folder of its own files, the 96 x 96 stereo pairs reduced to 32 x 32.

    The folder holds `*training*-dat.mat`, `*training*-cat.mat`, `*testing*-dat.mat` and
    `*testing*-cat.mat`, gzipped or not. Values are means of 3 x 3 pixels, the left image first.

    Returns
    -------
    train, test : Dataset
        24,300 pairs each: 2 x 32 x 32 = 2048 values from 0 to 1, five classes: animals, humans,
        airplanes, trucks, cars.

    Raises
    ------
    ValueError
        If a file is missing, damaged or does not fit the others.

    Examples
    --------
    >>> from pathlib import Path
    >>> Path("small").mkdir()
    >>> for part in ("training", "testing"):  # six pairs of grey images, of class 3
    ...     images = np.array([0x1E3D4C55, 4, 6, 2, 96, 96], "<i4").tobytes() + bytes(6 * 18_432)
    ...     classes = np.array([0x1E3D4C54, 1, 6, 1, 1] + [3] * 6, "<i4").tobytes()
    ...     _ = Path(f"small/{part}-dat.mat").write_bytes(images)
    ...     _ = Path(f"small/{part}-cat.mat").write_bytes(classes)
    >>> norb("small")[0]
    Dataset(6 examples, 2,048 dense features, 5 classes)
    """
    return readers.read_norb_folder(folder)


def convex(n_train: int = 8000, n_test: int = 50000, random_state: int = 0) -> Pair:
    """Generate white shapes, 28 x 28; class 1 is convex. A third of that class is white all over.

    >>> train, test = convex(n_train=10, n_test=5)
    >>> train.X.shape, test.n_labels
    ((10, 784), 2)
    """
    return _pair(generators.convex_images, 2, n_train, n_test, random_state)


def rectangles(n_train: int = 1200, n_test: int = 50000, random_state: int = 0) -> Pair:
    """Generate outlines of rectangles, 28 x 28; class 1 is wider than tall.

    >>> rectangles(n_train=10, n_test=5)[1]
    Dataset(5 examples, 784 dense features, 2 classes)
    """
    return _pair(generators.rectangle_images, 2, n_train, n_test, random_state)


def rectangles_images(
    n_train: int = 12000,
    n_test: int = 50000,
    random_state: int = 0,
    *,
    photographs: PathLike | None = None,
) -> Pair:
    """Generate rectangles cut from one photograph, on another; class 1 is wider than tall.

    No photograph gives patches to both the training and the test images.

    Parameters
    ----------
    photographs : path, optional
        Folder of images to take the patches from; without it, photographs that come with
        scikit-image, which `pip install 'fewfire[images]'` installs.

    Raises
    ------
    ImportError
        If scikit-image is not installed.
    ValueError
        If the folder holds fewer than two usable images, or one that cannot be read.

    Examples
    --------
    >>> rectangles_images(n_train=10, n_test=5)[0]
    Dataset(10 examples, 784 dense features, 2 classes)
    """
    sources = iter(generators.photographs_of(photographs))

    def draw(n: int, rng: np.random.Generator) -> tuple[Any, Any]:
        return generators.rectangles_on_photographs(n, next(sources), rng)

    return _pair(draw, 2, n_train, n_test, random_state)


def strokes(n_train: int = 12000, n_test: int = 2000, random_state: int = 0) -> Pair:
    """Generate ten invented letters in a shaky hand, 28 x 28: a stand-in for digits without files.

    >>> strokes(n_train=10, n_test=5)[0]
    Dataset(10 examples, 784 dense features, 10 classes)
    """
    return _pair(generators.stroke_images, generators.N_LETTERS, n_train, n_test, random_state)


def mnist_variation(
    folder: PathLike,
    variation: str,
    *,
    n_train: int = 12000,
    n_test: int = 50000,
    random_state: int = 0,
    photographs: PathLike | None = None,
) -> Pair:
    """Make a variation of MNIST, or of a set in its format: digits turned, or before a background.

    All images of the folder, for MNIST 70,000, are shuffled by the seed; training takes the first
    ones, testing the last ones backwards. So no digit is in both parts, and the first images of
    each depend on neither size. Variations of one seed have the same digits, angles and patches.

    Parameters
    ----------
    folder : path
        Four idx files of 28 x 28 images, as `mnist` reads them.
    variation : {"rotated", "random_background", "photographs", "rotated_photographs"}
        - "rotated": turned about the middle by an angle uniform in 0 to 2 pi radians; bilinear,
          black comes in from outside.
        - "random_background": before noise, each pixel uniform in 0 to 255.
        - "photographs": before a patch of a photograph whose grey levels have a standard deviation
          of at least 16 of 255. Photographs have equal shares; none is in both parts.
        - "rotated_photographs": turned, then laid before such a patch.

        The background shows where the digit is 0; other pixels of the digit stay as they are, its
        grey edge too, which is a dark rim before what is light.
    n_train, n_test : int
        Images in each part, by default as published, where the last 2,000 of training validate.
    random_state : int
        Seeds the choice of digits, and what is done to them.
    photographs : path, optional
        Folder of images to take the patches from; without it, photographs that come with
        scikit-image, which `pip install 'fewfire[images]'` installs.

    Returns
    -------
    train, test : Dataset
        Float32 images (n, 784), multiples of 1/255 from 0 to 1, and the classes of the folder.

    Raises
    ------
    ValueError
        If the folder holds fewer than `n_train + n_test` images, or others than 28 x 28, or if a
        file of it is damaged. If there are fewer than two usable photographs, or they have no
        texture, or a variation without them is given some.
    ImportError
        If photographs are wanted and scikit-image is not installed.

    Notes
    -----
    After Larochelle, Erhan, Courville, Bergstra and Bengio, "An empirical evaluation of deep
    architectures on problems with many factors of variation" (ICML 2007). The authors' page was
    "MnistVariations". What is known of these names neither the interpolation, nor the least
    variance of a patch, nor how a digit covers its background. All their patches came from the same
    twenty photographs: compare methods on these sets with each other, never with a published
    number.

    Examples
    --------
    >>> save_idx_folder("letters", *strokes(n_train=40, n_test=20))
    >>> train, test = mnist_variation("letters", "random_background", n_train=40, n_test=20)
    >>> train
    Dataset(40 examples, 784 dense features, 10 classes)
    >>> bool((train.X == 0).mean() < 0.01)
    True
    """
    return generators.mnist_variation(
        folder,
        variation,
        n_train=n_train,
        n_test=n_test,
        random_state=random_state,
        photographs=photographs,
    )


def deformed(source: Dataset, n: int, random_state: int = 0) -> Dataset:
    """Return the images of `source`, then deformed ones, `n` in all: MNIST8M by its recipe.

    All are held in memory; `Deformed` gives the same images slice by slice, also to `Trainer.fit`.

    Raises
    ------
    MemoryError
        If `n` images do not fit into this machine.

    >>> source, _ = strokes(n_train=10, n_test=1)
    >>> deformed(source, 30)
    Dataset(30 examples, 784 dense features, 10 classes)
    """
    return Deformed(source, n, random_state=random_state)[:]


def packages() -> Pair:
    """Read summaries of Debian packages and their tags, which come with fewfire.

    The name of a package and the line that describes it, and some of its debtags, such as
    "implemented-in::c": how people have sorted them. Needs scikit-learn, as all raw text.

    Returns
    -------
    train, test : Dataset
        6,998 and 1,000 packages, 169 labels, five for each on average.

    Notes
    -----
    From the package index of Debian 12; `benchmarks/ship_packages.py` makes the files.

    Examples
    --------
    >>> train, test = packages()
    >>> len(train), len(test), train.label_names[0]
    (6998, 1000, 'accessibility::input')
    """
    with as_file(files("fewfire.data") / "shipped") as folder:
        train = load_text(folder / "packages-train.tsv.gz")
        return train, load_text(folder / "packages-test.tsv.gz", like=train)


@fetching
def load_xc(
    path: PathLike,
    like: Dataset | Encoding | None = None,
    *,
    label_names: Sequence[Any] | None = None,
) -> Dataset:
    """Read text of the Extreme Classification Repository, gzipped or not: sparse rows, many labels.

    Parameters
    ----------
    like : Dataset or Encoding, optional
        Training set, or `net.encoding`, whose labels and features the file shares.
    label_names : sequence, optional
        Name of each label, such as `load_names` reads them.

    >>> from pathlib import Path
    >>> _ = Path("train.txt").write_text("2 3 4\\n0,3 1:0.5\\n2 0:1 2:0.25\\n")
    >>> load_xc("train.txt")
    Dataset(2 examples, 3 sparse features, 4 labels)
    """
    return readers.read_xc(path, like, label_names=label_names)


@fetching
def load_svmlight(
    path: PathLike,
    like: Dataset | Encoding | None = None,
    *,
    n_features: int | None = None,
    zero_based: bool | None = None,
    label_names: Sequence[Any] | None = None,
    kind: Kind = None,
) -> Dataset:
    """Read svmlight text, gzipped or not, with classes, values or lists of labels as targets.

    Parameters
    ----------
    like : Dataset or Encoding, optional
        Training set, or `net.encoding`, whose labels and features the file shares.
    n_features : int, optional
        Width, if the last features may be missing from this file.
    zero_based : bool, optional
        Whether features count from 0; by default the file says.
    label_names : sequence, optional
        Name of each label, whose numbers from 0 are in the file.
    kind : {"classes", "labels", "values"}, optional
        What the targets are: "values" for whole numbers to predict. Default: as in `like`, and
        without it as the text says.

    >>> from pathlib import Path
    >>> _ = Path("train.txt").write_text("+1 1:0.5 3:2\\n-1 2:1\\n")
    >>> load_svmlight("train.txt").label_names
    (-1, 1)
    """
    return readers.read_svmlight(
        path, like, n_features=n_features, zero_based=zero_based, label_names=label_names,
        kind=kind,
    )  # fmt: skip


@fetching
def load_text(
    path: PathLike | Sequence[PathLike],
    like: Dataset | Encoding | None = None,
    *,
    vectorizer: Words | None = None,
    columns: Columns | None = None,
) -> Dataset:
    """Read texts with labels, gzipped or not.

    A file is known by how it begins and by its name: lines of text, a tab, and labels; tables, with
    or without names of columns (`.csv`, `.tsv`); objects of JSON, one a line or in an array
    (`.jsonl`, `.json`); or lines of fastText, in which labels begin with `__label__`. What stands
    between labels is found out, too: see `Columns`. Text is in UTF-8, or in UTF-16 with its mark.

    Words, runs of letters and digits in lower case, are counted and weighted by tf-idf, each text
    scaled to unit length; `vectorizer` takes n-grams, characters or other weights. A model that is
    trained on the result takes text from then on.

    Parameters
    ----------
    path : path, or several
        Several files are read as if they were one.
    like : Dataset or Encoding, optional
        Training set, or `net.encoding`, whose words and labels count, and whose columns are
        looked for. Its other labels are in `Dataset.unknown_labels`. If no row has labels, the
        result has no targets.
    vectorizer : Counted, Hashing or Vectorizer, optional
        Which words are features; default: `Counted()`, those in at least two texts. That of
        another set, `data.text`, counts and weighs as there; labels are numbered from the start.
    columns : Columns, optional
        Which columns hold text and labels, and what separates labels, where they do not say.

    Raises
    ------
    ValueError
        If a line is wrong, with its number, or columns do not show what they hold.

    Warns
    -----
    UserWarning
        If rows are left out, because they lack a text or labels.

    >>> from pathlib import Path
    >>> _ = Path("pets.tsv").write_text("a small cat\\tcat,small\\nthe small dog\\tdog,small\\n")
    >>> train = load_text("pets.tsv", vectorizer=Counted(min_rows=1))
    >>> train, train.label_names
    (Dataset(2 examples, 5 sparse features, 3 labels), ('cat', 'dog', 'small'))
    >>> _ = Path("pets.csv").write_text("id,title,tags\\n7,a small cat,cat;small\\n8,a dog,dog\\n")
    >>> load_text("pets.csv").label_names
    ('cat', 'dog', 'small')
    """
    return readers.read_text(path, like, vectorizer=vectorizer, columns=columns)


@fetching
def load_label_text(
    path: PathLike, train: Dataset, *, columns: Columns | None = None
) -> tuple[Dataset, csr_array]:
    """Read descriptions of labels, for `Tagger.fit(train, label_features=...)`.

    Parameters
    ----------
    path : path
        Each row is a description, of the label or labels that it has; several of a label are added
        up. Of a format that `load_text` reads where `train` is of raw text; else Extreme
        Classification or svmlight text.
    train : Dataset
        Whose labels these are.
    columns : Columns, optional
        Where texts and labels are in the file, if that is not to be found out.

    Returns
    -------
    train : Dataset
        With labels behind its own that only have a description. Read test data like this one.
    label_features : csr_array of float32, (n_labels, n_features)
        Of each label, zeros where it has no description.

    Raises
    ------
    ValueError
        If the file cannot be read, has no labels, or names where those of `train` are numbers.

    Examples
    --------
    >>> from pathlib import Path
    >>> _ = Path("train.tsv").write_text("a small cat\\tcat\\na small dog\\tdog\\n")
    >>> _ = Path("labels.tsv").write_text("small\\tcat\\na small horse\\thorse\\n")
    >>> train, label_features = load_label_text("labels.tsv", load_text("train.tsv"))
    >>> train.label_names, label_features.toarray().round(1)
    (('cat', 'dog', 'horse'), array([[0. , 1. ],
           [0. , 0. ],
           [0.7, 0.7]], dtype=float32))
    """
    if train.text is not None:
        by: Dataset | Pair = readers.read_text(path, vectorizer=train.text, columns=columns)
    else:
        by = load(path, train.encoding.of_features())
    if not isinstance(by, Dataset):
        raise ValueError(f"{path} is a folder or archive of two sets: name a file of descriptions")
    with speaking_of(path):
        return described(train, by)


@fetching
def load_names(path: PathLike) -> tuple[str, ...]:
    """Read names of labels: text in UTF-8, gzipped or not, whose line i, from 0, names label i.

    >>> from pathlib import Path
    >>> _ = Path("labels.txt").write_text("cat\\nbig dog\\n")
    >>> load_names("labels.txt")
    ('cat', 'big dog')
    """
    return readers.read_names(path)


def convert(
    source: PathLike,
    target: PathLike,
    *,
    like: Dataset | Encoding | None = None,
    label_names: Sequence[Any] | None = None,
    kind: Kind = None,
) -> None:
    """Convert svmlight or Extreme Classification text of any size to a file that can be mapped.

    Memory does not grow with the text, which is read 16 MiB at a time; it may be gzipped.

    Parameters
    ----------
    source, target : path
        The text, and the file to write, usually named `.safetensors`.
    like : Dataset or Encoding, optional
        Training set whose labels and features the text shares.
    label_names : sequence, optional
        Name of each label, such as `load_names` reads them.
    kind : {"classes", "labels", "values"}, optional
        What the targets of svmlight text are, as for `load_svmlight`.

    Raises
    ------
    ValueError
        If a line of the text is wrong, with its number; nothing has been written then.

    >>> from pathlib import Path
    >>> _ = Path("train.txt").write_text("2 3 4\\n0,3 1:0.5\\n2 0:1 2:0.25\\n")
    >>> convert("train.txt", "train.safetensors")
    >>> load("train.safetensors")
    Mapped(2 examples, 3 sparse features, 4 labels)
    """
    readers.convert(source, target, like=like, label_names=label_names, kind=kind)


@fetching
def load_mapped(
    path: PathLike,
    like: Dataset | Encoding | None = None,
    *,
    label_names: Sequence[Any] | None = None,
    kind: Kind = None,
) -> Mapped:
    """Open a file that `convert` wrote: its arrays are checked, and mapped when they are used.

    Sets larger than memory train: an epoch goes through windows of 64 MiB in random order, and
    through the examples of each in random order. Sort no such set by its labels.
    `kind="values"` takes classes that are numbers as values.

    >>> from pathlib import Path
    >>> _ = Path("train.txt").write_text("2 3 4\\n0,3 1:0.5\\n2 0:1 2:0.25\\n")
    >>> convert("train.txt", "train.safetensors")
    >>> load_mapped("train.safetensors").n_features
    3
    """
    return Mapped(path, like, label_names, kind=kind)


@fetching
def load_npz(
    path: PathLike, like: Dataset | Encoding | None = None, *, kind: Kind = None
) -> Dataset | Pair:
    """Read an npz: `X`, `y`; `x_train`, `y_train`, `x_test`, `y_test`; or a scipy sparse array.

    `like` and `kind` are those of a `Dataset`.

    >>> np.savez("ages.npz", X=np.eye(3), y=[31, 58, 47])
    >>> load_npz("ages.npz", kind="values")
    Dataset(3 examples, 3 dense features, 1 values)
    """
    return readers.read_npz(path, like, kind=kind)


@fetching
def load(
    path: PathLike | Sequence[PathLike],
    like: Dataset | Encoding | None = None,
    *,
    label_names: Sequence[Any] | None = None,
    kind: Kind = None,
    columns: Columns | None = None,
) -> Dataset | Pair:
    """Read a folder (idx, small NORB), an npz, npy or idx file, text, or what `convert` wrote.

    The format is guessed. `columns` are for texts, see `load_text`; `label_names` are for text of
    numbers, converted or not, alone. `kind` says what targets are where they do not
    show it, as for a `Dataset`: "values" for whole numbers to predict. Several files of one format,
    a list of paths, are read as if they were one.

    >>> save_npz("data.npz", Dataset([[1.0], [2.0]], [0, 1]))
    >>> load("data.npz")
    Dataset(2 examples, 1 dense feature, 2 classes)
    """
    one = path if isinstance(path, str | os.PathLike) else path[0] if len(path) == 1 else None
    read = readers.read_all if one is None else readers.read
    given: Any = path if one is None else one
    return read(given, like, label_names=label_names, kind=kind, columns=columns)


def _pair(
    draw: Callable[[int, np.random.Generator], tuple[Any, Any]],
    n_labels: int,
    n_train: int,
    n_test: int,
    random_state: int,
) -> Pair:
    # A stream for each part: the test set does not depend on the size of the training set.
    seeds = np.random.SeedSequence(random_state).spawn(2)
    train, test = (
        Dataset(*draw(n, np.random.default_rng(seed)), n_labels=n_labels)
        for n, seed in zip((n_train, n_test), seeds, strict=True)
    )
    return train, test
