"""The numpy twin of label trees: training, packing and search in float64, written to be read.

Where float32 may decide otherwise (who is among the best, whether a gradient is thin) the twin
notes how close it was, so that a test can set such a case aside; equal ones go to the lower.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from reference.bfloat16 import nearest_bfloat16, widened

SMALLEST = float(np.finfo(np.float32).tiny)  # likelihood of a label that was found


@dataclass
class Node:
    """Rows of `weights` belong to the features of the vocabulary, then to all others together."""

    first: int  # child, as the level below numbers them
    vocabulary: np.ndarray
    weights: np.ndarray  # (rows, children)
    bias: np.ndarray
    moments: np.ndarray

    @cached_property
    def own(self) -> dict[int, int]:
        return {int(feature): row for row, feature in enumerate(self.vocabulary)}

    def row(self, feature: int) -> int:
        return self.own[feature] if feature in self.own else self.shared_row(feature)

    def shared_row(self, feature: int) -> int:
        n_known = len(self.vocabulary)
        high = (feature * 0x9E3779B97F4A7C15 % 2**64) >> 32
        return n_known + (high * (len(self.weights) - n_known) >> 32)

    def rows(self, x: np.ndarray) -> tuple[list[int], np.ndarray]:
        features = np.flatnonzero(x)
        return [self.row(int(feature)) for feature in features], x[features].astype(float)

    def scores(self, x: np.ndarray) -> np.ndarray:
        rows, values = self.rows(x)
        return self.bias + values @ self.weights[rows]

    @property
    def children(self) -> range:
        return range(self.first, self.first + len(self.bias))


Tree = list[list[Node]]  # level by level, the root's first


@dataclass(frozen=True)
class Options:
    loss: str
    lr: tuple[float, ...]  # per level
    n_negatives: int
    least_path: float
    negative_scale: float
    thin: float
    bias_lr: float
    slowing: float = 0.0


@dataclass
class Record:
    loss: float = 0.0
    margin: float = field(default=np.inf)  # of the closest decision

    def note(self, distances: Iterable[float]) -> None:
        """An exact tie is not a close decision."""
        self.margin = min([self.margin, *(float(d) for d in distances if d > 0)])


def log_likelihood(loss: str, z: np.ndarray) -> np.ndarray:
    return -(np.maximum(0, 1 - z) ** 2) if loss == "squared_hinge" else -np.logaddexp(0, -z)


def gradients(loss: str, z: np.ndarray, is_target: np.ndarray) -> tuple[np.ndarray, float]:
    """d loss / d score of each child, and the sum of their losses."""
    sign = np.where(is_target, 1, -1)
    if loss == "squared_hinge":
        gap = np.maximum(0, 1 - sign * z)
        return -sign * gap, float((gap**2).sum() / 2)
    return 1 / (1 + np.exp(-z)) - is_target, float(np.logaddexp(0, -sign * z).sum())


def best(paths: dict[int, float], n: int, record: Record) -> list[int]:
    """The n likeliest, best first."""
    ranked = sorted(paths, key=lambda child: (-paths[child], child))
    if 0 < n < len(ranked):
        record.note([paths[ranked[n - 1]] - paths[ranked[n]]])
    return ranked[:n]


def centroid(X: np.ndarray) -> np.ndarray:
    """The direction of the sum of rows; 0 has none."""
    total = X.sum(axis=0, dtype=float)
    return total / (np.linalg.norm(total) or 1)


# -- training -----------------------------------------------------------------------------------


def targets_of(tree: Tree, labels: Iterable[int]) -> list[set[int]]:
    """Per level, which children have one of the labels below them."""
    found = [set(labels)]
    for level in reversed(tree[1:]):
        found.insert(0, {at for at, node in enumerate(level) if found[0] & set(node.children)})
    return found


def step(
    node: Node,
    x: np.ndarray,
    delta: np.ndarray,
    lr: float,
    rate: float,
    weight: float,
    how: Options,
) -> None:
    node.moments += (weight * delta) ** 2
    node.bias -= rate * how.bias_lr * weight * delta / np.sqrt(node.moments)
    rows, values = node.rows(x)
    seen = np.bincount(rows, values)  # features that share a row add up
    lr /= max(1.0, float((seen**2).sum()))
    slowed = delta / (1 + how.slowing * node.moments) ** 0.25
    np.subtract.at(node.weights, rows, lr * np.outer(values, slowed))


def rate_of_copies(loss: str, lr: float, weight: float) -> float:
    """The step of so many copies of an example, one after another."""
    if weight <= 1:
        return lr * weight
    curvature = 1.0 if loss == "squared_hinge" else 0.25
    whole = lr * curvature
    return lr if whole >= 1 else (1 - (1 - whole) ** weight) / curvature


def learn(
    tree: Tree,
    x: np.ndarray,
    labels: Iterable[int],
    rate: float,
    weight: float,
    options: Options,
    record: Record,
) -> None:
    targets = targets_of(tree, labels)
    visits = {0: 0.0}  # node: its path
    positive = {0}
    for level, wanted, lr in zip(tree, targets, options.lr, strict=True):
        paths: dict[int, float] = {}
        for at, path in visits.items():
            node = level[at]
            z = node.scores(x)
            likely = path + log_likelihood(options.loss, z)
            paths |= dict(zip(node.children, likely.tolist(), strict=True))
            is_target = np.array([child in wanted for child in node.children])
            delta, loss = gradients(options.loss, z, is_target)
            record.loss += weight * loss
            delta *= 1 if at in positive else options.negative_scale
            record.note(abs(abs(delta) - options.thin))
            delta[abs(delta) < options.thin] = 0
            own = rate_of_copies(options.loss, rate * lr, weight)
            step(node, x, delta, own, rate, weight, options)
        record.note([abs(path - options.least_path) for path in paths.values()])
        others = {
            child: path
            for child, path in paths.items()
            if child not in wanted and path >= options.least_path
        }
        # A node that none of the visited has above it was not scored on the way.
        chosen = [*wanted, *best(others, options.n_negatives, record)]
        visits, positive = {child: paths.get(child, 0.0) for child in chosen}, wanted


def train(
    tree: Tree,
    X: np.ndarray,
    labels: Sequence[Iterable[int]],
    order: Iterable[int],
    rates: Iterable[float],
    weights: Iterable[float],
    options: Options,
) -> Record:
    """Train in the order given, one example after the other."""
    record = Record()
    for i, rate, weight in zip(order, rates, weights, strict=True):
        learn(tree, X[i], labels[i], float(rate), float(weight), options, record)
    return record


# -- packing and prediction ---------------------------------------------------------------------


def packed(tree: Tree, least: float) -> Tree:
    """Weights below `least` are 0, and the others bfloat16."""

    def rounded(weights: np.ndarray) -> np.ndarray:
        kept = np.where(abs(weights) >= np.float32(least), weights, 0)
        return widened(nearest_bfloat16(kept.astype(np.float32))).astype(float)

    return [[replace(node, weights=rounded(node.weights)) for node in level] for level in tree]


class Member(NamedTuple):
    """Of an average."""

    tree: Tree
    labels: np.ndarray  # at each place


def search(
    member: Member, x: np.ndarray, loss: str, beam: int, path_weight: float, record: Record
) -> dict[int, float]:
    """The likelihood of each label below the nodes that a beam opens."""
    visits = {0: 0.0}
    for level in member.tree:
        weight = path_weight if level is member.tree[-1] else 1.0
        paths: dict[int, float] = {}
        for at, path in visits.items():
            likely = weight * path + log_likelihood(loss, level[at].scores(x))
            paths |= dict(zip(level[at].children, likely.tolist(), strict=True))
        if level is not member.tree[-1]:
            visits = {child: paths[child] for child in best(paths, beam, record)}
    return {
        int(member.labels[at]): max(float(np.exp(path)), SMALLEST) for at, path in paths.items()
    }


def likelihood(member: Member, x: np.ndarray, label: int, loss: str, path_weight: float) -> float:
    """Of one label, from itself up to the root."""
    child, total = int(np.flatnonzero(member.labels == label)[0]), 0.0
    for level in reversed(member.tree):
        at = next(at for at, node in enumerate(level) if child in node.children)
        own = log_likelihood(loss, level[at].scores(x))[child - level[at].first]
        total += own * (1 if level is member.tree[-1] else path_weight)
        child = at
    return max(float(np.exp(total)), SMALLEST)


def predict(
    members: Sequence[Member], x: np.ndarray, loss: str, k: int, beam: int, path_weight: float
) -> tuple[list[int], list[float], Record]:
    """The k likeliest labels by the average, -1 and -inf behind the last, and how clear it was."""
    record = Record()
    sums: dict[int, float] = {}
    for member in members:
        for label, likely in search(member, x, loss, beam, path_weight, record).items():
            sums[label] = sums.get(label, 0.0) + likely / len(members)
    ranked = sorted(sums, key=lambda label: (-sums[label], label))
    scores = np.array([sums[label] for label in ranked])
    record.note((-np.diff(scores) / scores[:-1])[:k])
    n_missing = max(0, k - len(ranked))
    return (
        [*ranked[:k], *[-1] * n_missing],
        [*scores[:k].tolist(), *[-np.inf] * n_missing],
        record,
    )
