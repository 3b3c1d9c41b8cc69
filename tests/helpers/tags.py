"""Small sets of texts with tags: every label has words of its own, among some that tell nothing."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

import fewfire as ff

N_WORDS = 3  # of each label


def tagged(n=600, n_labels=40, n_noise=60, seed=0, *, kind="labels", names=None):
    """A data set of `n` examples with one to three labels (or one class) each."""
    rng = np.random.default_rng(seed)
    n_own = [1] * n if kind == "classes" else rng.integers(1, 4, n)
    labels = [rng.choice(n_labels, size, replace=False) for size in n_own]
    width = n_labels * N_WORDS + n_noise
    X = np.zeros((n, width), np.float32)
    for row, own in zip(X, labels, strict=True):
        for label in own:
            words = label * N_WORDS + rng.choice(N_WORDS, 2, replace=False)
            row[words] = rng.uniform(0.5, 1.5, 2)
        noise = n_labels * N_WORDS + rng.choice(n_noise, 4)
        row[noise] = rng.uniform(0.1, 1.0, 4)
    if kind == "classes":
        return ff.Dataset(
            csr_array(X), np.concatenate(labels), n_labels=n_labels, label_names=names
        )
    Y = np.zeros((n, n_labels))
    for row, own in zip(Y, labels, strict=True):
        row[own] = 1
    return ff.Dataset(csr_array(X), csr_array(Y), label_names=names)


def write_xc(path, data):
    """Write label lists as Extreme Classification text."""
    indptr, ids = data.label_lists()
    lines = [f"{len(data)} {data.n_features} {data.n_labels}"]
    for i in range(len(data)):
        row = data.X[[i]]
        pairs = " ".join(f"{j}:{x:.6g}" for j, x in zip(row.indices, row.data, strict=True))
        lines.append(f"{','.join(map(str, ids[indptr[i] : indptr[i + 1]]))} {pairs}")
    path.write_text("\n".join(lines) + "\n")
