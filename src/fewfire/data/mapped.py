"""A data set in a file, of which only what is asked for is mapped into memory, and nothing copied.

Its arrays are checked once, when it is read; a slice is another part of the same file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array

from .. import _core
from ..base.files import FormatError, PathLike, names_of
from .compatible import as_told, fitted, named
from .csr import make_csr, read_only
from .datafile import DataFile
from .dataset import Dataset, Targets
from .encoding import Encoding, Kind
from .kinds import wanted_kind
from .number_classes import numbers_of

WINDOW = 1 << 26  # bytes; up to two of them are mapped at a time
_BLOCK = 1 << 22  # values that are checked at a time
LAYOUT: dict[Kind, dict[str, type[Any]]] = {  # the arrays of each kind
    None: {"X.indptr": np.int64, "X.indices": np.int32, "X.data": np.float32},
    "labels": {"y.indptr": np.int64, "y.indices": np.int32},
    "classes": {"y": np.int32},
    "values": {"y": np.float32},
}


class Mapped(Dataset):
    """Examples in a file that `fewfire convert` wrote. Where they are too many for one window of
    64 MiB, training and evaluation go through them window by window.

    Parameters
    ----------
    path : path
    like : Dataset or Encoding, optional
        Training set, or `net.encoding`, whose labels and features the file shares.
    label_names : sequence, optional
        Name of each label, for a file without names.
    kind : {"classes", "labels", "values"}, optional
        What the file must hold; "values" also takes classes that are numbers.

    Raises
    ------
    FormatError
        If the file is damaged, truncated, foreign, or of a newer version.
    ValueError
        If it was not encoded like `like`, or holds another kind of targets than `kind`.

    Examples
    --------
    >>> from fewfire import datasets
    >>> from pathlib import Path
    >>> _ = Path("train.txt").write_text("2 3 4\\n0,3 1:0.5\\n2 0:1 2:0.25\\n")
    >>> datasets.convert("train.txt", "train.safetensors")
    >>> Mapped("train.safetensors")[1:]
    Mapped(1 example, 3 sparse features, 4 labels)
    """

    def __init__(
        self,
        path: PathLike,
        like: Dataset | Encoding | None = None,
        label_names: Sequence[Any] | None = None,
        *,
        kind: Kind = None,
    ) -> None:
        wanted = wanted_kind(kind, None if like is None else like.kind)
        file = DataFile(path)
        try:
            encoding = _encoding(file)
            n_rows = _check_layout(file, encoding)
        except (KeyError, TypeError, ValueError) as error:
            raise file.damaged(error) from error
        if label_names is not None:
            encoding = named(file.path, encoding, tuple(label_names))
        self._take_over(file, range(n_rows), encoding)
        self._check_values()
        numbers = None
        if kind is not None or (wanted, encoding.kind) == ("values", "classes"):
            told = as_told(file.path, self, wanted)
            assert isinstance(told, Mapped)
            encoding, numbers = told._encoding, told._numbers
        if like is not None:
            encoding = fitted(file.path, encoding, like)
        self._take_over(file, range(n_rows), encoding, numbers)
        if like is None and label_names is None:
            self._doubt()

    def _take_over(
        self,
        file: DataFile,
        rows: range,
        encoding: Encoding,
        numbers: NDArray[np.float32] | None = None,
    ) -> None:
        self._file, self._rows, self._encoding = file, rows, encoding
        self._numbers = numbers  # of the classes in the file, where they are taken as values
        self._kind, self._n_labels = encoding.kind, encoding.n_labels
        self._label_names, self._zero_based = encoding.label_names, encoding.zero_based
        self._feature_names = encoding.feature_names
        self._text = encoding.text

    @property
    def is_sparse(self) -> bool:
        """True."""
        return True

    @property
    def n_features(self) -> int:
        """Number of columns of `X`."""
        return self._encoding.n_features

    def __len__(self) -> int:
        return len(self._rows)

    @cached_property
    def X(self) -> csr_array:  # noqa: N802
        """Features: CSR (n, n_features) on the mapped arrays."""
        return self._csr("X", self.n_features)

    @cached_property
    def y(self) -> Targets:
        """Class ids int32 (n,), labels CSR (n, n_labels), or values float32 (n, 1); mapped, but for
        classes that are taken as values."""
        if self.kind == "labels":
            return self._csr("y", self.n_labels)
        y: NDArray[Any] = self._file.part("y", self._rows.start, self._rows.stop)
        if self._numbers is not None:
            y = read_only(self._numbers[y])
        return y[:, None] if self.kind == "values" else y

    def __getitem__(self, rows: slice | ArrayLike) -> Dataset:
        """Return some of the examples: neighbours stay in the file, others are copied."""
        if isinstance(rows, slice) and rows.step in (None, 1):
            return self._neighbours(rows)
        return super().__getitem__(rows)

    def _neighbours(self, rows: slice) -> Mapped:
        first, stop, _ = rows.indices(len(self))
        part: Mapped = object.__new__(Mapped)
        own = self._rows[first : max(first, stop)]
        part._take_over(self._file, own, self._encoding, self._numbers)
        part._looks_like_values = self._looks_like_values
        if self._weights is not None:
            part._weights = self._weights[first : max(first, stop)]
        return part

    def as_values(self) -> Mapped:
        """Return this set with classes that are numbers taken as values, window by window."""
        if self.kind == "values":
            return self
        part: Mapped = object.__new__(Mapped)
        values = replace(self._encoding, kind="values", n_labels=1, label_names=None)
        part._take_over(self._file, self._rows, values, numbers_of(self._encoding))
        part._weights = self._weights
        return part

    def hold_out(self, n: int, random_state: int = 0) -> tuple[Dataset, Dataset]:
        """Return all examples but the `n` last ones, and these, both in the file."""
        return self.split(n)

    def check(self) -> None:
        """Do nothing: nobody writes to what is mapped, and a file that has changed is refused."""

    @property
    def window(self) -> int:
        """Examples of a window: their mean size makes 64 MiB."""
        n_bytes = sum(array.size * array.dtype.itemsize for array in self._file.arrays.values())
        n_rows = self._file.arrays["X.indptr"].size - 1
        return max(1, WINDOW * n_rows // max(1, n_bytes))

    def windows(self) -> Iterator[Mapped]:
        """Go through the examples window by window."""
        for first in range(0, len(self), self.window):
            yield self._neighbours(slice(first, first + self.window))

    def _csr(self, name: str, n_columns: int) -> csr_array:
        indptr = self._file.part(f"{name}.indptr", self._rows.start, self._rows.stop + 1)
        begin, end = int(indptr[0]), int(indptr[-1])
        indices = self._file.part(f"{name}.indices", begin, end)
        if name == "X":
            values = self._file.part("X.data", begin, end)
        else:  # ones, of which memory holds a single one
            values = np.broadcast_to(np.float32(1), len(indices))
        starts = indptr - begin if begin else indptr
        return make_csr(values, indices, starts, (len(self), n_columns))

    def _check_values(self) -> None:
        """Raise unless all rows are what a `Dataset` promises; a window is mapped at a time."""
        for part in self.windows():
            try:
                part._check_own_values()
            except FormatError:
                raise
            except ValueError as error:
                rows = f"examples {part._rows.start} to {part._rows.stop - 1}"
                raise self._file.damaged(f"in {rows}: {error}") from error

    def _check_own_values(self) -> None:
        values: Any = self.X.data
        # The core takes no ids that fall inside a row or are not columns.
        _core.SparseInputs(np.asarray(self.X.indptr), self.X.indices, values, self.n_features)
        _check_finite("X", values)
        if self.kind == "values":
            _check_finite("y", np.asarray(self.y).ravel())
        else:
            self.label_lists()


def _encoding(file: DataFile) -> Encoding:
    """Return what the file says of its numbers."""
    words = {key: value for key, value in file.description.items() if key != "version"}
    names = names_of(file.part("label_names")) if "label_names" in file.arrays else None
    return Encoding.from_dict({**words, "label_names": names})


def _check_layout(file: DataFile, encoding: Encoding) -> int:
    """Return how many examples there are; raise unless the arrays fit each other."""
    if encoding.kind is None:
        raise ValueError("it has no targets")
    for name, dtype in (LAYOUT[None] | LAYOUT[encoding.kind]).items():
        if file.arrays[name].dtype != dtype:
            raise ValueError(f"{name} is {file.arrays[name].dtype}, wanted {np.dtype(dtype)}")
    n_rows = file.arrays["X.indptr"].size - 1
    if n_rows < 0 or file.arrays["X.indices"].size != file.arrays["X.data"].size:
        raise ValueError("the arrays of X differ in size")
    y = file.arrays["y.indptr" if encoding.kind == "labels" else "y"]
    if y.size != n_rows + (encoding.kind == "labels"):
        raise ValueError(f"y is of {y.size} examples, X of {n_rows}")
    for name in ("X", "y") if encoding.kind == "labels" else ("X",):
        (first,) = file.part(f"{name}.indptr", 0, 1)
        (last,) = file.part(f"{name}.indptr", n_rows)
        n = file.arrays[f"{name}.indices"].size
        if first != 0 or last != n:
            raise ValueError(f"{name}.indptr goes from {first} to {last}, not from 0 to {n}")
    return n_rows


def _check_finite(name: str, values: NDArray[np.float32]) -> None:
    for begin in range(0, len(values), _BLOCK):
        if not np.isfinite(values[begin : begin + _BLOCK]).all():
            raise ValueError(f"{name} holds a value that is not finite")
