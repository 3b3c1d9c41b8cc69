"""Damaged model files that were loaded, or refused unclearly; and models in other hands."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import numpy as np

import fewfire as ff
from fewfire.base.files import Arrays, array_of, read_model, write_model

from ..attempt import REFUSED, Attempt
from ..bases import MODELS, bagged, tagger, tagger_with_names, texts
from ..resumes import checkpoint, go_on

Change = Callable[[dict[str, Any], Arrays], Any]


def _changed(attempt: Attempt, model: Any, change: Change) -> Any:
    """Return what loading says of a file of a model whose parts were changed."""
    path = attempt.folder / "changed.safetensors"
    model.save(path)
    config, arrays = read_model(path)
    change(config, arrays)
    write_model(path, config, arrays)
    return attempt.ask("load", lambda: ff.load(path), file=path)


def beams_beyond_numbers(attempt: Attempt) -> None:
    for beam in (2**31, 2**63, 2**64, 10**30):
        found = _changed(
            attempt,
            tagger(),
            lambda config, _, beam=beam: config["tagger"]["settings"].update(beam=beam),
        )
        if found is not REFUSED:
            attempt.ask("predict_topk", lambda found=found: found.predict_topk(texts(), 2))


def names_twice(attempt: Attempt) -> None:
    def change(config: dict[str, Any], arrays: Arrays) -> None:
        arrays["label_names"] = array_of(["same"] * 12)

    found = _changed(attempt, tagger_with_names(), change)
    attempt.demand("two labels have one name", found is REFUSED)


def numbers_of_labels_that_are_not_whole(attempt: Attempt) -> None:
    for n_labels in (4.0, 3.5, True, "4"):
        found = _changed(
            attempt,
            MODELS["values"](),
            lambda config, _, n=n_labels: config["encoding"].update(n_labels=n),
        )
        attempt.demand(f"{n_labels!r} labels are taken", found is REFUSED)


def scores_beyond_numbers(attempt: Attempt) -> None:
    """Finite weights of a file whose scores are not."""

    def change(config: dict[str, Any], arrays: Arrays) -> None:
        for array in arrays.values():
            if array.dtype == np.float32:
                array[...] = 1e38

    for name in ("dense", "sign", "cells", "wide tables"):
        found = _changed(attempt, MODELS[name](), change)
        if found is REFUSED:
            continue
        X = np.ones((2, found.n_features), np.float32)
        top = attempt.ask("predict_topk", lambda found=found, X=X: found.predict_topk(X, 2))
        finite = top is REFUSED or bool(np.isfinite(top.scores).all())
        attempt.demand("a score that is not finite", finite)


def types_without_numbers(attempt: Attempt) -> None:
    """An array of a type that numpy does not have."""
    path = attempt.folder / "typed.safetensors"
    bagged().save(path)
    content = path.read_bytes()
    size = int.from_bytes(content[:8], "little")
    for dtype, per_number in (("F8_E4M3", 4), ("F8_E5M2", 4), ("BOOL", 4), ("F16", 2), ("C64", 1)):
        header = json.loads(content[8 : 8 + size])
        entry = header["layers.0.bias"]
        entry["dtype"], entry["shape"] = dtype, [entry["shape"][0] * per_number]
        text = json.dumps(header).encode()
        path.write_bytes(len(text).to_bytes(8, "little") + text + content[8 + size :])
        answer = attempt.ask(f"load {dtype}", lambda: ff.load(path), file=path)
        attempt.demand(f"{dtype} is taken", answer is REFUSED)


def long_values(attempt: Attempt) -> None:
    """A damaged value is not told at full length."""
    for where in ("dtype", "gain", "activation"):
        found = _changed(
            attempt,
            bagged(),
            lambda config, _, where=where: config["layers"][1].update({where: "x" * 10_000}),
        )
        attempt.demand("nonsense is taken", found is REFUSED)
    _changed(attempt, bagged(), lambda config, _: config.update(version="9" * 10_000))


def _refuses_to_go_on(attempt: Attempt, name: str, changes: Iterable[Change]) -> None:
    """A checkpoint that cannot be gone on from is named."""
    path, broken = checkpoint(name, attempt.folder), attempt.folder / "broken.safetensors"
    for number, change in enumerate(changes):
        config, arrays = read_model(path)
        change(config, arrays)
        write_model(broken, config, arrays)
        answer = attempt.ask(f"resume {name}, {number}", go_on(name, broken), file=broken)
        attempt.demand(f"{name}, {number}: damage is taken", answer is REFUSED)


def damaged_training_states(attempt: Attempt) -> None:
    changes: list[Change] = [
        lambda _, arrays: arrays.pop("optimizer.1.0.bias", None),
        lambda _, arrays: arrays.pop("optimizer.1.touched", None),
        lambda config, _: config["training"].update(ledger=[[2**64] * 8]),
        lambda config, _: config["training"].update(ledger="x"),
        lambda config, _: config["training"].update(history=7),
        lambda config, _: config["training"].update(epoch=2**64),
        lambda config, _: config["training"]["settings"].update(max_epochs="x"),
        lambda config, _: config["training"]["settings"].pop("max_epochs"),
    ]
    _refuses_to_go_on(attempt, "checkpoint", changes)


def damaged_states_of_callbacks(attempt: Attempt) -> None:
    for name in ("checkpoint, gates", "checkpoint, tagger"):
        _refuses_to_go_on(attempt, name, [partial(_callback, change=own) for own in _OF_STOPPING])
    rows = [{"history": rows} for rows in (5, [7], [{}], [{"epoch": 1, "layer": 99}])]
    of_gates = [lambda found, state=state: found[1].update(state=state) for state in rows]
    changes = [partial(_callback, change=own) for own in of_gates]
    _refuses_to_go_on(attempt, "checkpoint, gates", changes)


_OF_STOPPING: list[Callable[[Any], Any]] = [
    lambda found: found[0].update(state={}),
    lambda found: found[0].update(state=5),
    lambda found: found[0]["state"].update(kept=7),
    lambda found: found[0]["state"].update(best_epoch="x"),
    lambda found: found[0]["state"].update(best_score="x"),
]


def _callback(config: dict[str, Any], _: Arrays, change: Callable[[Any], Any]) -> None:
    change(config["training"]["callbacks"])


def damaged_trees(attempt: Attempt) -> None:
    changes: list[Change] = [
        lambda config, _: config["training"].update(trees={}),
        lambda config, _: config["training"].pop("trees"),
        lambda config, _: config["training"]["trees"].update(n_trees=3),
    ]
    _refuses_to_go_on(attempt, "checkpoint, tagger", changes)


def damaged_blends(attempt: Attempt) -> None:
    changes: list[Change] = [
        lambda config, _: config.update(blend=5),
        *(
            lambda config, _, parts=parts: config["blend"].update(parts=parts)
            for parts in (5, [1, 2], [], [{}, {}])
        ),
    ]
    _refuses_to_go_on(attempt, "checkpoint, blend", changes)


def models_in_other_processes(attempt: Attempt) -> None:
    """A pickled or copied model is the same model."""
    for name in ("dense", "sign", "cells", "wide", "tagger", "blend"):
        model = MODELS[name]()
        X = np.ones((2, model.n_features), np.float32)
        wanted = model.predict_topk(X, 2)
        ways = {"pickle": lambda m: pickle.loads(pickle.dumps(m)), "deepcopy": copy.deepcopy}
        for way, made in ways.items():
            twin = attempt.ask(f"{way} of {name}", lambda made=made, m=model: made(m))
            attempt.demand(f"no {way} of a model", twin is not REFUSED)
            same = all(map(np.array_equal, wanted, twin.predict_topk(X, 2)))
            attempt.demand(f"another model after {way}", same)


SEEDS = [
    beams_beyond_numbers,
    names_twice,
    numbers_of_labels_that_are_not_whole,
    scores_beyond_numbers,
    types_without_numbers,
    long_values,
    damaged_training_states,
    damaged_states_of_callbacks,
    damaged_trees,
    damaged_blends,
    models_in_other_processes,
]
