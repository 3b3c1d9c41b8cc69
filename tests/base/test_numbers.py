"""Numbers that users give: each is taken, or refused by our own words that name it."""

import inspect
import json
import re
import traceback
from dataclasses import is_dataclass
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_array

import fewfire as ff
from fewfire.base.checks import check_integer, check_number, shown, to_dict
from model_contract import MAKERS
from tags import tagged

SOURCE = Path(ff.__file__).parent
ODD = [
    *(float("nan"), float("inf"), -float("inf"), 1e39, -1e39, 1e-50, 1e300, 0, -1, 0.5, 1, 2**31),
    *(
        2**32,
        2**62,
        2**63 - 1,
        2**63,
        2**64,
        -(2**63) - 1,
        10**400,
        10**5000,
        True,
        "3",
        None,
        [1],
        {},
        b"1",
    ),
    *(np.float32(0.5), np.float64(0.5), np.float16(2), np.int8(1), np.int64(1), np.uint64(2**63)),
    *(np.float32("nan"), np.float64("inf"), np.bool_(True), np.array(1), np.array([1, 2]), 1j),
]
DATA = tagged(n=300, n_labels=30)
NET = ff.Network(ff.Linear(6, 3))
IMAGES = ff.Dataset(np.ones((2, 784), np.float32), [0, 1])


@pytest.fixture(scope="module")
def models():
    return [make(DATA) for makers in MAKERS.values() for make in makers]


def numeric(call):
    """The parameters of `call` that are annotated as numbers."""
    return [
        name
        for name, parameter in inspect.signature(call).parameters.items()
        if {"int", "float"} & set(str(parameter.annotation).split(" | "))
    ]


def made_or_refused(call, name, value, **others):
    """What `call` makes of a number; None if it refuses it by its name."""
    try:
        return call(**{**others, name: value})
    except (ValueError, TypeError, MemoryError) as error:
        refusal = error
    last = traceback.extract_tb(refusal.__traceback__)[-1]
    assert SOURCE in Path(last.filename).parents, refusal
    assert re.search(rf"\b{name}\b", str(refusal)), refusal
    assert "incompatible function arguments" not in str(refusal)
    assert len(str(refusal)) < 500
    return None


LAYER = {"in_features": 4, "out_features": 5}
MADE = {
    **{getattr(ff.gates, name): {} for name in ff.gates.__all__},
    **{getattr(ff.optim, name): {} for name in ff.optim.__all__},
    ff.Hashed: {"soft": False},
    ff.Hashed.auto: LAYER,
    ff.Hashed.kdd2017: {},
    ff.Hashed.slide: {},
    ff.Linear: LAYER,
    ff.EmbeddingBag: {"n_features": 4, "dim": 5},
    ff.Network.from_arrays: {"layers": [ff.Linear(6, 3)], "arrays": NET.weights()},
    ff.Tagger: {"n_trees": 2},
    ff.Trainer: {"net": NET},
    ff.callbacks.EarlyStopping: {"monitor": "val/loss"},
    ff.callbacks.Checkpoint: {"path": "x"},
    ff.datasets.Counted: {},
    ff.datasets.Hashing: {},
    ff.datasets.Deformed: {"source": IMAGES, "n": 1},
}
del MADE[ff.gates.Tables]  # the base of families
PARAMETERS = [(kind, name) for kind in MADE for name in numeric(kind)]


@pytest.mark.parametrize(("kind", "name"), PARAMETERS, ids=lambda x: getattr(x, "__name__", x))
def test_a_setting_is_taken_or_refused_by_name(kind, name):
    for value in ODD:
        made = made_or_refused(kind, name, value, **MADE[kind])
        if is_dataclass(made):
            json.dumps(to_dict(made), allow_nan=False)


def test_settings_of_every_sort_are_tried():
    names = {name for _, name in PARAMETERS}
    assert len(PARAMETERS) > 60
    assert {"beam", "n_tables", "n_bits", "n_cells", "refresh_every", "probes", "lr"} <= names
    assert {"batch_size", "max_epochs", "random_state", "n_jobs", "warmup", "prune"} <= names


@pytest.mark.parametrize("value", ODD, ids=shown)
def test_a_number_for_a_call_is_taken_or_refused_by_name(models, value):
    lists = csr_array(np.ones((2, 30), np.float32))
    data = DATA[:2]
    for model in models:
        calls = [
            (model.predict_topk, {"X": data}),
            (model.predict_scores, {"X": data, "candidates": lists}),
            (model.evaluate, {"data": data}),
            (model.recall_by_group, {"data": data}),
            (model.latency, {"X": data}),
        ]
        if isinstance(model, ff.Network):
            calls += [
                (model.decision_function, {"X": data}),
                (model.predict_proba, {"X": data}),
                (model.predict, {"X": data}),
                (model.refresh, {}),
                (model.table_stats, {}),
            ]
        if isinstance(model, ff.Tagger):
            calls += [
                (model.explain, {"X": data}),
                (lambda tree=0, n=1, model=model: list(model.leaves(tree, n=n)), {}),
                (model.feature_name, {}),
            ]
        for call, others in calls:
            for name in numeric(call) or ["tree", "n"]:
                made_or_refused(call, name, value, **others)


def test_a_number_that_is_not_finite_is_refused_by_name():
    for value in (float("nan"), float("inf"), 10**400, np.float32("inf"), 3.5e38):
        with pytest.raises(ValueError, match="share must be a finite number"):
            check_number("share", value)
    for value in (True, "1", None):
        with pytest.raises(TypeError, match="share must be a finite number"):
            check_number("share", value)


def test_a_number_of_numpy_becomes_one_of_python():
    assert type(check_number("share", np.float32(0.5))) is float
    assert type(check_number("share", np.int8(1))) is type(check_integer("n", np.int8(1), low=0))


def test_an_error_shows_a_long_value_in_short():
    for value in ("a" * 10**6, list(range(10**4)), 10**5000, np.zeros((99, 99))):
        assert len(shown(value)) <= 100
