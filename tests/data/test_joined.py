"""Data sets of parts are those of the whole."""

import numpy as np
import pytest

import fewfire as ff
from fewfire.data.joined import joined
from tags import tagged


@pytest.mark.parametrize("kind", ["labels", "classes"])
@pytest.mark.parametrize("weighted", [False, True])
def test_parts_of_a_set_join_to_it(kind, weighted):
    data = tagged(n=50, kind=kind, names=[f"tag {i}" for i in range(40)])
    weights = np.arange(50, dtype=np.float32) if weighted else None
    data = ff.Dataset(data.X, data.y, like=data, sample_weight=weights)
    whole = joined([data[:20], data[20:]])
    assert whole.encoding == data.encoding
    assert (whole.X != data.X).nnz == 0
    difference = whole.y != data.y
    assert (difference.nnz if kind == "labels" else difference.sum()) == 0
    assert (whole.sample_weight is None) == (weights is None)
    assert weights is None or (whole.sample_weight == weights).all()


def test_dense_parts_stay_dense():
    first = ff.Dataset([[1.0], [2.0]], [0, 1])
    assert not joined([first, first]).is_sparse
