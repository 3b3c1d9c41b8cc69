"""A synthetic set with the structure of product catalogues such as Amazon-670K, from a seed.

Labels are the leaves of a tree: 16 make a line of products, 16 lines a category, 16 categories a
department. How often a label comes first in an example falls with the root of its rank, wherever it
is in the tree. An example has up to 9 further labels, mostly of the same line, else of the category
or the department, rather frequent than rare ones. Words are numbered by frequency. Every node of
the tree has some of its own, and each word of an example comes from one of its labels, from a node
above the first, or from all. Values are those of tf-idf, of norm 1.

At the shape of Amazon-670K (490,449 examples, 135,909 features, 670,091 labels) an example has 5
labels and 62 features, and a label 3.6 examples: half have 3 or less, 11 % none, the most frequent
623.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from fewfire import Dataset

BRANCHES = 16
FARNESS = (0.6, 0.3, 0.1)  # of a further label: chance of line, category, department
MOST_LABELS = 10  # of an example: one to so many, all equally often
OWN_WORDS = (10, 16, 24, 32)  # of a label, a line, a category, a department
SOURCES = (0.35, 0.2, 0.15, 0.1, 0.2)  # of a word: one of these, or all words
TOKENS = 80  # of an example


def make(
    n_examples: int,
    n_features: int,
    n_labels: int,
    seed: int = 0,
    *,
    part: int = 0,
    tokens: int = TOKENS,
    most_labels: int = MOST_LABELS,
    every_label: bool = False,
) -> Dataset:
    """Return a set; `part` tells training from test examples of the same world. With `every_label`,
    a label that no example has is added to one near it."""
    world, rng = np.random.default_rng(seed), np.random.default_rng([seed, part])
    by_rank = world.permutation(n_labels)
    nodes = [-(-n_labels // BRANCHES**level) for level in range(len(OWN_WORDS))]
    words = [_words(world, (n, k), n_features) for n, k in zip(nodes, OWN_WORDS, strict=True)]

    labels = _labels(rng, by_rank, (n_examples, most_labels))
    kept = np.arange(most_labels) < rng.integers(1, most_labels + 1, (n_examples, 1))
    if every_label:
        labels, kept = _with_others(labels, kept, n_labels)
    speaker = np.take_along_axis(
        labels, rng.integers(0, kept.sum(axis=1)[:, None], (n_examples, tokens)), axis=1
    )
    said = _words(rng, (n_examples, tokens), n_features)
    source = rng.choice(len(SOURCES), (n_examples, tokens), p=SOURCES)
    for level, own in enumerate(words):
        example, place = np.nonzero(source == level)
        node = labels[example, 0] // BRANCHES**level if level else speaker[example, place]
        said[example, place] = own[node, rng.integers(0, own.shape[1], len(node))]

    X = _counts(said, np.ones(said.shape, bool), n_features)
    X.data = (1 + np.log(X.data)) * np.log(2 + X.indices, dtype=np.float32)
    X.data /= np.repeat(np.sqrt(X.power(2).sum(axis=1)), np.diff(X.indptr))
    y = _counts(labels, kept, n_labels)
    y.data[:] = 1
    return Dataset(X, y)


def _words(rng: np.random.Generator, shape: tuple[int, int], n_features: int) -> NDArray[np.int32]:
    """Words by their frequency, which falls with the root of the rank."""
    return (n_features * rng.random(shape, np.float32) ** 2).astype(np.int32) % n_features


def _labels(
    rng: np.random.Generator, by_rank: NDArray[np.int64], shape: tuple[int, int]
) -> NDArray[np.int32]:
    """The labels of each example, the first by its frequency, the others near it."""
    n_labels, (n_examples, most_labels) = len(by_rank), shape
    rank = np.empty(n_labels, np.int32)
    rank[by_rank] = np.arange(n_labels)
    first = by_rank[(n_labels * rng.random((n_examples, 1)) ** 2).astype(np.int64)]
    shape = n_examples, most_labels - 1
    size = BRANCHES ** rng.choice([1, 2, 3], shape, p=FARNESS)
    near = [first // size * size + (size * rng.random(shape)).astype(np.int64) for _ in range(2)]
    a, b = (np.minimum(labels, n_labels - 1) for labels in near)
    return np.hstack([first, np.where(rank[a] < rank[b], a, b)]).astype(np.int32)


def _with_others(
    labels: NDArray[np.int32], kept: NDArray[np.bool_], n_labels: int
) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Give each label that no example has to one, as long as there are examples: the next by first
    label that has got none yet."""
    others = np.setdiff1d(np.arange(n_labels, dtype=np.int32), labels[kept])[: len(labels)]
    by_first = np.argsort(labels[:, 0], kind="stable")
    wanted = np.searchsorted(labels[by_first, 0], others)
    at = np.maximum.accumulate(wanted - np.arange(len(others))) + np.arange(len(others))
    example = by_first[np.minimum(at, len(labels) - len(others) + np.arange(len(others)))]
    labels, kept = (np.hstack([array, np.zeros_like(array[:, :1])]) for array in (labels, kept))
    last = kept.sum(axis=1)[example]
    labels[example, last], kept[example, last] = others, True
    return labels, kept


def _counts(ids: NDArray[np.int32], kept: NDArray[np.bool_], width: int) -> csr_array:
    ends = np.concatenate([[0], np.cumsum(kept.sum(axis=1))])
    ones = np.ones(ends[-1], np.float32)
    X = csr_array((ones, ids[kept], ends), shape=(len(ids), width))
    X.sum_duplicates()
    return X
