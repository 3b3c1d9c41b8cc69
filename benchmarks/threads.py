"""Two threads against one on MNIST: two trainings of the same net take turns, an epoch each, so
that a busy hour slows both. A line per seed: the ratio of the seconds of each pair of epochs
(median, least, most; the first pair is not counted), and the accuracies that the two nets reach on
the 5,000 validation images.
"""

from __future__ import annotations

import argparse
import statistics
import threading
from itertools import cycle, pairwise
from pathlib import Path

import fewfire as ff
from report import report, widths

N_VALIDATION = 5000


class Turns:
    """Lets one of several trainings run at a time, in turn."""

    def __init__(self, n: int) -> None:
        self.order = cycle(range(n))
        self.now = next(self.order)
        self.changed = threading.Condition()

    def wait(self, mine: int) -> None:
        with self.changed:
            self.changed.wait_for(lambda: self.now == mine)

    def pass_on(self) -> None:
        with self.changed:
            self.now = next(self.order)
            self.changed.notify_all()


class OneEpochEach(ff.Callback):
    """Holds a training back until it is its turn, and passes the turn on after each epoch."""

    def __init__(self, turns: Turns, mine: int) -> None:
        self.turns = turns
        self.mine = mine

    def on_fit_start(self, run: ff.callbacks.Run) -> None:
        self.turns.wait(self.mine)

    def on_epoch_end(self, run: ff.callbacks.Run, record: ff.callbacks.Record) -> bool:
        self.turns.pass_on()
        if record["epoch"] < run.max_epochs:
            self.turns.wait(self.mine)
        return False


def run(options: argparse.Namespace, seed: int) -> None:
    train, _ = ff.datasets.mnist(options.folder)
    train, validation = train.split(N_VALIDATION)
    selector = ff.Hashed(density=options.density)
    layers = [
        ff.Linear(n_in, n_out, activation="relu", selector=selector)
        for n_in, n_out in pairwise([train.n_features, *options.hidden])
    ]
    output = ff.Linear(options.hidden[-1], train.n_labels)
    nets = [ff.Network(*layers, output, random_state=seed) for _ in options.threads]

    turns, histories = Turns(len(nets)), {}

    def fit(place: int) -> None:
        trainer = ff.Trainer(
            nets[place],
            max_epochs=options.epochs,
            n_jobs=options.threads[place],
            callbacks=[OneEpochEach(turns, place)],
            random_state=seed,
        )
        histories[place] = trainer.fit(train)

    workers = [threading.Thread(target=fit, args=(place,)) for place in range(len(nets))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    seconds = [[row["seconds"] for row in histories[place]][1:] for place in range(len(nets))]
    ratios = [one / many for one, many in zip(*seconds, strict=True)]
    gated, exact = (
        [net.evaluate(validation, exact=every_row).accuracy for net in nets]
        for every_row in (False, True)
    )
    report(
        "threads",
        hidden=options.hidden,
        density=options.density,
        seed=seed,
        compared=options.threads,
        speedup=round(statistics.median(ratios), 3),
        speedup_least=round(min(ratios), 3),
        speedup_most=round(max(ratios), 3),
        ms_per_example=[round(1000 * statistics.median(s) / len(train), 4) for s in seconds],
        validation_accuracy_gated=gated,
        validation_accuracy_exact=exact,
        threads=max(options.threads),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    option = parser.add_argument
    option("folder", type=Path, help="folder of MNIST's four idx files, plain or .gz")
    option("--hidden", type=widths, default=[1000, 1000, 1000])
    option("--density", type=float, default=0.05)
    option("--epochs", type=int, default=None, help="default: fitted to the net")
    option("--seeds", type=int, default=3, help="how many, from 0")
    option("--threads", type=widths, default=[1, 2], help="the two numbers compared")
    options = parser.parse_args()
    if len(options.threads) != 2:
        parser.error("--threads wants two numbers, like 1,2")
    for seed in range(options.seeds):
        run(options, seed)


if __name__ == "__main__":
    main()
