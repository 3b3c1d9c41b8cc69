"""A `Dataset`: examples and what they should give, checked once, in the layout the core reads.

Dense features are float32 and C-contiguous; sparse ones are canonical CSR with float32 values,
int64 `indptr` and int32 `indices`. Everything is finite, and every label id is below `n_labels`.
What is borrowed is handed out read-only; whoever learns or answers from it checks it again, since
its owner may still write to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array, hstack, issparse

from ..base.checks import LARGEST_ID, check_integer
from .csr import check_lists, make_csr, read_only, take_rows
from .encoding import Encoding, Kind
from .features import Features, features, label_features_of
from .frames import checked_feature_names, is_frame, read_frame
from .kinds import kind_of, wanted_kind
from .label_lists import are_columns, are_lists, lists_of
from .label_names import checked_names
from .number_classes import look_like_values, numbers_of
from .shuffled import shuffled
from .targets import as_array, classes_of, labels_of, values_of, weights_of
from .words import Vectorizer

Examples: TypeAlias = "ArrayLike | csr_array | Dataset"
Targets: TypeAlias = "NDArray[np.int32] | NDArray[np.float32] | csr_array | None"


class Dataset:
    """Examples `X` and, if known, their targets `y`.

    Parameters
    ----------
    X : array_like of shape (n, n_features), or any scipy sparse array or matrix
        Real numbers, all finite. Float32 C-contiguous arrays are borrowed, others converted; do not
        change them afterwards. A damaged sparse array is refused. Or a frame of pandas, polars or
        pyarrow whose columns are numbers or booleans: their names are kept, as `feature_names`.
    y : array_like or sparse, optional
        - 1-D, whole numbers or strings: one class per example. The integers 0..n-1 stay as they
          are; others are numbered in sorted order, see `label_names`.
        - several labels per example: a list of names or ids for each; or a column for each label,
          sparse, the places that are not zero, or dense whole numbers or booleans, 0 and 1. (Lists
          of as many ids each are read as columns: `kind="labels"` says that they are lists.)
        - 1-D floats that are not all whole, or 2-D floats of shape (n, m): values to predict.
    kind : {"classes", "labels", "values"}, optional
        What `y` holds, where it alone does not say: "values" for whole numbers to predict, such as
        counts, ages or ratings, 1-D or 2-D, of any numeric type. Default: as said of `y`.
    like : Dataset, optional
        Use its numbering of the labels, its `n_labels` and its `n_features`, so that a test set
        fits the model trained on `like`. Sparse features with fewer columns are widened, columns
        of a frame put in the order of its `feature_names`.
    label_names : sequence, optional
        Name of each label id, a word or a number. Classes that are names are looked up here; whole
        numbers are ids, unless the names are numbers themselves.
    n_labels : int, optional
        Number of labels when not all of them occur in `y`; whole numbers in `y` are then ids.
    sample_weight : array_like of shape (n,), optional
        What each example counts for, 0 or more, in training and in evaluation: 2 as if it came
        twice.
    feature_names : sequence of str, optional
        Name of each column of `X`, where this is not a frame with names.
    label_features : ndarray or scipy sparse, (n_labels, n_features), optional
        What describes each label, in the features of an example; a row of zeros for a label
        without. A `Tagger` learns from it.

    Raises
    ------
    ValueError
        If `X` or `y` is not finite, has a wrong shape, or holds a label unknown to `like`; if `y`
        is not what `kind` says; if a frame has other columns than `like`, or such as hold words,
        categories or dates, or lack values.

    Examples
    --------
    >>> train = Dataset([[0, 1], [2, 0], [3, 1]], ["cat", "dog", "cat"])
    >>> train
    Dataset(3 examples, 2 dense features, 2 classes)
    >>> train.y, train.label_names
    (array([0, 1, 0], dtype=int32), ('cat', 'dog'))
    >>> Dataset([[5, 5]], ["dog"], like=train).y
    array([1], dtype=int32)
    >>> Dataset([[0, 1], [2, 0]], [31, 58], kind="values").y
    array([[31.],
           [58.]], dtype=float32)
    """

    _feature_names: tuple[str, ...] | None = None
    _looks_like_values = False
    _weights: NDArray[np.float32] | None = None
    _unknown: csr_array | None = None
    _label_features: csr_array | None = None

    def __init__(
        self,
        X: Any,
        y: Any = None,
        *,
        like: Dataset | Encoding | None = None,
        label_names: Sequence[Any] | None = None,
        n_labels: int | None = None,
        kind: Kind = None,
        sample_weight: ArrayLike | None = None,
        feature_names: Sequence[str] | None = None,
        label_features: Any = None,
    ) -> None:
        if like is not None and (label_names is not None or n_labels is not None):
            raise ValueError("like= brings its own labels: leave out label_names and n_labels")
        if n_labels is not None:
            n_labels = check_integer("n_labels", n_labels, low=0, high=LARGEST_ID)
        names = None if label_names is None else checked_names(label_names, n_labels)
        width = len(names) if n_labels is None and names is not None else n_labels
        self._zero_based: bool = True if like is None else like.zero_based
        self._text: Vectorizer | None = None if like is None else like.text
        if is_frame(X):
            X, self._feature_names = read_frame(X, None if like is None else like.feature_names)
        self._X: Features = features(X, None if like is None else like.n_features)
        if feature_names is not None:
            self._feature_names = checked_feature_names(feature_names, self.n_features)
        elif like is not None and self._feature_names is None:
            self._feature_names = like.feature_names
        self._y: Targets = None
        self._kind: Kind = None
        self._label_names = names if like is None else like.label_names
        self._n_labels = (width or 0) if like is None else like.n_labels
        if y is not None:
            known = width if like is None else like.n_labels or None
            self._set_targets(y, kind, None if like is None else like.kind, known)
        elif wanted_kind(kind, None) is not None:
            raise ValueError(f'kind="{kind}" says what y holds, but there is no y')
        if sample_weight is not None:
            self._weights = weights_of(sample_weight, len(self))
            self.check_counted()
        if label_features is not None:
            shape = self._n_labels, self.n_features
            self._label_features = label_features_of(label_features, self._kind, shape)
        if like is None and width is None:
            self._doubt()

    @property
    def X(self) -> Features:  # noqa: N802
        """Features: float32 (n, n_features), C-contiguous, or `csr_array`. Do not write to it."""
        return self._X

    @property
    def y(self) -> Targets:
        """Class ids int32 (n,), labels CSR (n, n_labels), values float32 (n, m), or None.

        Do not write to it.
        """
        return self._y

    @property
    def kind(self) -> Kind:
        """What `y` holds: "classes", "labels", "values", or None without `y`."""
        return self._kind

    @property
    def looks_like_values(self) -> bool:
        """Whether `y` holds numbers, taken as classes, that are many and of few examples each: more
        than 20, of fewer than 5 examples on average, or of fewer than 2 if they are 0, 1, ..."""
        return self._looks_like_values

    @property
    def is_sparse(self) -> bool:
        """Whether `X` is a `csr_array`."""
        return issparse(self._X)

    @property
    def n_features(self) -> int:
        """Number of columns of `X`."""
        return int(self._X.shape[1])

    @property
    def n_labels(self) -> int:
        """Number of classes or labels, of columns of values, or 0 when nothing is known of `y`."""
        return self._n_labels

    @property
    def label_names(self) -> tuple[Any, ...] | None:
        """Name of each label id, or None when ids are their own names."""
        return self._label_names

    @property
    def feature_names(self) -> tuple[str, ...] | None:
        """Name of each column of `X`, or None when their numbers are their names."""
        return self._feature_names

    @property
    def sample_weight(self) -> NDArray[np.float32] | None:
        """What each example counts for, float32 (n,); None: all count 1."""
        return self._weights

    @property
    def label_features(self) -> csr_array | None:
        """What describes each label, (n_labels, n_features), if it was given."""
        return self._label_features

    @property
    def unknown_labels(self) -> csr_array | None:
        """Labels that a file has beside those of its training set, CSR of ones (n, m), a column
        each; None where there are none. An evaluation counts them as missed."""
        return self._unknown

    @property
    def zero_based(self) -> bool:
        """Whether the text it was read from counts features from 0; files read like it follow."""
        return self._zero_based

    @property
    def text(self) -> Vectorizer | None:
        """How raw text became `X`, or None where it was numbers; raw text read like it follows."""
        return self._text

    @property
    def encoding(self) -> Encoding:
        """How features and targets became numbers, without the examples."""
        return Encoding(
            self.n_features,
            self._kind,
            self._n_labels,
            self._label_names,
            self._zero_based,
            self._text,
            self._feature_names,
        )

    def __len__(self) -> int:
        return int(self._X.shape[0])

    def __getitem__(self, rows: slice | ArrayLike) -> Dataset:
        """Return some of the examples: by slice, array of positions, or boolean mask of length n.

        Neighbours, `data[3:9]`, share the arrays of this set.

        >>> data = Dataset([[1.0], [2.0], [3.0]], [0, 1, 1])
        >>> data[1:].y, data[[2, 0]].X.ravel()
        (array([1, 1], dtype=int32), array([3., 1.], dtype=float32))
        """
        chosen = rows if isinstance(rows, slice) else self._positions(rows)
        part: Dataset = object.__new__(Dataset)
        part._kind, part._n_labels = self._kind, self._n_labels
        part._label_names, part._zero_based = self._label_names, self._zero_based
        part._text, part._looks_like_values = self._text, self._looks_like_values
        part._feature_names = self._feature_names
        part._label_features = self._label_features
        part._X = _take(self.X, chosen)
        part._y = None if self.y is None else _take(self.y, chosen)
        if self._weights is not None:
            part._weights = read_only(np.ascontiguousarray(self._weights[chosen]))
        if self._unknown is not None and (unknown := _take(self._unknown, chosen)).nnz:
            part._unknown = unknown
        return part

    def weighing(self, sample_weight: ArrayLike) -> Dataset:
        """Return this set with other weights of its examples; it shares the arrays.

        >>> Dataset([[1.0], [2.0]], [0, 1]).weighing([1, 3]).sample_weight
        array([1., 3.], dtype=float32)
        """
        part = self[:]
        part._weights = weights_of(sample_weight, len(self))
        part.check_counted()
        return part

    def as_values(self) -> Dataset:
        """Return this set with classes that are numbers taken as values; it shares `X`.

        Raises
        ------
        ValueError
            If `y` holds words or lists of labels, or there is none.

        Examples
        --------
        >>> Dataset([[1.0], [2.0]], [31, 58]).as_values().y
        array([[31.],
               [58.]], dtype=float32)
        """
        if self._kind == "values":
            return self
        self.check_known("be taken as values")
        numbers = numbers_of(self.encoding)
        _, ids = self.label_lists()
        part = self[:]
        part._kind, part._n_labels, part._label_names = "values", 1, None
        part._y, part._looks_like_values = values_of(numbers[ids], 1), False
        return part

    def windows(self) -> Iterator[Dataset]:
        """Go through the examples in the parts in which they should be held: here, all at once."""
        yield self

    def check(self) -> None:
        """Raise `ValueError` unless examples and targets are still what was promised.

        Whatever learns or answers from a data set calls this first: the arrays may be borrowed, and
        who lent them may have changed them. It takes a few passes over them.
        """
        try:
            features(self.X, self.n_features)
            if self.kind == "values":
                values_of(np.asarray(self.y), self.n_labels)
            elif self.kind is not None:
                self.label_lists()
            if self._weights is not None:
                weights_of(self._weights, len(self))
        except ValueError as error:
            raise ValueError(f"the data set was changed after it was made: {error}") from error

    def check_known(self, what: str) -> None:
        """Raise if there are labels that the training set lacks, which cannot `what`."""
        if self._unknown is not None:
            raise ValueError(
                f"{self._unknown.shape[1]:,} labels are none of the {self.n_labels:,} of like=, "
                f"and cannot {what}: read the file without like"
            )

    def check_counted(self) -> None:
        """Raise if all examples have the weight 0, so that nothing can be learned from them."""
        if len(self) and self._weights is not None and not self._weights.any():
            raise ValueError("sample_weight is 0 for all examples: there is nothing to learn")

    def split(self, n_last: int) -> tuple[Dataset, Dataset]:
        """Return the first examples and the `n_last` last ones, for training and validation.

        >>> train, valid = Dataset([[1.0], [2.0], [3.0]]).split(1)
        >>> len(train), len(valid)
        (2, 1)
        """
        if not 0 < n_last < len(self):
            raise ValueError(
                f"n_last is {n_last}, but both parts need an example: choose 1 to {len(self) - 1}"
            )
        return self[: len(self) - n_last], self[len(self) - n_last :]

    def hold_out(self, n: int, random_state: int = 0) -> tuple[Dataset, Dataset]:
        """Return all examples but `n`, and these `n`: drawn at random, classes in their shares.

        Both keep the order of this set. Of a file that is mapped the last ones are held out, so
        that the others stay in the file.

        >>> train, valid = Dataset([[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1]).hold_out(2)
        >>> len(train), valid.y
        (2, array([0, 1], dtype=int32))
        """
        if not 0 < n < len(self):
            raise ValueError(
                f"{n} of {len(self):,} examples cannot be held out, because both parts need one: "
                f"choose 1 to {len(self) - 1}"
            )
        has_classes = self.kind == "classes" and self._unknown is None
        classes = np.asarray(self.y) if has_classes else None
        order = shuffled(len(self), classes, np.random.default_rng(random_state))
        return self[np.sort(order[n:])], self[np.sort(order[:n])]

    def label_lists(self) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """Return the label ids of all examples, as CSR: `indptr` (n + 1,) and `indices`.

        The ids of example i are `indices[indptr[i]:indptr[i + 1]]`, ascending and distinct.
        `ValueError` says that they no longer are, since somebody changed the arrays.

        >>> Dataset([[1.0], [2.0]], [0, 1]).label_lists()
        (array([0, 1, 2]), array([0, 1], dtype=int32))
        """
        y = self.y
        if y is None or self._kind == "values":
            raise ValueError(f"only classes and labels have label lists, y holds {self._kind}")
        if isinstance(y, csr_array):
            indptr, ids = np.asarray(y.indptr, np.int64), np.asarray(y.indices, np.int32)
        else:
            indptr, ids = np.arange(len(self) + 1, dtype=np.int64), np.asarray(y, np.int32)
            if self._unknown is not None:  # classes of -1
                indptr, ids = np.cumsum(np.append(0, ids >= 0)), ids[ids >= 0]
        try:
            check_lists(indptr, ids, len(self), self.n_labels)
        except ValueError as error:
            raise ValueError(f"y holds damaged label lists: {error}") from error
        return indptr, ids

    def all_label_lists(self) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """Return `label_lists` with `unknown_labels` behind the known ones, from id `n_labels`."""
        indptr, ids = self.label_lists()
        if self._unknown is None:
            return indptr, ids
        known = make_csr(np.ones(len(ids), np.float32), ids, indptr, (len(self), self.n_labels))
        both = csr_array(hstack([known, self._unknown], format="csr"))
        both.sort_indices()
        return np.asarray(both.indptr, np.int64), np.asarray(both.indices, np.int32)

    def __repr__(self) -> str:
        stored = "sparse" if self.is_sparse else "dense"
        features = "feature" if self.n_features == 1 else "features"
        examples = "example" if len(self) == 1 else "examples"
        targets = "no targets" if self._kind is None else f"{self.n_labels:,} {self._kind}"
        return (
            f"{type(self).__name__}({len(self):,} {examples}, "
            f"{self.n_features:,} {stored} {features}, {targets})"
        )

    def _positions(self, rows: ArrayLike) -> NDArray[np.int64]:
        chosen = np.asarray(rows)
        if chosen.dtype == bool and chosen.shape != (len(self),):
            raise ValueError(
                f"a mask has one entry for each of the {len(self)} examples, not {chosen.shape}"
            )
        if chosen.ndim != 1 or (chosen.dtype.kind not in "biu" and chosen.size):
            raise TypeError(
                "choose examples by a slice, positions or a mask: data[3:4], not data[3]"
            )
        if chosen.dtype == bool:
            return np.flatnonzero(chosen)
        ids = chosen.astype(np.int64)
        if len(ids) and not -len(self) <= ids.min() <= ids.max() < len(self):
            raise IndexError(
                f"there are {len(self)} examples, but positions {ids.min()} to {ids.max()} are "
                "asked for"
            )
        return ids

    def _doubt(self) -> None:
        """See whether numbers that nobody called classes look like values."""
        names = self._label_names
        if self._kind == "classes" and all(isinstance(name, int) for name in names or ()):
            self._looks_like_values = look_like_values(
                len(self), self._n_labels, are_ids=names is None
            )

    def _set_targets(self, y: Any, kind: Kind, like: Kind, n_labels: int | None) -> None:
        y = self._as_columns(y, wanted_kind(kind, like), n_labels)
        array = None if issparse(y) else as_array(y)
        n = (y if array is None else array).shape[0] if array is None or array.ndim else 0
        if n != len(self):
            raise ValueError(
                f"X has {len(self)} rows but y has {n}; both need one entry per example"
            )
        self._kind = kind_of(array, kind, like)
        if array is None:
            self._y, self._n_labels = labels_of(y, n_labels)
            if self._label_names is not None and len(self._label_names) != self._n_labels:
                raise ValueError(
                    f"{len(self._label_names)} label_names for {self._n_labels} labels"
                )
        elif self._kind == "values":
            if self._label_names is not None:
                raise ValueError("y holds values, which have no label_names")
            self._y = values_of(array, n_labels)
            self._n_labels = int(self._y.shape[1])
        else:
            self._y, self._n_labels, self._label_names = classes_of(
                array, n_labels, self._label_names
            )

    def _as_columns(self, y: Any, kind: Kind, n_labels: int | None) -> Any:
        """Return lists of labels, or columns of 0 and 1, as a sparse array; others as they are."""
        if issparse(y):
            return y
        if are_lists(y, kind):
            y, self._label_names = lists_of(y, self._label_names, n_labels)
            return y
        array = as_array(y)
        return csr_array(array != 0) if are_columns(array, kind) else array


def _take(rows: Any, chosen: slice | NDArray[np.int64]) -> Any:
    if isinstance(rows, csr_array):
        return take_rows(rows, chosen)
    return np.ascontiguousarray(rows[chosen])
