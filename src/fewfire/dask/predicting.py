"""Prediction over the partitions of dask collections."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base.checks import check_integer
from ..measure.result import TopKResult
from ..model.contract import Model
from .needed import distributed
from .sources import is_collection, partitions


def predict_topk(model: Model, X: Any, k: int = 5, **options: Any) -> TopKResult:
    """Return the `k` best labels of each row, best first: two dask arrays, (n, k), whose blocks are
    computed where and when they are asked for.

    Parameters
    ----------
    model : Tagger, Network or Blend
        Sent once to each worker that predicts.
    X : dask array, (n, n_features), or bag of texts
        Blocks are numpy or scipy sparse arrays. Of a bag the number of rows is not known before.
    k : int
    **options
        As for `predict_topk` of the model. A task predicts with one thread, unless `n_jobs` says
        otherwise.

    Returns
    -------
    TopKResult
        Its `indices` and `scores` are dask arrays, a block for each partition of `X`. `names` are
        of results that are computed: `TopKResult(*dask.compute(*top)).called(model.label_names)`.

    Raises
    ------
    ValueError
        If `k` is out of range, or `X` has another width than the model.
    TypeError
        If `X` is not a dask array or bag.
    ImportError
        If dask is not installed.

    Examples
    --------
    >>> import dask.array as da
    >>> import fewfire as ff
    >>> X = np.eye(4, dtype=np.float32)[[0, 1, 2, 3] * 10]
    >>> tagger = ff.Tagger("fast", n_jobs=1).fit(X, [2, 0, 1, 3] * 10)
    >>> top = predict_topk(tagger, da.from_array(X, chunks=(10, 4)), k=1)
    >>> top.indices.numblocks, top.indices[:3].compute(scheduler="synchronous").ravel()
    ((4, 1), array([2, 0, 1], dtype=int32))
    """
    distributed()  # or it says what to install
    import dask
    from dask import array

    if not is_collection(X):
        raise TypeError(
            f"X is a {type(X).__name__}: give a dask array or bag, or call model.predict_topk"
        )
    k = check_integer("k", k, low=1, high=model.n_outputs)
    shape: tuple[int, ...] = getattr(X, "shape", (0,))
    if len(shape) > 1 and shape[1] != model.n_features:
        raise ValueError(f"X has {shape[1]} features but the model needs {model.n_features}")
    options = {"n_jobs": 1, **options}
    sent = dask.delayed(model, pure=False)
    sizes = X.chunks[0] if hasattr(X, "chunks") else (float("nan"),) * X.npartitions
    answers = [dask.delayed(_best, nout=2)(sent, part, k, options) for part in partitions(X)]
    blocks = [
        array.concatenate(
            [
                array.from_delayed(answer[place], (size, k), dtype)
                for answer, size in zip(answers, sizes, strict=True)
            ]
        )
        for place, dtype in enumerate((np.int32, np.float32))
    ]
    return TopKResult(*blocks)


def _best(model: Model, part: Any, k: int, options: dict[str, Any]) -> tuple[Any, Any]:
    """Return the answers of a partition, as a plain pair; runs on a worker."""
    if len(part) == 0 if isinstance(part, list) else part.shape[0] == 0:
        return np.empty((0, k), np.int32), np.empty((0, k), np.float32)
    top = model.predict_topk(part, k, **options)
    return top.indices, top.scores
