"""Text to a data file, a piece of text at a time: memory does not depend on the size of either.

The arrays grow in nameless files beside the target and are joined at the end, so that nothing is
left behind by an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...base.files import Blocks, PathLike, array_of
from ...base.replacing import check_writable, naming
from .. import datafile
from ..compatible import speaking_of
from ..dataset import Dataset
from ..encoding import Encoding, Kind
from ..kinds import kind_of, wanted_kind
from ..label_names import checked_names
from ..spill import Column
from ..targets import class_numbers, classes_of, values_of
from .shared import check_text, reading, start_of
from .streaming import any_lists, parse_piece, pieces
from .text import Header, expects_lists, header_of


def convert(
    source: PathLike,
    target: PathLike,
    *,
    like: Dataset | Encoding | None = None,
    label_names: Sequence[Any] | None = None,
    kind: Kind = None,
) -> None:
    """Write the examples of svmlight or Extreme Classification text as a data file."""
    if like is not None and label_names is not None:
        raise ValueError("like= brings its own labels: leave out label_names")
    wanted = wanted_kind(kind, None if like is None else like.kind)
    expected = expects_lists(like, kind)
    if Path(target).exists() and Path(target).samefile(source):
        raise ValueError(f"{source} would be overwritten: give the result a name of its own")
    check_writable(target)
    start = start_of(Path(source))
    header = header_of(start)
    if header is None:
        check_text(source, start)
    names = None if label_names is None else tuple(label_names)
    with ExitStack() as stack:
        with reading(source, "svmlight or Extreme Classification text"):
            lists = header is not None or (any_lists(source) if expected is None else expected)
            rows = _Rows(Path(target).parent, lists, wanted, header, stack)
            for line, piece in pieces(source, header=header is not None):
                found = parse_piece(piece, line, lists, header)
                with naming(target):  # whose disk may be full
                    rows.append(found)
            rows.check_count()
        with speaking_of(source):
            description, arrays = rows.described(like, names, kind)
            datafile.write(target, description, arrays)


class _Rows:
    """The rows found so far, as the parser counts: features of svmlight text from 1."""

    def __init__(
        self, folder: Path, lists: bool, kind: Kind, header: Header | None, stack: ExitStack
    ) -> None:
        def column(dtype: type[Any]) -> Column:
            return stack.enter_context(Column(folder, dtype))

        self.lists, self.header = lists, header
        self.indptr, self.indices = column(np.int64), column(np.int32)
        self.values = column(np.float32)
        self.label_indptr, self.labels = column(np.int64), column(np.int32)
        self.targets = column(np.float64)
        self.indptr.append(np.zeros(1))
        self.label_indptr.append(np.zeros(1))
        self.n_features, self.n_labels = (header.n_features, header.n_labels) if header else (0, 0)
        self.has_feature_0 = False
        self.may_be_classes = kind != "values"  # as long as all targets are whole
        self.numbers: NDArray[np.float64] = np.empty(0)  # the whole ones among the targets

    def append(self, found: tuple[Any, ...]) -> None:
        indptr, indices, values, label_indptr, labels, targets, *sizes, has_feature_0 = found
        self.indptr.append(indptr[1:] + len(self.indices))
        self.indices.append(indices)
        self.values.append(values)
        if self.lists:
            self.label_indptr.append(label_indptr[1:] + len(self.labels))
            self.labels.append(labels)
        else:
            self.targets.append(targets)
            self.may_be_classes &= bool((targets == np.floor(targets)).all())
            if self.may_be_classes:
                self.numbers = np.union1d(self.numbers, targets)
        self.n_features = max(self.n_features, sizes[0])
        self.n_labels = max(self.n_labels, sizes[1])
        self.has_feature_0 |= has_feature_0

    def check_count(self) -> None:
        n_rows = len(self.indptr) - 1
        if self.header is not None and n_rows != self.header.n_rows:
            raise ValueError(
                f"line 1, column 1: the header states {self.header.n_rows} rows, but the text has "
                f"{n_rows}"
            )

    def described(
        self, like: Dataset | Encoding | None, names: tuple[Any, ...] | None, told: Kind
    ) -> tuple[dict[str, Any], dict[str, Blocks]]:
        """Return the description and the arrays of the data file."""
        from_0, n_features = self._features(like)
        kind, n_labels, names = self._labels(like, names, told)
        n = len(self.indptr) - 1
        indices: Iterable[NDArray[Any]] = self.indices.blocks()
        if not from_0:
            indices = (block - 1 for block in indices)
        arrays = {"X.indptr": Blocks("I64", (n + 1,), self.indptr.blocks())}
        if kind == "labels":
            arrays["y.indptr"] = Blocks("I64", (n + 1,), self.label_indptr.blocks())
        arrays["X.indices"] = Blocks("I32", (len(self.indices),), indices)
        arrays["X.data"] = Blocks("F32", (len(self.values),), self.values.blocks())
        if kind == "labels":
            arrays["y.indices"] = Blocks("I32", (len(self.labels),), self.labels.blocks())
        elif kind == "values":
            arrays["y"] = Blocks("F32", (n,), self._values())
        else:
            arrays["y"] = Blocks("I32", (n,), self._classes(n_labels, names))
        if names is not None:
            text = array_of(names)
            arrays["label_names"] = Blocks("U8", (len(text),), [text])
        description = {"n_features": n_features, "kind": kind, "n_labels": n_labels}
        return {**description, "zero_based": from_0 if like is None else like.zero_based}, arrays

    def _features(self, like: Dataset | Encoding | None) -> tuple[bool, int]:
        """Return whether features count from 0, as those of text with a header do, and how many
        there are."""
        from_0 = self.has_feature_0 if like is None else like.zero_based
        if self.header is not None:
            from_0 = True
        elif self.has_feature_0 and not from_0:
            raise ValueError("it has a feature 0, but those of the data set given as like= count "
                             "from 1")  # fmt: skip
        n_features = self.n_features if from_0 else max(0, self.n_features - 1)
        if like is None:
            return from_0, n_features
        if n_features > like.n_features:
            raise ValueError(
                f"X has {n_features} features but the data set given as like= has "
                f"{like.n_features}; read the wider one first"
            )
        return from_0, like.n_features

    def _kind(self, told: Kind, like: Kind) -> Kind:
        if self.lists:
            return kind_of(None, told, like)
        if self.may_be_classes:
            return kind_of(self.numbers, told, like)
        if wanted_kind(told, like) in ("values", None):
            return "values"
        first = 0
        for block in self.targets.blocks():
            kind_of(block, told, like, first)
            first += len(block)
        raise AssertionError("a target is not whole")

    def _labels(
        self, like: Dataset | Encoding | None, names: tuple[Any, ...] | None, told: Kind
    ) -> tuple[Kind, int, tuple[Any, ...] | None]:
        kind = self._kind(told, None if like is None else like.kind)
        if like is not None and like.kind is not None:
            if kind == "labels" and self.n_labels > like.n_labels:
                raise ValueError(
                    f"y has {self.n_labels} columns but there are {like.n_labels} labels"
                )
            if kind == "values" and like.n_labels != 1:
                raise ValueError(f"y has 1 column of values, {like.n_labels} are expected")
            return kind, like.n_labels, like.label_names
        if kind == "values":
            if names is not None:
                raise ValueError("y holds values, which have no label_names")
            return kind, 1, None
        if names is not None:
            return kind, self._named(names), names
        if kind == "labels":
            return kind, self.n_labels, None
        numbers = class_numbers(self.numbers)
        if isinstance(numbers, int):
            return kind, numbers, None
        return kind, len(numbers), numbers

    def _named(self, names: tuple[Any, ...]) -> int:
        n = len(checked_names(names))
        if n < self.n_labels or (self.header is not None and n != self.n_labels):
            raise ValueError(f"{n} label_names for {self.n_labels} labels")
        return n

    def _values(self) -> Iterator[NDArray[np.float32]]:
        first = 0
        for block in self.targets.blocks():
            yield values_of(block, 1, first)
            first += len(block)

    def _classes(self, n_labels: int, names: tuple[Any, ...] | None) -> Iterator[NDArray[np.int32]]:
        first = 0
        for block in self.targets.blocks():
            yield classes_of(block, n_labels, names, first)[0]
            first += len(block)
