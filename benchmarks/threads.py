"""Two threads against one on MNIST: two trainings of the same net take turns, an epoch each, so
that a busy hour slows both. A line per seed: the ratio of the seconds of each pair of epochs
(median, least, most; the first pair is not counted), and the accuracies that the two nets reach on
the 5,000 validation images.
"""

from __future__ import annotations

import argparse
import statistics
import threading
from itertools import cycle

import common
import fewfire as ff
from report import report, widths


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


class OneEpochEach(ff.callbacks.Callback):
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


def run(digits: common.Digits, options: argparse.Namespace, seed: int) -> None:
    train, validation, _ = digits
    gate = ff.Hashed(density=options.density)
    nets = [common.build(train, options.hidden, gate, seed) for _ in options.threads]
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

    seconds = [common.warm_seconds(histories[place]) for place in range(len(nets))]
    ratios = [one / many for one, many in zip(*seconds, strict=True)]
    reached = [common.measure(net, validation, "validation") for net in nets]
    report(
        "threads",
        **common.settings(gate, options, seed),
        compared=options.threads,
        speedup=round(statistics.median(ratios), 3),
        speedup_least=round(min(ratios), 3),
        speedup_most=round(max(ratios), 3),
        ms_per_example=[round(1000 * statistics.median(s) / len(train), 4) for s in seconds],
        **{name: [figures[name] for figures in reached] for name in reached[0]},
        threads=max(options.threads),
    )


def main() -> None:
    parser = common.make_parser(__doc__, hidden=[1000, 1000, 1000])
    parser.add_argument("--threads", type=widths, default=[1, 2], help="the two numbers compared")
    options = parser.parse_args()
    if len(options.threads) != 2:
        parser.error("--threads wants two numbers, like 1,2")
    digits = common.load(options.folder)
    for seed in range(options.seeds):
        run(digits, options, seed)


if __name__ == "__main__":
    main()
