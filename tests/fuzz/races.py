"""A training in one thread, and two that ask the model everything until it is over.

Nothing may crash or raise, and every answer must be one: rows that there are, scores that are
numbers. Networks are refreshed every few steps, so that questions meet a refresh as often as not.

    python -m tests.fuzz.races --minutes 10 --family simhash
"""

import argparse
import contextlib
import itertools
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import csr_array

import fewfire as ff
from fewfire.gates import Centroid, Dwta, MinHash, Retrieve, Sign, SimHash, TopK
from fewfire.optim import RMS

N_INPUTS, N_CLASSES, N_LABELS, N_READERS = 40, 12, 300, 2
N_MORE = 60  # labels that a tagger learns, and forgets
STILL = RMS(lr=1e-30)  # weights stay, all else moves


class Course(NamedTuple):
    """A model, what it is asked, and its training, that goes on until `enough` says so."""

    model: Any
    data: ff.Dataset
    train: Callable[[Callable[[], bool]], None]


class Enough(ff.callbacks.Callback):
    def __init__(self, enough: Callable[[], bool]) -> None:
        self.enough = enough

    def on_epoch_end(self, run: Any, record: Any) -> bool:
        return self.enough()


def texts(n_labels: int = N_LABELS) -> ff.Dataset:
    n, rng = 64, np.random.default_rng(0)
    X = rng.random((n, N_INPUTS), np.float32) * (rng.random((n, N_INPUTS)) < 0.3)
    Y = np.zeros((n, n_labels), np.float32)
    np.put_along_axis(Y, rng.integers(0, n_labels, (n, 3)), 1, axis=1)
    return ff.Dataset(csr_array(X.astype(np.float32)), csr_array(Y))


def network(*layers: Any, optimizer: Any = None, n_jobs: int = 2) -> Course:
    net, data = ff.Network(*layers), texts(layers[-1].out_features)
    net.count_labels(data)
    net.loss = "logistic"

    def train(enough: Callable[[], bool]) -> None:
        while not enough():
            ff.Trainer(
                net, loss="logistic", optimizer=optimizer, batch_size=2, max_epochs=200,
                n_jobs=n_jobs, tune=False, callbacks=[Enough(enough)],
            ).fit(data)  # fmt: skip

    return Course(net, data, train)


def hidden(gate: Any, **how: Any) -> Course:
    layers = ff.Linear(N_INPUTS, 96, "relu", gate), ff.Linear(96, 64, "relu", gate)
    return network(*layers, ff.Linear(64, N_CLASSES), **how)


def hashed(family: Any, **how: Any) -> Course:
    return hidden(ff.Hashed(density=0.2, family=family), **how)


def output(family: Any) -> Course:
    gate = Retrieve(candidates=60, family=family, negatives=40)
    return network(ff.EmbeddingBag(N_INPUTS, 16), ff.Linear(16, N_LABELS, gate=gate))


def tagger(n_more: int = N_MORE) -> Course:
    data, more = texts(), texts(N_LABELS + n_more)
    model = ff.Tagger("fast", labels_per_leaf=20, max_epochs=2, n_jobs=2).fit(data)

    def train(enough: Callable[[], bool]) -> None:
        go_on = model.partial_fit
        for again, own in itertools.cycle([(model.fit, data), (go_on, data), (go_on, more)]):
            if enough():
                break
            again(own, eval_sets={"val": own})

    return Course(model, data, train)


def blend() -> Course:
    both = tagger(n_more=0), output(Centroid(n_cells=8, refresh="rolling", refresh_every=16))

    def once() -> Callable[[], bool]:
        return itertools.chain([False], itertools.repeat(True)).__next__

    def train(enough: Callable[[], bool]) -> None:
        while not enough():
            for course in both:
                course.train(once())

    both[1].train(once())
    return Course(ff.Blend(both[0].model, both[1].model), both[0].data, train)


OFTEN = {"refresh_every": 3}
SIMHASH: dict[str, Any] = {"n_bits": 4, "n_tables": 6}
FAMILIES: dict[str, list[Callable[[], Course]]] = {
    "sign": [lambda: hashed(Sign()), lambda: output(Sign(binary=True))],
    "simhash": [
        lambda: hashed(SimHash(**SIMHASH, **OFTEN, center=True, redraw_every=7)),
        lambda: hashed(SimHash(**SIMHASH, **OFTEN, rank="hamming", refresh="drift", drift=0.01)),
        lambda: output(SimHash(**SIMHASH, **OFTEN, probes=2, refresh="touched")),
    ],
    "dwta": [
        lambda: hashed(Dwta(n_hashes=1, n_tables=6, **OFTEN)),
        lambda: output(Dwta(n_hashes=1, n_tables=6, **OFTEN, refresh="touched")),
    ],
    "minhash": [
        lambda: hashed(MinHash(n_bits=5, n_tables=6, **OFTEN, rank="union")),
        lambda: output(MinHash(n_bits=5, n_tables=6, refresh="rolling", refresh_every=16)),
    ],
    "centroid": [
        lambda: hashed(Centroid(n_cells=8, **OFTEN, refresh="touched", refresh_growth=1.0)),
        lambda: hashed(Centroid(n_cells=8, **OFTEN, refresh="full", refresh_growth=1.0)),
        lambda: output(Centroid(n_cells=12, refresh="rolling", refresh_every=16)),
        lambda: output(Centroid(n_cells=260, **OFTEN, refresh="touched", refresh_growth=1.0)),
    ],
    "topk": [
        lambda: hidden(TopK(density=0.2)),
        lambda: hidden(ff.Hashed(density=0.2, soft=False, explore=0.2)),
    ],
    "tagger": [tagger],
    "blend": [blend],
}


def check_top(model: Any, top: ff.results.TopKResult) -> None:
    found = top.indices >= 0
    assert (top.indices >= -1).all()
    n_more = N_MORE if isinstance(model, ff.Tagger) else 0  # it may have had
    assert (top.indices < model.n_outputs + n_more).all()
    assert np.isfinite(top.scores[found]).all()
    assert found[:, 0].all()


def check_figures(values: Any) -> None:
    assert np.isfinite(list(values)).all(), values


def check_numbers(scores: Any) -> None:
    assert not np.isnan(scores).any()
    assert (scores < np.inf).all()


def scores_of_some(model: Any, data: ff.Dataset) -> Any:
    """Ask for scores until a model has as many labels as one thought."""
    while True:
        wanted = csr_array(np.eye(len(data), model.n_outputs, dtype=np.float32))
        try:
            return model.predict_scores(data, wanted).data
        except ValueError as error:
            if "candidates have the shape" not in str(error):
                raise


Question = tuple[str, Callable[[], Any]]


def questions(model: Any, data: ff.Dataset, folder: Path) -> Iterator[Question]:
    """What a model is asked: (name, question that checks its answer)."""
    for exact, n_jobs in itertools.product((False, True), (1, 2)):
        how = {"exact": exact, "n_jobs": n_jobs}
        yield "predict_topk", lambda how=how: check_top(model, model.predict_topk(data, 5, **how))
        yield "evaluate", lambda how=how: check_figures(model.evaluate(data, **how).values())
    yield "predict_scores", lambda: check_numbers(scores_of_some(model, data))
    yield "latency", lambda: check_figures([model.latency(data[:8]).p99])
    yield "save", lambda: model.save(folder / "model")
    yield "load", lambda: check_top(model, ff.load(folder / "model").predict_topk(data, 5))
    yield "state", model.state
    yield "repr", lambda: repr(model)
    if isinstance(model, ff.Tagger):
        yield "explain", lambda: model.explain(data[:2])
        yield "leaves", lambda: list(model.leaves())
    if isinstance(model, ff.Network):
        yield "decision_function", lambda: check_numbers(model.decision_function(data))
        yield "table_stats", lambda: [stats.to_dict() for stats in model.table_stats(data[:8])]
        yield "bare table_stats", model.table_stats
        yield "copy", lambda: check_top(model, model.copy().predict_topk(data, 5))
        yield "estimate_memory", lambda: ff.estimate_memory(model)


def changes(model: Any) -> Counter[str]:
    """Count, from now on, how often somebody is alone with the model to change it."""
    counts: Counter[str] = Counter()
    for part in (model.tagger, model.network) if isinstance(model, ff.Blend) else (model,):
        access, passage = part.access, part.access.changing

        def counted(passage: Callable[[], Any] = passage) -> Any:
            counts["changes"] += 1
            return passage()

        access.changing = counted
    return counts


def race(course: Course, rounds: int = 1) -> Counter[str]:
    """Train until two readers have asked everything so often; return what was done how often.

    Raises what a reader or the training raised.
    """
    counts = changes(course.model)
    errors: list[BaseException] = []
    running = threading.Semaphore(0)
    done = [threading.Event() for _ in range(N_READERS)]
    over = threading.Event()

    def read(own: threading.Event) -> None:
        answered: Counter[str] = Counter()
        try:
            with tempfile.TemporaryDirectory() as folder:
                running.acquire()
                for number in itertools.count(1):
                    for name, ask in questions(course.model, course.data, Path(folder)):
                        ask()
                        answered[name] += 1
                    if number >= rounds:
                        own.set()
                    if over.is_set():
                        break
        except BaseException as error:
            errors.append(error)
        finally:
            own.set()
            counts.update(answered)

    readers = [threading.Thread(target=read, args=[own]) for own in done]
    for reader in readers:
        reader.start()
    running.release(N_READERS)
    try:
        course.train(lambda: all(own.is_set() for own in done))
    finally:
        over.set()
        for reader in readers:
            reader.join()
    if errors:
        raise errors[0]
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=1.0, help="of each family")
    parser.add_argument("--family", choices=FAMILIES, help="all if left out")
    args = parser.parse_args()
    for family in [args.family] if args.family else FAMILIES:
        end, total = time.monotonic() + 60 * args.minutes, Counter[str]()
        for make in itertools.cycle(FAMILIES[family]):
            total += race(make(), rounds=5)
            if time.monotonic() > end:
                break
        asked = total.total() - total["changes"]
        print(f"{family}: {asked:,} questions beside {total['changes']:,} changes, all well")
        print(f"  {dict(total)}", flush=True)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
