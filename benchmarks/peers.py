"""Libraries for nearest neighbours on the rows of a layer, the bias as one more coordinate. Each is
built once; `settings` are points of its curve, from fast to thorough.

Inner products are searched as told, and reduced to distances: the mean row, which changes the order
of no query's scores, is taken away, and another coordinate gives all rows one norm (Bachrach et
al., RecSys 2014). Graphs of trained rows, which share a large mean, find nothing without that.
"""

from __future__ import annotations

import importlib
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from xc_rows import Case, K

Vectors = NDArray[np.float32]
DEGREE, EF_CONSTRUCTION = 16, 128  # of every graph: links of a node, and candidates for them
SEARCHED = (16, 64, 256, 1024)  # candidates of a query in a graph


class Peer(ABC):
    module: ClassVar[str]
    can_update: ClassVar[bool] = True  # rows that change, without building it anew
    settings: ClassVar[list[dict[str, int]]]
    share: float | None = None  # of the rows: compared with each query of the last search

    def __init__(self, case: Case, threads: int, *, reduced: bool = False) -> None:
        self.case, self.threads, self.reduced = case, threads, reduced
        self.library = importlib.import_module(self.module)
        vectors = np.column_stack([case.rows, case.bias])
        if reduced:
            self.mean = vectors.mean(axis=0)
            self.square = np.square(vectors - self.mean).sum(axis=1).max()
            vectors = self.reduce(vectors)
        self.build(vectors)

    def reduce(self, vectors: Vectors) -> Vectors:
        vectors = vectors - self.mean
        left = np.maximum(self.square - np.square(vectors).sum(axis=1), 0)
        return np.column_stack([vectors, np.sqrt(left)])

    def prepare(self, queries: Vectors) -> Vectors:
        """Queries as `search` takes them: not part of its time."""
        n, last = len(queries), np.array([1, 0] if self.reduced else [1], np.float32)
        return np.column_stack([queries, np.broadcast_to(last, (n, len(last)))])

    def search(self, vectors: Vectors) -> NDArray[Any]:
        return np.atleast_2d(self.find(vectors))

    def update(self) -> None:
        """Take over the rows that change, if `can_update`."""
        vectors = np.column_stack([self.case.new_rows, self.case.bias[self.case.changed]])
        self.replace(self.case.changed, self.reduce(vectors) if self.reduced else vectors)

    @abstractmethod
    def build(self, vectors: Vectors) -> None: ...

    @abstractmethod
    def set(self, setting: dict[str, int]) -> None: ...

    @abstractmethod
    def find(self, vectors: Vectors) -> NDArray[Any]: ...

    @abstractmethod
    def replace(self, ids: NDArray[np.int32], vectors: Vectors) -> None: ...


class Usearch(Peer):
    module = "usearch.index"
    settings: ClassVar = [{"expansion_search": n} for n in SEARCHED]

    def build(self, vectors: Vectors) -> None:
        self.index = self.library.Index(
            ndim=vectors.shape[1], metric="l2sq" if self.reduced else "ip", dtype="f32",
            connectivity=DEGREE, expansion_add=EF_CONSTRUCTION,
        )  # fmt: skip
        self.index.add(np.arange(len(vectors), dtype=np.uint64), vectors, threads=self.threads)

    def set(self, setting: dict[str, int]) -> None:
        self.index.expansion_search = setting["expansion_search"]

    def find(self, vectors: Vectors) -> NDArray[Any]:
        found = self.index.search(vectors, K, threads=1)
        self.share = found.computed_distances / len(vectors) / len(self.case.rows)
        return found.keys

    def replace(self, ids: NDArray[np.int32], vectors: Vectors) -> None:
        keys = ids.astype(np.uint64)
        self.index.remove(keys, threads=1)
        self.index.add(keys, vectors, threads=1)


class Hnswlib(Peer):
    module = "hnswlib"
    settings: ClassVar = [{"ef": n} for n in SEARCHED]

    def build(self, vectors: Vectors) -> None:
        self.index = self.library.Index("l2" if self.reduced else "ip", vectors.shape[1])
        self.index.init_index(len(vectors), M=DEGREE, ef_construction=EF_CONSTRUCTION)
        self.index.add_items(vectors, np.arange(len(vectors)), num_threads=self.threads)

    def set(self, setting: dict[str, int]) -> None:
        self.index.set_ef(setting["ef"])

    def find(self, vectors: Vectors) -> NDArray[Any]:
        return self.index.knn_query(vectors, K, num_threads=1)[0]

    def replace(self, ids: NDArray[np.int32], vectors: Vectors) -> None:
        self.index.add_items(vectors, ids, num_threads=1)  # a label it has: updated in place


class Faiss(Peer):
    """One of faiss' indexes; what it counts, it counts of the whole library."""

    module = "faiss"

    def build(self, vectors: Vectors) -> None:
        self.library.omp_set_num_threads(self.threads)
        self.fill(vectors)
        self.library.omp_set_num_threads(1)

    @abstractmethod
    def fill(self, vectors: Vectors) -> None: ...

    @property
    def metric(self) -> int:
        return self.library.METRIC_L2 if self.reduced else self.library.METRIC_INNER_PRODUCT

    def find(self, vectors: Vectors) -> NDArray[Any]:
        return self.index.search(vectors, K)[1]


class FaissFlat(Faiss):
    settings: ClassVar = [{}]
    share = 1.0

    def fill(self, vectors: Vectors) -> None:
        self.index = self.library.IndexFlatIP(vectors.shape[1])
        self.index.add(vectors)

    def set(self, setting: dict[str, int]) -> None:
        pass

    def replace(self, ids: NDArray[np.int32], vectors: Vectors) -> None:
        held = self.library.rev_swig_ptr(self.index.get_xb(), self.index.ntotal * self.index.d)
        held.reshape(-1, self.index.d)[ids] = vectors


class FaissIVF(Faiss):
    settings: ClassVar = [{"nprobe": n} for n in (1, 2, 4, 8, 16, 32, 64)]

    def fill(self, vectors: Vectors) -> None:
        n_cells = round(4 * np.sqrt(len(vectors)))  # as its guidelines say
        width = vectors.shape[1]
        self.cells = self.library.IndexFlat(width, self.metric)
        self.index = self.library.IndexIVFFlat(self.cells, width, n_cells, self.metric)
        self.index.train(vectors)
        self.index.add(vectors)

    def set(self, setting: dict[str, int]) -> None:
        self.index.nprobe = setting["nprobe"]

    def find(self, vectors: Vectors) -> NDArray[Any]:
        stats = self.library.cvar.indexIVF_stats
        stats.reset()
        found = super().find(vectors)
        self.share = stats.ndis / len(vectors) / len(self.case.rows)
        return found

    def replace(self, ids: NDArray[np.int32], vectors: Vectors) -> None:
        self.index.remove_ids(ids.astype(np.int64))
        self.index.add_with_ids(vectors, ids.astype(np.int64))


class FaissHNSW(Faiss):
    can_update = False
    settings: ClassVar = [{"efSearch": n} for n in SEARCHED]

    def fill(self, vectors: Vectors) -> None:
        self.index = self.library.IndexHNSWFlat(vectors.shape[1], DEGREE, self.metric)
        self.index.hnsw.efConstruction = EF_CONSTRUCTION
        self.index.add(vectors)

    def set(self, setting: dict[str, int]) -> None:
        self.index.hnsw.efSearch = setting["efSearch"]

    def find(self, vectors: Vectors) -> NDArray[Any]:
        stats = self.library.cvar.hnsw_stats
        stats.reset()
        found = super().find(vectors)
        self.share = stats.ndis / len(vectors) / len(self.case.rows)
        return found

    def replace(self, ids: NDArray[np.int32], vectors: Vectors) -> None:
        raise TypeError("its graph keeps every row that it was built of")


PEERS: dict[str, type[Peer]] = {
    "usearch": Usearch,
    "hnswlib": Hnswlib,
    "faiss flat": FaissFlat,
    "faiss IVF": FaissIVF,
    "faiss HNSW": FaissHNSW,
}


def installed() -> Iterator[tuple[str, Callable[[Case, int], Peer]]]:
    """Peers that can be imported; a line on stderr for each other."""
    for name, peer in PEERS.items():
        try:
            importlib.import_module(peer.module)
        except ImportError as error:
            print(f"{name} is left out: {error}", file=sys.stderr)
            continue
        yield name, peer
        if peer is not FaissFlat:
            yield f"{name} L2", partial(peer, reduced=True)
