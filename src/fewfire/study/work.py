"""One trial of a study, from its data to the figures of its line."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ..base.ledger import Ledger
from ..data import Dataset
from ..measure.energy import EnergyMeter
from ..model.callbacks import Callback, Record, Run
from ..network.network import Network
from ..training.trainer import Trainer
from .data import Parts, load
from .overlap import overlaps
from .threads import bandwidth
from .trials import Trial

N_LOOKED_AT = 1000  # examples whose latency is taken, and whose rows are counted
N_TRAIN_MEASURED = 10_000

Figures = dict[str, Any]


class _Work(Callback):
    """Multiplications at the end of each epoch, those of the training so far."""

    def __init__(self) -> None:
        self.multiplications: list[int] = []

    def on_epoch_end(self, run: Run, record: Record) -> bool:
        """Note them."""
        self.multiplications.append(run.history.ledger.total)
        return False


def run_trial(trial: Trial, folder: Path | None) -> Figures:
    """Train the trial's net; return what it reached, and what that cost.

    Raises
    ------
    KeyboardInterrupt
        If the training was interrupted: half a trial is not a result.
    """
    parts = _cut(load(trial.data, folder), trial)
    net = trial.network(parts.test.n_features, parts.test.n_labels)
    figures = _train(trial, net, parts)
    if trial.part == "choose":
        return figures
    gated = net.evaluate(parts.test, n_jobs=trial.n_threads)
    exact = net.evaluate(parts.test, exact=True, n_jobs=trial.n_threads)
    seen = parts.train[:N_TRAIN_MEASURED]
    return {
        **figures,
        "test_accuracy_gated": gated.accuracy,
        "test_accuracy_exact": exact.accuracy,
        "train_accuracy_gated": net.evaluate(seen, n_jobs=trial.n_threads).accuracy,
        "train_accuracy_exact": net.evaluate(seen, exact=True, n_jobs=trial.n_threads).accuracy,
        "testing": gated.ledger.to_dict(),
        "n_tested": len(parts.test),
        "rows_in_use": rows_in_use(net, parts.test),
        **(_alone(trial, net, parts) if trial.part == "threads" else {}),
    }


def _alone(trial: Trial, net: Network, parts: Parts) -> Figures:
    """Return what only a trial that has the machine for itself can measure."""
    figures: Figures = {
        "bandwidth_gb_s": bandwidth(trial.n_threads),
        "latency_us_gated": latency(net, parts.test, exact=False),
        "latency_us_exact": latency(net, parts.test, exact=True),
    }
    if trial.n_threads == 1:
        figures["overlap"] = overlaps(net, parts.train[:N_LOOKED_AT])
    return figures


def _cut(parts: Parts, trial: Trial) -> Parts:
    return Parts(
        parts.train if trial.n_train is None else parts.train[: trial.n_train],
        parts.validation[: trial.n_train],
        parts.test[: trial.n_test],
    )


def _train(trial: Trial, net: Network, parts: Parts) -> Figures:
    work, meter = _Work(), EnergyMeter()
    trainer = Trainer(
        net,
        optimizer=trial.optimizer,
        batch_size=trial.batch_size,
        max_epochs=trial.epochs,
        n_jobs=trial.n_threads,
        callbacks=[work],
        random_state=trial.seed,
    )
    with meter:
        history = trainer.fit(parts.train, eval_sets={"val": parts.validation})
    if history.interrupted:
        raise KeyboardInterrupt
    energy = meter.energy
    assert energy is not None
    return {
        "curve": [[row["val/accuracy"], row["seconds"]] for row in history],
        "curve_multiplications": work.multiplications,
        "validation_accuracy_gated": history[-1]["val/accuracy"],
        "density": history[-1]["density"],
        "seconds": sum(row["seconds"] for row in history),
        "cpu_seconds": energy.cpu_seconds,
        # Counters are the machine's: trials that run side by side would count each other's joules.
        **({"energy": asdict(energy)} if trial.part == "threads" else {}),
        "training": history.ledger.to_dict(),
        "conflicts_by_layer": [_conflicts(layer) for layer in history.ledger.layers],
        "n_examples": history.n_examples,
        "n_steps": -(-len(parts.train) // trial.batch_size) * trial.epochs,
        "n_parameters": net.n_parameters,
        "shape": [parts.test.n_features, *(len(layer.bias) for layer in net.layers)],
    }


def _conflicts(layer: Ledger) -> list[int]:
    return [layer.conflicts, layer.rows_updated]


def latency(net: Network, data: Dataset, *, exact: bool) -> list[float]:
    """Microseconds of single predictions on one thread: the median and the 99th percentile."""
    times = []
    for i in range(min(N_LOOKED_AT, len(data))):
        example = data[i : i + 1]
        start = time.perf_counter()
        net.predict_topk(example, 1, exact=exact)
        times.append(time.perf_counter() - start)
    return [round(float(np.percentile(times, q)) * 1e6, 2) for q in (50, 99)]


def rows_in_use(net: Network, data: Dataset) -> list[int]:
    """Rows of each hashed layer that any of some examples chose."""
    return [int((stats.usage > 0).sum()) for stats in net.table_stats(data[:N_LOOKED_AT])]
