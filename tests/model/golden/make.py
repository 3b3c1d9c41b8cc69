"""Makes the files beside it: small models, what they were asked, and what they answered.

They are memories: later versions of the library must read them and answer the same, so they are not
made again. What is here is in the words of the version that wrote them (files of version 1), which
alone can run it.

A model is NAME.safetensors. NAME.npz holds its inputs, as `dense` or `sparse` (written as a dense
array, too), and `gated.indices`, `gated.scores`, `exact.indices`, `exact.scores`: the best labels
at the SIMD level v2, which every x86-64 machine has. `text.npz` also has the `texts` themselves.
`data.safetensors` is a converted data file, and data.npz what is in it. All but the checkpoint,
which has its seconds in it, come out the same each time at one version.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_array

import fewfire as ff
from fewfire import _core

HERE = Path(__file__).parent
N_INPUTS, N_CLASSES, N_ASKED = 12, 5, 16
N_LABELS, N_WORDS = 40, 2  # words of each label
SOFT: dict[str, Any] = {"density": 0.2, "rerank": 3.0, "soft": True, "differentiate": True}
HARD: dict[str, Any] = {"density": 0.2, "rerank": 2.0, "soft": False, "differentiate": False}


def images(kind: str = "classes") -> ff.Dataset:
    """Dense inputs, half of them 0."""
    rng = np.random.default_rng(1)
    X = np.maximum(rng.standard_normal((300, N_INPUTS), dtype=np.float32), 0)
    marks = X[:, :N_CLASSES] + X[:, N_CLASSES : 2 * N_CLASSES]
    return ff.Dataset(X, marks if kind == "values" else marks.argmax(axis=1))


def words(n_labels: int = N_LABELS, names: list[str] | None = None) -> ff.Dataset:
    """Sparse inputs with label lists: every label has words of its own."""
    rng = np.random.default_rng(2)
    X = np.zeros((300, N_LABELS * N_WORDS), np.float32)
    Y = np.zeros((300, n_labels), np.float32)
    for counts, labels in zip(X, Y, strict=True):
        own = rng.choice(n_labels, 2, replace=False)
        labels[own] = 1
        for label in own:
            counts[label * N_WORDS : (label + 1) * N_WORDS] = rng.uniform(0.5, 1.5, N_WORDS)
    return ff.Dataset(csr_array(X), csr_array(Y), label_names=names)


def trained(data: ff.Dataset, *layers: Any, **options: Any) -> ff.Network:
    net = ff.Network(*layers, random_state=3)
    given = {"optimizer": ff.Adam(lr=0.003), "schedule": ff.LinearDecay(), "batch_size": 1}
    trainer = ff.Trainer(net, **{**given, "max_epochs": 4, "n_jobs": 1, **options})
    trainer.fit(data)
    return net


def gated(*gates: Any) -> ff.Network:
    """A net with a hidden layer for each selector."""
    widths = [N_INPUTS, 32, 24][: len(gates) + 1]
    hidden = [
        ff.Linear(n_in, n_out, activation="relu", selector=selector)
        for n_in, n_out, selector in zip(widths, widths[1:], gates, strict=False)
    ]
    return trained(images(), *hidden, ff.Linear(widths[-1], N_CLASSES))


def sign() -> ff.Network:
    whole = ff.Hashed(family="sign", **SOFT, alpha=0.05)
    return gated(whole, ff.Hashed(family="sign", **HARD, alpha=0.1, n_columns=20, binary=True))


def simhash() -> ff.Network:
    tables: dict[str, Any] = {"family": "simhash", "n_bits": 4, "n_tables": 6}
    redrawn = ff.Hashed(**tables, **SOFT, mips="simple", center=True, redraw_every=100)
    return gated(redrawn, ff.Hashed(**tables, **HARD, projection="hadamard", rank="hamming"))


def paper() -> ff.Network:
    return gated(ff.Hashed.kdd2017(density=0.2), ff.Hashed.slide(density=0.2))


def dwta() -> ff.Network:
    return gated(ff.Hashed(family="dwta", **SOFT, n_hashes=2, n_tables=6))


def minhash() -> ff.Network:
    return gated(ff.Hashed(family="minhash", **SOFT, n_bits=6, n_tables=6, rank="sign", alpha=0.1))


def centroid() -> ff.Network:
    return gated(ff.Hashed(family="centroid", **SOFT, n_cells=4, probes=1))


def gates() -> ff.Network:
    """A checkpoint: a model with the state of its training."""
    layers = [
        ff.Linear(N_INPUTS, 16, "tanh"),
        ff.Linear(16, 16, "relu", ff.TopK(density=0.3, soft=True, differentiate=True)),
        ff.Linear(16, 12, "sigmoid", ff.AdaptiveDropout(alpha=1.0, beta=-0.5)),
        ff.Linear(12, 12, "relu", ff.Dropout(density=0.5)),
        ff.Linear(12, N_CLASSES, bias=False),
    ]
    kept = ff.Checkpoint(HERE / "gates.safetensors", every=1)
    return trained(images("values"), *layers, loss="squared", callbacks=[kept])


def wide(data: ff.Dataset | None = None, dtype: str = "bfloat16") -> ff.Network:
    """An embedding bag under a sampled last layer."""
    data = data or words()
    gate = ff.Hashed(
        density=0.2, family="centroid", rerank=1.0, soft=False, negatives=12, head=4, thin=0.001,
        n_cells=5, probes=1,
    )  # fmt: skip
    bag = ff.EmbeddingBag(data.n_features, 8, input_dropout=0.1, dropout=0.1, dtype=dtype)
    output = ff.Linear(8, data.n_labels, selector=gate, dtype=dtype)
    options = {"loss": "decoupled", "schedule": ff.OneCycle(), "batch_size": 8, "max_epochs": 10}
    return trained(data, bag, output, optimizer=ff.RMS(lr=0.01), **options)


def tagger() -> ff.Tagger:
    """Two trees, one of them with pairs, that went on with new labels."""
    names = [f"tag {label}" for label in range(N_LABELS)]
    made = ff.Tagger(
        "fast", memory="1G", n_trees=2, pairs=1, max_epochs=3, labels_per_cell=6, beam=2, prune=0.2,
        random_state=4, n_jobs=1,
    )  # fmt: skip
    made.fit(words(N_LABELS - 4, names[:-4])).partial_fit(words(N_LABELS, names))
    made.set_feature_names([f"word {feature}" for feature in range(made.n_features)])
    return made


def blend() -> ff.Blend:
    made = ff.Tagger("fast", memory="1G", labels_per_cell=10, beam=2, pairs=0, n_jobs=1)
    return ff.Blend(made.fit(words()), wide(dtype="float32"), weight=0.3)


TEXTS = [
    "A small cat sleeps\tcat,small",
    "the small dog, the dog sleeps\tdog,small",
    "a dog and a cat\tcat,dog",
    "Straße 7 ist gesperrt: the dog sleeps\tdog",
]


def text() -> ff.Network:
    data = with_file("\n".join(TEXTS), ".tsv", ff.datasets.load_text)
    layers = ff.EmbeddingBag(data.n_features, 6), ff.Linear(6, data.n_labels)
    return trained(data, *layers, loss="softmax", max_epochs=30)


def with_file(content: str, suffix: str, use: Callable[[Path], Any]) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"file{suffix}"
        path.write_text(content + "\n", encoding="utf-8")
        return use(path)


def make_data() -> None:
    content = "3 4 3\n0,2 1:0.5 3:-2\n1 0:1 2:0.25\n 3:7"
    names, path = ["cat", "dog", "ä"], HERE / "data.safetensors"
    with_file(content, ".txt", lambda text: ff.datasets.convert(text, path, label_names=names))
    X = np.array([[0, 0.5, 0, -2], [1, 0, 0.25, 0], [0, 0, 0, 7]], np.float32)
    y = np.array([[1, 0, 1], [0, 1, 0], [0, 0, 0]], np.int32)
    np.savez_compressed(HERE / "data.npz", X=X, y=y, label_names=names)


def asked(name: str, model: Any) -> dict[str, Any]:
    if name == "text":
        texts = [line.split("\t")[0] for line in TEXTS]
        return {"texts": texts, "sparse": model.encoding.text(texts).toarray()}
    if name in ("wide", "tagger", "blend"):
        return {"sparse": words().X[:N_ASKED].toarray()}
    return {"dense": images().X[:N_ASKED]}


def answers(model: Any, X: Any) -> dict[str, Any]:
    found = {}
    for name in ("gated", "exact"):
        top = model.predict_topk(X, min(5, model.n_outputs), exact=name == "exact", n_jobs=1)
        found |= {f"{name}.indices": top.indices, f"{name}.scores": top.scores}
    return found


MODELS: dict[str, Callable[[], Any]] = {
    make.__name__: make
    for make in (
        sign, simhash, paper, dwta, minhash, centroid, gates, wide, tagger, blend, text,
    )
}  # fmt: skip


def make_model(name: str) -> None:
    path, made = HERE / f"{name}.safetensors", MODELS[name]()
    if name != "gates":  # whose file training wrote
        made.save(path)
    inputs = asked(name, made)
    X = inputs["dense"] if "dense" in inputs else csr_array(inputs["sparse"])
    np.savez_compressed(HERE / f"{name}.npz", **inputs, **answers(made, X))


if __name__ == "__main__":
    _core.set_simd_level("v2")
    for name in sys.argv[1:] or [*MODELS, "data"]:
        make_data() if name == "data" else make_model(name)
