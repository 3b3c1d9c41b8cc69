"""A checkpoint whose training state does not fit together is refused before anything is trained."""

import numpy as np
import pytest

import fewfire as ff
from fewfire.base.files import read_model, write_model
from fewfire.callbacks import Checkpoint, EarlyStopping, GateMonitor
from fewfire.cli import commands
from resuming import Mean
from tags import tagged, write_xc

LABELS = tagged(60)
CLASSES = ff.Dataset(np.eye(6, dtype=np.float32), [0, 1, 2, 0, 1, 2])


def fit_net(max_epochs, callbacks=(), resume=None):
    """Train a network; it stays as it is where that is refused."""
    net = ff.Network(ff.Linear(6, 9, "relu", ff.Hashed(0.5)), ff.Linear(9, 3))
    how = {"batch_size": 2, "n_jobs": 1, "max_epochs": max_epochs, "callbacks": callbacks}
    before = [array.tobytes() for array in net.weights()]
    try:
        ff.Trainer(net, **how).fit(CLASSES, eval_sets={"val": CLASSES}, resume=resume)
    except ff.errors.FormatError:
        assert [array.tobytes() for array in net.weights()] == before
        assert (net.loss, net.encoding) == (None, None)
        raise


def fit_tagger(max_epochs, callbacks=(), resume=None):
    """Train a tagger; the trained one stays as it is where that is refused."""
    tagger = ff.Tagger("fast", labels_per_leaf=5, max_epochs=max_epochs, n_jobs=1)
    try:
        tagger.fit(LABELS, eval_sets={"val": LABELS}, callbacks=callbacks, resume=resume)
    except ff.errors.FormatError:
        assert not tagger.is_trained
        raise


def fit_blend(max_epochs, folder, *words):
    """Train a blend, as the command does."""
    if not (folder / "data.txt").exists():
        write_xc(folder / "data.txt", LABELS)
    wanted = f"train {folder}/data.txt --val {folder}/data.txt -o {folder}/o --blend --bag 8 -q"
    more = f"--preset fast --patience 5 --n-jobs 1 --max-epochs {max_epochs}"
    words = [*wanted.split(), *more.split(), *map(str, words)]
    commands.main(words, prog_name="fewfire", standalone_mode=False)


def damage(path, change):
    """Change the description and the arrays of a file, and write it again, checksum and all."""
    config, arrays = read_model(path)
    del config["version"]
    change(config, arrays)
    write_model(path, config, arrays)


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
    "no plan": lambda training: {
        **training,
        "settings": {**training["settings"], "max_epochs": "x"},
    },
    "no epochs in the plan": lambda training: {
        **training,
        "settings": {k: v for k, v in training["settings"].items() if k != "max_epochs"},
    },
    "no state": lambda training: [training],
}


@pytest.mark.parametrize("how", DAMAGE)
@pytest.mark.parametrize("fit", [fit_net, fit_tagger])
def test_damaged_training_state_is_refused(tmp_path, fit, how):
    path = tmp_path / "c"
    fit(2, [Checkpoint(path)])
    damage(path, lambda config, _: config.update(training=DAMAGE[how](config["training"])))
    with pytest.raises(ff.errors.FormatError, match=f"{path}: .*damaged"):
        fit(4, resume=path)


@pytest.mark.parametrize("trees", [None, {}, 5, {"n_trees": 1}, "n_trees"])
def test_damaged_settings_of_trees_are_refused(tmp_path, trees):
    path = tmp_path / "c"
    fit_tagger(2, [Checkpoint(path)])
    damage(path, lambda config, _: config["training"].update(trees=trees))
    with pytest.raises(ff.errors.FormatError, match=f"{path}: the training state is damaged"):
        fit_tagger(4, resume=path)


@pytest.mark.parametrize(
    ("name", "value"), [("n_trees", 3), ("loss", "logistic"), ("prune", None), ("beam", 1)]
)
def test_settings_of_other_trees_are_refused(tmp_path, name, value):
    path = tmp_path / "c"
    fit_tagger(2, [Checkpoint(path)])
    damage(path, lambda config, _: config["training"]["trees"].update({name: value}))
    with pytest.raises(ff.errors.FormatError, match=f"{path}: .* not those of the tagger"):
        fit_tagger(4, resume=path)


# -- callbacks -----------------------------------------------------------------------------------


def stopping():
    return EarlyStopping("val/P@1", patience=5)


def on_accuracy():
    return EarlyStopping("val/accuracy", patience=5)


def monitor():
    return GateMonitor(CLASSES)


def without(name):
    return lambda described, _: described["state"].pop(name)


def with_state(name, value):
    return lambda described, _: described["state"].update({name: value})


def with_row(name, value):
    return lambda described, _: described["state"]["history"][0].update({name: value})


def without_arrays(described, arrays):
    for name in [name for name in arrays if name.startswith("callbacks.")]:
        del arrays[name]


def with_short_arrays(described, arrays):
    for name in [name for name in arrays if name.startswith("callbacks.")]:
        arrays[name] = arrays[name][:1]


OF_ANY = {
    "an empty state": lambda described, _: described.update(state={}),
    "a state that is none": lambda described, _: described.update(state=5),
    "stops that is none": lambda described, _: described.update(stops="x"),
}
OF_STOPPING = OF_ANY | {
    "no best epoch": without("best_epoch"),
    "no best score": without("best_score"),
    "nothing kept": without("kept"),
    "an epoch of text": with_state("best_epoch", "x"),
    "epoch 0": with_state("best_epoch", 0),
    "no epoch": with_state("best_epoch", None),
    "a score of text": with_state("best_score", "x"),
    "no score": with_state("best_score", None),
    "kept a number": with_state("kept", 7),
    "kept is null": with_state("kept", None),
    "kept of another kind": with_state("kept", {"n_levels": 3}),
    "no arrays": without_arrays,
    "short arrays": with_short_arrays,
}
OF_MONITOR = OF_ANY | {
    "no rows": with_state("history", 7),
    "rows of numbers": with_state("history", [1, 2]),
    "a row without figures": with_state("history", [{"epoch": 1}]),
    "a layer of text": with_row("layer", "x"),
    "a figure of text": with_row("recall", "x"),
    "no family": with_row("family", None),
}
WATCHED = {
    "network": (fit_net, on_accuracy, OF_STOPPING),
    "tagger": (fit_tagger, stopping, OF_STOPPING),
    "gates": (fit_net, monitor, OF_MONITOR),
}


@pytest.mark.parametrize(("of", "how"), [(of, how) for of in WATCHED for how in WATCHED[of][2]])
def test_a_callback_refuses_a_damaged_state(tmp_path, of, how):
    fit, make, damages = WATCHED[of]
    path, callback = tmp_path / "c", make()
    fit(2, [callback, Checkpoint(path)])
    before = dict(vars(callback))
    damage(path, lambda config, x: damages[how](config["training"]["callbacks"][0], x))
    with pytest.raises(ff.errors.FormatError, match=f"{path}: the state of .*: ."):
        fit(4, [callback], resume=path)
    assert vars(callback) == before


@pytest.mark.parametrize("fit", [fit_net, fit_tagger])
@pytest.mark.parametrize("state", [{}, {"losses": 5}])
def test_a_callback_of_a_user_that_cannot_go_on_is_named(tmp_path, fit, state):
    path = tmp_path / "c"
    fit(2, [Mean(), Checkpoint(path)])
    damage(path, lambda config, _: config["training"]["callbacks"][0].update(state=state))
    with pytest.raises(ff.errors.FormatError, match=f"{path}: the state of Mean cannot be res"):
        fit(4, [Mean()], resume=path)


def test_a_callback_of_a_user_may_check_its_state_before(tmp_path):
    class Checked(Mean):
        def check_state(self, state, check_snapshot):
            with pytest.raises(ValueError, match="no model of such layers"):
                check_snapshot(state)
            raise RuntimeError("I do not like it")

    path = tmp_path / "c"
    fit_net(2, [Checked(), Checkpoint(path)])
    with pytest.raises(ff.errors.FormatError, match=f"{path}: .* Checked .*: I do not like it"):
        fit_net(4, [Checked()], resume=path)


# -- blends --------------------------------------------------------------------------------------


def in_part(number, change):
    """Change the first callback of the tagger's or the network's part."""

    def changed(config, arrays):
        change(config["blend"]["parts"][number]["training"]["callbacks"][0], arrays)

    return changed


OF_BLEND = {
    "a number": lambda config, _: config.update(blend=5),
    "no parts": lambda config, _: config["blend"].pop("parts"),
    "parts that are a number": lambda config, _: config["blend"].update(parts=5),
    "parts of numbers": lambda config, _: config["blend"].update(parts=[1, 2]),
    "an empty list of parts": lambda config, _: config["blend"].update(parts=[]),
    "a part too many": lambda config, _: config["blend"]["parts"].append({}),
    **{f"tagger, {how}": in_part(0, OF_ANY[how]) for how in OF_ANY},
    **{f"network, {how}": in_part(1, OF_ANY[how]) for how in OF_ANY},
    "network, kept a number": in_part(1, with_state("kept", 7)),
}


@pytest.fixture(scope="module")
def blend(tmp_path_factory):
    """A folder with data and the checkpoint of a blend."""
    folder = tmp_path_factory.mktemp("blend")
    fit_blend(1, folder, "--checkpoint", folder / "whole")
    return folder


@pytest.mark.parametrize("how", OF_BLEND)
def test_a_damaged_checkpoint_of_a_blend_is_refused(blend, capsys, how):
    path = blend / "c"
    path.write_bytes((blend / "whole").read_bytes())
    damage(path, OF_BLEND[how])
    capsys.readouterr()
    with pytest.raises(ff.errors.FormatError, match=f"{path}"):
        fit_blend(2, blend, "--resume", path)
    assert "epoch" not in capsys.readouterr().err
