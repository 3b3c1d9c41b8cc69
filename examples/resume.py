"""A long training that is interrupted and goes on: the same bits as if it had not stopped."""

import tempfile
from pathlib import Path

import numpy as np

import fewfire as ff
from fewfire.callbacks import Callback, Checkpoint, CSVLogger, EarlyStopping

train, test = ff.datasets.packages()
path = Path(tempfile.mkdtemp())


class Interrupt(Callback):
    """As if somebody pressed Ctrl-C after the third epoch."""

    def on_epoch_end(self, run, record):
        return run.epoch == 3


def fit(*callbacks, **how):
    watching = [EarlyStopping("val/P@1", patience=3), *callbacks]
    tagger = ff.Tagger("fast", n_jobs=1, max_epochs=6)
    return tagger.fit(train, eval_sets={"val": test}, callbacks=watching, **how)


whole = fit()
stopped = fit(Checkpoint(path / "checkpoint"), Interrupt())
print(f"stopped after {len(stopped.history_)} epochs")
resumed = fit(CSVLogger(path / "run.csv"), resume=path / "checkpoint")
print(f"went on to {len(resumed.history_)}")
same = np.array_equal(whole.predict_topk(test, 5).scores, resumed.predict_topk(test, 5).scores)
print(f"the same bits: {same}")
print((path / "run.csv").read_text().splitlines()[-1])
