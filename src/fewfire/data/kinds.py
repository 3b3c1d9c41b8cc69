"""What targets hold: said by who gives them, by the data set they should be like, or by them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..base.checks import check_choice
from .encoding import Kind


def wanted_kind(kind: Kind, like: Kind) -> Kind:
    """Return what targets must hold: by `kind=`, or as the data set given as `like=`.

    >>> wanted_kind("values", None), wanted_kind(None, "labels"), wanted_kind(None, None)
    ('values', 'labels', None)
    """
    if kind is None:
        return like
    check_choice("kind", kind, ("classes", "labels", "values"))
    if like not in (None, kind):
        raise ValueError(
            f'kind="{kind}", but the data set given as like= holds {like}: leave out one of them'
        )
    return kind


def kind_of(
    y: NDArray[Any] | None, kind: Kind = None, like: Kind = None, first_row: int = 0
) -> Kind:
    """Return what `y` holds; None stands for a sparse one. Raise unless it is what is wanted.

    Errors count rows from `first_row`.
    """
    found = "labels" if y is None else _kind_of_array(y, wanted_kind(kind, like), first_row)
    if kind is not None and found != kind:
        raise ValueError(_mismatch(y, kind, first_row))
    if like is not None and found != like:
        raise ValueError(f"y holds {found}, but the data set given as like= holds {like}")
    return found


def _kind_of_array(y: NDArray[Any], wanted: Kind, first_row: int) -> Kind:
    if wanted == "values" and y.ndim in (1, 2) and y.dtype.kind in "biuf":
        return "values"
    if y.ndim == 2 and y.dtype.kind == "f":
        return "values"
    if y.ndim != 1:
        raise ValueError(
            f"y has shape {y.shape} and type {y.dtype}; give y.ravel() for classes, "
            "scipy.sparse.csr_array(y) for several labels per example, "
            "y.astype(np.float32) for values"
        )
    if y.dtype.kind != "f":
        return "classes"
    if not np.isfinite(y).all():
        row = int(np.argmin(np.isfinite(y)))
        raise ValueError(f"y holds {y[row]} in row {first_row + row}; replace it or drop the "
                         "example")  # fmt: skip
    return "values" if (y != np.floor(y)).any() else "classes"


def _mismatch(y: NDArray[Any] | None, kind: Kind, first_row: int) -> str:
    """Return why `y` is not what `kind` says, and what to do."""
    if kind == "labels":
        return (
            'kind="labels" is for lists of labels, but y is not a sparse array: give '
            "scipy.sparse.csr_array, a column for each label"
        )
    if y is None:
        return f'y is sparse, which are lists of labels, but kind="{kind}": give y.toarray()'
    if kind == "values":
        return f'y holds {y.dtype}, but kind="values" is for numbers: give y.astype(float)'
    if y.ndim == 2:
        return f'y has shape {y.shape}, but kind="classes" needs one class per example: y.ravel()'
    row = int(np.argmax(y != np.floor(y)))
    return (
        f"y holds {y[row]} in row {first_row + row}, but classes are words or whole numbers: "
        'give kind="values", or y.astype(str)'
    )
