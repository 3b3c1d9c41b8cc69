"""A checkpoint whose training state does not fit together is refused before anything is trained."""

import numpy as np
import pytest

import fewfire as ff
from fewfire.base.files import read_model, write_model
from tags import tagged

LABELS = tagged(60)
CLASSES = ff.Dataset(np.eye(6, dtype=np.float32), [0, 1, 2, 0, 1, 2])


def fit_net(max_epochs, **how):
    """Train a network; `how` is split as the trainer has it."""
    resume = how.pop("resume", None)
    trainer = ff.Trainer(ff.Network(ff.Linear(6, 3)), batch_size=2, max_epochs=max_epochs, **how)
    trainer.fit(CLASSES, resume=resume)


def fit_tagger(max_epochs, **how):
    ff.Tagger(labels_per_leaf=5, max_epochs=max_epochs).fit(LABELS, **how)


def with_ledger(change):
    def changed(training):
        return {**training, "ledger": change(np.array(training["ledger"])).tolist()}

    return changed


DAMAGE = {
    "more layers": with_ledger(lambda counts: np.vstack([counts, counts])),
    "no layer": with_ledger(lambda counts: counts[:0]),
    "negative counts": with_ledger(lambda counts: counts - 10**15),
    "counts beyond numbers": with_ledger(lambda counts: counts.astype(object) + 2**70),
    "text for counts": with_ledger(lambda counts: np.array([["many"]])),
    "rows of other epochs": lambda training: {**training, "epoch": 7},
    "rows of no epoch": lambda training: {**training, "history": []},
    "a row that is a number": lambda training: {**training, "history": [1, 2]},
    "no rows": lambda training: {**training, "history": None},
    "a negative epoch": lambda training: {**training, "epoch": -1},
    "an epoch of text": lambda training: {**training, "epoch": "2"},
    "no examples": lambda training: {**training, "n_examples": None},
    "settings that are none": lambda training: {**training, "settings": 3},
    "callbacks that are none": lambda training: {**training, "callbacks": 3},
    "no state": lambda training: [training],
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("fit", [fit_net, fit_tagger])
def test_damaged_training_state_is_refused(tmp_path, fit, damage):
    path = tmp_path / "c"
    fit(2, callbacks=[ff.callbacks.Checkpoint(path)])
    config, arrays = read_model(path)
    config["training"] = DAMAGE[damage](config["training"])
    write_model(path, {k: v for k, v in config.items() if k != "version"}, arrays)
    with pytest.raises(ff.errors.FormatError, match=f"{path}: .*damaged"):
        fit(4, resume=path)
