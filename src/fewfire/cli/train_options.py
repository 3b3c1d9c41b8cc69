"""The options of `fewfire train`, a table for each owner, in the order of the help.

An option that describes a model asks for that model (choosing.py); those of OUTPUT, DATA and
TRAINING never do.
"""

from __future__ import annotations

from functools import partial

import click

from ..base.checks import n_bytes_of
from ..tagger.settings import PRESETS
from .choosing import BLEND, NETWORK, TAGGER
from .common import PATH, WRITABLE, column_options, jobs_option, json_option
from .numbers import COUNT, SEED
from .options import Option, Owner, Table, option
from .text_options import text_options
from .train_network_options import NETWORK_OPTIONS

OUTPUT = Owner("What comes out")
DATA = Owner("How data is read (never chooses the model)")
TRAINING = Owner("How training goes (never chooses the model)")
OF_TAGGER = Owner("A tagger: this asks for one", TAGGER)
OF_BLEND = Owner("A tagger and a network", BLEND)


def _memory(context: click.Context, parameter: click.Parameter, value: str | None) -> int | None:
    try:
        return None if value is None else n_bytes_of(value)
    except (TypeError, ValueError) as error:
        raise click.BadParameter(str(error)) from None


_OUTPUT: Table = [
    option(
        "-o",
        "--output",
        of=OUTPUT,
        first=True,
        type=WRITABLE,
        help="Model file to write; default: DATA.safetensors, beside the first DATA.",
    ),
    option(
        "--log",
        of=OUTPUT,
        type=WRITABLE,
        lacks={BLEND: "table of epochs: it has two trainings"},
        help="Table of the figures of each epoch to write (CSV): `fewfire plot` draws it.",
    ),
    option("-q", "--quiet", of=OUTPUT, is_flag=True, help="No progress."),
    partial(json_option, cls=Option, of=OUTPUT),
]

_DATA: Table = [
    option("--labels", of=DATA, first=True, type=PATH,
           help="Names of the labels of svmlight or Extreme Classification text, a line for each, "
                "from label 0."),
    option("--val", of=DATA, first=True, type=PATH, help="Data to measure on after each epoch."),
    option("--val-size", of=DATA, first=True, type=int,
           help="Or keep N training examples for that, drawn by --seed, classes in their shares; "
                "of a converted file the last N."),
    *text_options(partial(option, of=DATA)),
    *column_options(partial(option, of=DATA)),
    option("--label-text", of=DATA, type=PATH,
           lacks={NETWORK: "use for descriptions of labels"},
           help="Descriptions of labels to learn from, in a file like DATA; also of labels that no "
                "example has (taggers)."),
    option("--features", of=DATA, type=PATH, lacks={NETWORK: "names of features"},
           help="Names of the features, a line for each, to show them by (taggers)."),
]  # fmt: skip

_TRAINING: Table = [
    option("--max-epochs", of=TRAINING, first=True, type=int,
           help="Times that training goes through the data; default: 12, more where examples are "
                "few; behind a --bag 5, of a tagger 4 to 8."),
    option("--seed", of=TRAINING, first=True, type=SEED, default=0,
           show_default=True, help="Another seed, another model of the same kind."),
    partial(jobs_option, cls=Option, of=TRAINING, first=True),
    option("--class-weight", of=TRAINING, type=click.Choice(["balanced"]),
           help="balanced: all classes count alike, however rare they are."),
    option("--memory", of=TRAINING, callback=_memory, metavar="SIZE",
           lacks={NETWORK: "limit of memory"},
           help="What training may take, like 2G (taggers); default: 3/4 of the machine."),
    option("--patience", of=TRAINING, type=int,
           help="Stop after N epochs without gain; keep the best."),
    option("--checkpoint", of=TRAINING, type=WRITABLE,
           help="File to go on from, written after each epoch."),
    option("--resume", of=TRAINING, type=PATH,
           help="Go on from this checkpoint, with the same options; --max-epochs may be more."),
    option("--deterministic", of=TRAINING, is_flag=True,
           help="The same bits for any number of threads."),
    option("--tune/--no-tune", of=TRAINING, default=None,
           lacks=dict.fromkeys((TAGGER, BLEND), "short trainings to choose settings"),
           help="Without --optimizer: let short trainings on parts of the data choose how fast "
                "rows learn and how much weights decay (networks); default: yes."),
    option("--monitor-gates", of=TRAINING, type=COUNT,
           lacks={TAGGER: "gates to monitor"},
           help="After each epoch, say how true the gates stay for the first N examples of --val "
                "or --val-size, else of DATA; every row is scored: some hundred are enough "
                "(networks)."),
]  # fmt: skip

_TAGGER: Table = [
    option("--preset", of=OF_TAGGER, first=True, type=click.Choice(list(PRESETS)),
           help="Tagger: time spent for quality; default: balanced."),
]  # fmt: skip

_BLEND: Table = [
    option("--blend", of=OF_BLEND, is_flag=True,
           help="Train a tagger and a network, and average their probabilities."),
]  # fmt: skip

OPTIONS: list[Table] = [_OUTPUT, _DATA, _TRAINING, _TAGGER, _BLEND, *NETWORK_OPTIONS]
