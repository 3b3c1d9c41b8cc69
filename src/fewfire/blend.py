"""A tagger and a network that answer together: words of the one, meaning of the other."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.special import expit

from .base.checks import check_number
from .base.files import Arrays
from .base.ledger import Ledger
from .data import Dataset, Encoding
from .measure.result import TopKResult
from .model.contract import Answers, Model
from .model.learned import Learned
from .network.network import Network
from .tagger.tagger import Tagger

_CANDIDATES = 50  # of each, among which the best are found; more if more are asked for
_PARTS = ("tagger.", "network.")


class Blend(Model):
    """The weighted mean of a tagger's and a network's probabilities.

    Parameters
    ----------
    tagger : Tagger
    network : Network
        Both trained on the same labels and features.
    weight : float
        Of the network, 0 to 1; the rest is the tagger's.

    Raises
    ------
    ValueError
        If they were not.
    TypeError
        If they are other models.

    Examples
    --------
    >>> from fewfire import EmbeddingBag, Linear, Trainer
    >>> X, y = csr_array(np.eye(4, dtype=np.float32)[[0, 1, 2, 3] * 10]), [2, 0, 1, 3] * 10
    >>> tagger = Tagger("fast", n_jobs=1).fit(X, y)
    >>> network = Network(EmbeddingBag(4, 8), Linear(8, 4), random_state=0)
    >>> _ = Trainer(network, n_jobs=1).fit(X, y)
    >>> Blend(tagger, network, weight=0.2).predict_topk(X[:3], k=1).indices.ravel()
    array([2, 0, 1], dtype=int32)
    """

    ways = Tagger.ways

    def __init__(self, tagger: Tagger, network: Network, *, weight: float = 0.1) -> None:
        self.weight = check_number("weight", weight, low=0.0, high=1.0)
        if not isinstance(tagger, Tagger) or not isinstance(network, Network):
            raise TypeError(
                f"a blend is of a Tagger and a Network, got {type(tagger).__name__} and "
                f"{type(network).__name__}"
            )
        if network.loss not in ("softmax", "decoupled", "logistic"):
            raise ValueError("a blend needs a network that was trained on labels")
        self.tagger, self.network = tagger, network
        self._agreed: tuple[Encoding | None, Encoding | None] = None, None  # were compared last
        self._check_alike(tagger.trained.learned.encoding)

    @property
    def learned(self) -> Learned:
        """What training learned of its data, the same of both."""
        of_tagger, of_network = self.tagger.learned, self.network.learned
        encoding = of_tagger.encoding
        has_names = encoding is not None and encoding.feature_names is not None
        return of_tagger if has_names else replace(of_tagger, encoding=of_network.encoding)

    @property
    def n_features(self) -> int:
        """Features of an example."""
        return self.tagger.n_features

    @property
    def n_outputs(self) -> int:
        """Labels, also those that training never saw."""
        return self.tagger.n_outputs

    @property
    def n_opened(self) -> int:
        """Leaves that the tagger opens for an example."""
        return self.tagger.n_opened

    def _now(self) -> Self:
        """Return a blend whose tagger stays what it is now; raise if its parts were trained again,
        on different data."""
        now = object.__new__(type(self))
        vars(now).update(vars(self), tagger=self.tagger._now())
        self._check_alike(now.tagger.trained.learned.encoding)
        return now

    def _check_alike(self, of_tagger: Encoding | None) -> None:
        """Raise unless the labels and features of both parts mean the same."""
        both = of_tagger, self.network.encoding
        if all(map(operator.is_, both, self._agreed)):
            return
        if both[0] is None or both[1] is None or not both[0].agrees(both[1]):
            raise ValueError(
                "the tagger and the network were trained on different labels or features: train "
                "both on the same data"
            )
        self._agreed = both

    def _at_rest(self) -> AbstractContextManager[Any]:
        return self.network._at_rest()

    def _state(self) -> tuple[dict[str, Any], Arrays]:
        return joined(self.weight, self.tagger._state(), self.network._state())

    def __repr__(self) -> str:
        return f"Blend({self.tagger!r}, {self.network!r})"

    def _find(
        self, data: Dataset, k: int, *, exact: bool, n_threads: int
    ) -> tuple[TopKResult, Ledger]:
        """Return the `k` best of the labels that the tagger or the network finds, and the work of
        both; the tagger's is the first layer of the ledger."""
        found, work = self._candidates(data, k, exact, n_threads)
        scores, again = self._score(data, found, n_threads=n_threads)
        return best_of(scores, k), work + again

    def _score(
        self, data: Dataset, wanted: csr_array, *, n_threads: int
    ) -> tuple[csr_array, Ledger]:
        """Return the weighted mean probability of the stored places of `wanted`, and the work."""
        likely, by_tagger = self.tagger._score(data, wanted, n_threads=n_threads)
        scores, by_network = self.network._score(data, wanted, n_threads=n_threads)
        share = np.float32(self.weight)
        mean = (1 - share) * np.maximum(likely.data, 0) + share * self._probabilities(scores)
        means = csr_array((mean, wanted.indices, wanted.indptr), shape=wanted.shape)
        return means, Ledger.beside(by_tagger, by_network.without_dense())

    def _answer(self, data: Dataset, k: int, *, exact: bool, n_threads: int) -> Answers:
        top, work = self._find(data, k, exact=exact, n_threads=n_threads)
        of_network = Ledger.empty(len(self.network.layers))  # its work has that already
        dense = Ledger.beside(self.tagger.forest.dense(data, n_threads), of_network)
        return Answers.counted(top, work + dense)

    def _n_scored(self, data: Dataset, k: int, *, n_threads: int) -> float:
        """Return how many labels the tagger or the network finds, on average: both score them."""
        found, _ = self._candidates(data, k, False, n_threads)
        return found.nnz / len(data)

    def _threads(self, n_jobs: int | None) -> int:
        return self.tagger._threads(n_jobs)

    def _candidates(
        self, data: Dataset, k: int, exact: bool, n_threads: int
    ) -> tuple[csr_array, Ledger]:
        """Return the labels that the tagger or the network finds, and the work of finding them."""
        width = min(max(_CANDIDATES, 2 * k), self.n_outputs)
        of_tagger, by_tagger = self.tagger._find(data, width, exact=exact, n_threads=n_threads)
        of_network, by_network = self.network._find(data, width, exact=exact, n_threads=n_threads)
        found = np.hstack([of_tagger.indices, of_network.indices])
        return found_labels(found, self.n_outputs), Ledger.beside(by_tagger, by_network)

    def _probabilities(self, scores: csr_array) -> NDArray[np.float32]:
        if self.network.loss == "logistic":
            return np.asarray(expit(scores.data), np.float32)
        n_own = np.diff(scores.indptr)
        starts = scores.indptr[:-1][n_own > 0]
        n_some = n_own[n_own > 0]
        best = np.repeat(np.maximum.reduceat(scores.data, starts), n_some)
        with np.errstate(over="ignore"):  # what is that far behind counts nothing
            raised = np.exp(scores.data - best)
        return np.asarray(raised / np.repeat(np.add.reduceat(raised, starts), n_some), np.float32)


def found_labels(found: NDArray[np.int32], n_labels: int) -> csr_array:
    """Return the labels of each row, -1 and repetitions left out, as CSR of ones (n, n_labels)."""
    rows, _ = np.nonzero(found >= 0)
    ids = found[found >= 0]
    csr = csr_array((np.ones(len(ids), np.float32), (rows, ids)), shape=(len(found), n_labels))
    csr.sum_duplicates()
    return csr


def best_of(scores: csr_array, k: int) -> TopKResult:
    """Return the `k` best stored places of each row, best first, ties to the lower label.

    >>> best_of(csr_array([[0.0, 0.5, 0.9], [0.0, 0.0, 0.1]]), 2).indices
    array([[ 2,  1],
           [ 2, -1]], dtype=int32)
    """
    rows = np.repeat(np.arange(scores.shape[0]), np.diff(scores.indptr))
    order = np.lexsort((scores.indices, -scores.data, rows))
    rank = np.arange(scores.nnz) - scores.indptr[rows]
    top = TopKResult(
        np.full((scores.shape[0], k), -1, np.int32),
        np.full((scores.shape[0], k), -np.inf, np.float32),
    )
    kept = order[rank < k]
    places = rows[rank < k], rank[rank < k]
    top.indices[places], top.scores[places] = scores.indices[kept], scores.data[kept]
    return top


def joined(weight: float, *states: tuple[dict[str, Any], Arrays]) -> tuple[dict[str, Any], Arrays]:
    """Return what a file holds of the tagger and the network that have these states."""
    arrays: Arrays = {
        prefix + name: array
        for prefix, (_, own) in zip(_PARTS, states, strict=True)
        for name, array in own.items()
    }
    return {"blend": {"weight": weight, "parts": [config for config, _ in states]}}, arrays


def part(arrays: Mapping[str, NDArray[Any]], number: int) -> Arrays:
    """Return the arrays of the tagger (0) or the network (1) of a file."""
    prefix = _PARTS[number]
    return {
        name.removeprefix(prefix): array
        for name, array in arrays.items()
        if name.startswith(prefix)
    }
