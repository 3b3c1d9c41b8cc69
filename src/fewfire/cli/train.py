"""`fewfire train`: data is read, a model chosen for a reason, trained and written to a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import numpy as np
from scipy.sparse import csr_array

from .. import datasets
from ..data import Dataset
from ..data.encoding import Kind
from .blend_training import BlendTraining
from .choosing import BLEND, NETWORK, TAGGER, asked_for, choose
from .common import (
    COLUMN_OPTIONS,
    PATH,
    all_at_hand,
    columns_of,
    read_part,
    say,
    unknown_labels,
)
from .keeping import place_beside
from .long_runs import Resumable, how_to_go_on, plain_warnings
from .network_training import NetworkTraining
from .options import given, with_options
from .places import check_apart
from .settings_file import SETTINGS, read_settings
from .tagger_training import TaggerTraining
from .text_options import vectorizer_of
from .train_options import OPTIONS
from .training_output import finish

TRAININGS: dict[str, type[TaggerTraining | NetworkTraining | BlendTraining]] = {
    TAGGER: TaggerTraining,
    NETWORK: NetworkTraining,
    BLEND: BlendTraining,
}


@click.command(cls=Resumable)
@click.argument("data", type=PATH, nargs=-1, required=True, is_eager=True, callback=read_settings)
@with_options(OPTIONS)
@click.pass_context
def train(context: click.Context, /, data: tuple[Path, ...], **options: Any) -> int:
    """Train a model on DATA and write it to a file: a tagger for label lists, or 300 classes or
    more, of sparse features; a network otherwise, or where an option describes one.

    DATA is a folder of idx files such as MNIST (its training set is used), or npz; svmlight or
    Extreme Classification text, or what `fewfire convert` made of it; texts with labels: lines of
    text, tab, label,label, a table (.csv, .tsv), JSON lines or fastText's lines; - for any text
    from standard input; several files of one format; or a TOML file with `data = "..."` and any of
    these options by their names, which the command line overrides.

    Without -o, the model is written to DATA.safetensors, beside DATA; another file of that name is
    only replaced if it is a model, too.
    """
    _check(options)
    wanted = given(context)
    asked_for(wanted)  # where options disagree, nothing is read
    output = options["output"] or place_beside(data[0])
    check_apart(settings=context.meta.get(SETTINGS), model=None if options["output"] else output)
    with plain_warnings():
        fit, held_out, label_features = _read(data, options)
    choice = choose(fit, wanted)
    options["label_features"] = label_features
    training = TRAININGS[choice.model](fit, held_out, options)
    if not options["quiet"]:
        say(f"{fit!r}\n{choice}")
        if fit.text is not None and (told := str(fit.text.columns)):
            say(told)
        if held_out is not None and (unknown := unknown_labels(held_out)):
            say(f"{options['val']}: {unknown}")
        if _is_whole(fit):
            say("targets are whole numbers: taken as values to predict, not as classes")
        if output is not None:
            say(f"to be written to {output}{', in place of what is there' * output.exists()}")
    with plain_warnings():
        trained = training.run()
    if trained.history.interrupted:
        say(how_to_go_on(context, options, training.checkpoint))
    return finish(trained, held_out, output, options)


def _is_whole(data: Dataset) -> bool:
    """Whether targets are values, all whole."""
    return data.kind == "values" and all(
        bool((y == np.rint(y)).all()) for y in (np.asarray(part.y) for part in data.windows())
    )


def _check(options: Mapping[str, Any]) -> None:
    val, val_size = options["val"], options["val_size"]
    if val is not None and val_size is not None:
        raise click.UsageError("give --val or --val-size, not both")
    if options["patience"] is not None and val is None and val_size is None:
        raise click.UsageError("--patience needs data to measure on: add --val or --val-size")
    if vectorizer_of(options) is not None and options["labels"] is not None:
        raise click.UsageError("raw text brings its own labels: leave out --labels")


def _read(
    data: tuple[Path, ...], options: Mapping[str, Any]
) -> tuple[Dataset, Dataset | None, csr_array | None]:
    """Return the examples to fit, those to measure on, and the features of labels, if any."""
    words, val = vectorizer_of(options), options["val"]
    kind: Kind = "values" if options["loss"] == "squared" else None
    columns = columns_of(*(options[name] for name in COLUMN_OPTIONS))
    if words is None:
        fit = read_part(data, None, 0, options["labels"], kind, columns)
    else:
        with all_at_hand(data) as places:
            fit = datasets.load_text(places, vectorizer=words, columns=columns)
    label_features = None
    if options["label_text"] is not None:
        text = options["label_text"]
        fit, label_features = datasets.load_label_text(text, fit)
    if options["val_size"] is not None:
        try:
            return *fit.hold_out(options["val_size"], options["seed"]), label_features
        except ValueError as error:
            raise ValueError(f"--val-size: {error}") from None
    held_out = None if val is None else read_part([val], fit.encoding, 1, columns=columns)
    return fit, held_out, label_features
