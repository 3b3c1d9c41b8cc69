"""Small models of every kind, as files hold them, and what their training may go on with."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import csr_array, random_array

import fewfire as ff
from fewfire.base.files import read_model
from fewfire.gates import Centroid, Dwta, Hashed, MinHash, Retrieve, Sign, SimHash

GOLDEN = Path(__file__).parent.parent / "model" / "golden"
N_INPUTS, N_CLASSES, N_WORDS, N_LABELS = 8, 4, 30, 12
SOFT = {"density": 0.3, "soft": True, "differentiate": True}


class Base(NamedTuple):
    """A model's file, and its parts."""

    name: str
    content: bytes
    config: dict[str, Any]
    arrays: dict[str, Any]


def images(kind: str = "classes", names: list[str] | None = None) -> ff.Dataset:
    """Dense inputs, half of them 0."""
    rng = np.random.default_rng(1)
    X = np.maximum(rng.standard_normal((60, N_INPUTS), dtype=np.float32), 0)
    marks = X[:, :N_CLASSES]
    return ff.Dataset(X, marks if kind == "values" else marks.argmax(axis=1), label_names=names)


def texts(names: list[str] | None = None) -> ff.Dataset:
    """Sparse inputs with label lists."""
    rng = np.random.default_rng(2)
    X, y = (
        csr_array(random_array((80, width), density=0.15, rng=rng, dtype=np.float32))
        for width in (N_WORDS, N_LABELS)
    )
    return ff.Dataset(X, y, label_names=names)


def trained(data: ff.Dataset, *layers: Any, **options: Any) -> ff.Network:
    """A network after an epoch or two."""
    net = ff.Network(*layers, random_state=3)
    ff.Trainer(net, **{"max_epochs": 2, "batch_size": 4, "n_jobs": 1, **options}).fit(data)
    return net


def gated(*gates: Any) -> ff.Network:
    """A network with a hidden layer for each gate."""
    widths = [N_INPUTS, 16, 12][: len(gates) + 1]
    places = zip(pairwise(widths), gates, strict=True)
    hidden = [ff.Linear(n_in, n_out, "relu", gate) for (n_in, n_out), gate in places]
    return trained(images(), *hidden, ff.Linear(widths[-1], N_CLASSES))


def wide(data: ff.Dataset, family: Any, dtype: str = "float32", **options: Any) -> ff.Network:
    """An embedding bag below a last layer that retrieves."""
    last = Retrieve(6, family, negatives=4, head=2)
    bag = ff.EmbeddingBag(data.n_features, 6, dtype=dtype)
    return trained(data, bag, ff.Linear(6, data.n_labels, gate=last, dtype=dtype), **options)


def untrained_tagger(**options: Any) -> ff.Tagger:
    """A small tagger before training."""
    wanted = {"n_trees": 2, "pairs": 1, "labels_per_leaf": 4, "beam": 2, "max_epochs": 2}
    return ff.Tagger("fast", memory="1G", n_jobs=1, **{**wanted, **options})


def tagger(names: list[str] | None = None, **options: Any) -> ff.Tagger:
    """A tagger of the texts."""
    return untrained_tagger(**options).fit(texts(names))


def tagger_with_names() -> ff.Tagger:
    made = tagger([f"tag {label}" for label in range(N_LABELS)])
    made.set_feature_names([f"word {feature}" for feature in range(N_WORDS)])
    return made


def bagged() -> ff.Network:
    """A network before training."""
    return ff.Network(ff.EmbeddingBag(N_WORDS, 6), ff.Linear(6, N_LABELS), random_state=3)


MODELS: dict[str, Callable[[], ff.results.Model]] = {
    "untrained": lambda: ff.Network(ff.Linear(3, 5, "relu", Hashed(density=0.5)), ff.Linear(5, 2)),
    "dense": lambda: trained(
        images(names=["a", "b", "c", "d"]), ff.Linear(N_INPUTS, 6, "tanh"), ff.Linear(6, N_CLASSES)
    ),
    "values": lambda: trained(
        images("values"), ff.Linear(N_INPUTS, 6, "relu"), ff.Linear(6, N_CLASSES)
    ),
    "bfloat16": lambda: trained(
        images(), ff.Linear(N_INPUTS, 6, "relu", dtype="bfloat16"), ff.Linear(6, N_CLASSES)
    ),
    "chosen": lambda: gated(ff.gates.TopK(density=0.3), ff.gates.AdaptiveDropout()),
    "sign": lambda: gated(Hashed(**SOFT), Hashed(0.3, Sign(n_columns=9, binary=True))),
    "simhash": lambda: gated(
        Hashed(family=SimHash(n_bits=3, n_tables=4, center=True, redraw_every=20), **SOFT),
        Hashed(0.3, SimHash(n_bits=3, n_tables=4, projection="hadamard", mips="simple")),
    ),
    "published": lambda: gated(Hashed.kdd2017(0.3), Hashed.slide(0.3)),
    "winners": lambda: gated(
        Hashed(0.3, Dwta(n_hashes=1, n_tables=4)), Hashed(0.3, MinHash(n_bits=4, n_tables=4))
    ),
    "cells": lambda: gated(Hashed(family=Centroid(n_cells=3, probes=1), **SOFT)),
    "wide": lambda: wide(texts(), Centroid(n_cells=3, probes=1), dtype="bfloat16"),
    "wide tables": lambda: wide(texts(), SimHash(n_bits=2, n_tables=3), loss="logistic"),
    "tagger": tagger,
    "tagger with names": tagger_with_names,
    "logistic tagger": lambda: tagger(n_trees=1, pairs=0, loss="logistic", labels_per_leaf=40),
    "blend": lambda: ff.Blend(tagger(), wide(texts(), Centroid(n_cells=3)), weight=0.3),
}


@cache
def bases() -> list[Base]:
    """Return all of them: those above, and files of earlier versions."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [*_saved(Path(folder)), *sorted(GOLDEN.glob("*.safetensors"))]
        return [base_of(path) for path in paths if path.stem != "data"]


def base_of(path: Path) -> Base:
    """Read a model's file."""
    return Base(path.stem, path.read_bytes(), *read_model(path))


def _saved(folder: Path) -> Iterator[Path]:
    for name, make in MODELS.items():
        path = folder / f"{name}.safetensors"
        make().save(path)
        yield path
