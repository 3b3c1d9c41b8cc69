"""Texts of every kind that is read, and what tests of data files share."""

import numpy as np
from numpy.testing import assert_array_equal
from scipy import sparse

from fewfire import datasets

RNG = np.random.default_rng(0)


def xc(n_rows=300, n_features=40, n_labels=12):
    """Rows in any order of ids, some without labels or features."""
    lines = [f"{n_rows} {n_features} {n_labels}"]
    for i in range(n_rows):
        labels = RNG.permutation(n_labels)[: i % 4]
        ids = RNG.permutation(n_features)[: i % 7]
        words = " ".join(f"{j}:{RNG.normal():.4g}" for j in ids)
        lines.append(f"{','.join(map(str, labels))} {words}")
    return "\n".join(lines) + "\n"


def svm(targets, first):
    lines = [
        f"{target} "
        + " ".join(f"{j}:{RNG.normal():.4g}" for j in np.flatnonzero(RNG.random(9) < 0.5) + first)
        for target in targets
    ]
    return "\n".join(["# a comment", *lines, ""])


TEXTS = {
    "header": xc(),
    "ids twice": "90 6 4\n" + "3,1,3 5:1 2:0.5 5:0.25 4:1 4:-1\n1,1 0:2\n 0:1 0:1\n" * 30,
    "no header": "\n".join(xc().split("\n")[1:]),
    "no end of the last line": xc().rstrip("\n"),
    "classes from 0": svm(RNG.integers(0, 4, 200), 1),
    "other classes": svm(RNG.choice([-1, 1], 200), 1),
    "features from 0": svm(RNG.choice([3, 7], 200), 0),
    "values": svm(RNG.normal(size=200).round(3), 1),
    "no examples": "0 5 3\n",
    "nothing": "",
    "no features": "1\n0\n",
}


def assert_same(a, b):
    assert a.encoding == b.encoding
    assert len(a) == len(b)
    assert_array_equal(a.X.toarray(), b.X.toarray())
    assert_array_equal(a.X.indptr, b.X.indptr)
    if sparse.issparse(b.y):
        assert_array_equal(a.y.toarray(), b.y.toarray())
    else:
        assert_array_equal(a.y, b.y)
        assert a.y.shape == b.y.shape


def converted(folder, text, name="a", **options):
    path = folder / f"{name}.safetensors"
    (folder / f"{name}.txt").write_text(text)
    datasets.convert(folder / f"{name}.txt", path, **options)
    return path
