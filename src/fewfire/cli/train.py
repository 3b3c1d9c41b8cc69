"""`fewfire train`: settings from options and TOML, a network, training, a model file."""

from __future__ import annotations

import tomllib
from functools import partial
from pathlib import Path
from typing import Any

import click

from .. import datasets
from ..base.bfloat16 import DTYPES
from ..base.ledger import Ledger
from ..blend import Blend
from ..data import Dataset
from ..network.families import FAMILIES, SimHash
from ..network.families.simhash import PROJECTIONS, TRANSFORMS
from ..network.families.tables import REFRESHES
from ..network.linear import ACTIVATIONS
from ..network.losses import LOSSES
from ..network.network import Network
from ..training.callbacks import Callback, Checkpoint, EarlyStopping, GateMonitor, Record, Run
from ..training.optimizers import OPTIMIZERS, Optimizer
from ..training.schedules import SCHEDULES, Schedule
from ..training.trainer import Trainer
from .common import PATH, Command, jobs_option, json_option, read_part, say
from .gate_options import GATE_NAMES, make, options_of
from .network_options import names, network
from .tagger_options import tag_options, train_tagger, wants_tagger
from .training_output import finish


def _widths(
    context: click.Context, parameter: click.Parameter, value: Any
) -> tuple[int, ...] | None:
    """Widths from "1000,1000", or from a list in a TOML file."""
    if value is None:
        return None
    words = value.split(",") if isinstance(value, str) else value
    try:
        widths = tuple(int(word) for word in words if word != "")
    except (TypeError, ValueError):
        widths = (0,)
    if any(width < 1 for width in widths):
        raise click.BadParameter(f"{value!r} is not a list of widths like 1000,1000")
    return widths


def _read_toml(context: click.Context, parameter: click.Parameter, value: Path | None) -> Any:
    """Take a TOML file's settings as defaults; return the data set that it names."""
    if value is None or value.suffix != ".toml":
        return value
    with open(value, "rb") as file:
        try:
            settings = tomllib.load(file)
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise click.UsageError(f"{value}: {error}") from None
    names = {option.name for option in context.command.params}
    unknown = [name for name in settings if name.replace("-", "_") not in names]
    if unknown:
        raise click.UsageError(f"{value}: no option is named {', '.join(unknown)}")
    context.default_map = {name.replace("-", "_"): _as_typed(x) for name, x in settings.items()}
    data = context.default_map.get("data")
    if not isinstance(data, str):
        raise click.UsageError(f'{value} names no data set: add data = "folder or file"')
    return Path(data)


def _as_typed(value: Any) -> Any:
    """As on the command line, so that click checks it: `lr = true` is no number."""
    if isinstance(value, list):
        return value
    return str(value).lower() if isinstance(value, bool) else str(value)


OPTIMIZER_OPTIONS = options_of(OPTIMIZERS)
SCHEDULE_OPTIONS = options_of(SCHEDULES)


_SETTINGS = [
    click.option("--hidden", type=click.UNPROCESSED, callback=_widths, metavar="N,N",
                 help='Widths of the hidden layers; "" for none. Default: 1000,1000, or none '
                      "behind a --bag."),
    click.option("--bag", type=click.IntRange(min=0), metavar="N",
                 help="Width of a first layer that keeps a row of weights per feature, 0 for none. "
                      "Default: 256 for label lists of sparse features without --hidden, "
                      "if an option describes a network."),
    click.option("--input-dropout", type=float,
                 help="--bag: share of an example's features left out; default: 0.3."),
    click.option("--dropout", type=float,
                 help="--bag: share of its neurons left out; default: 0.2."),
    click.option("--output-rows", type=click.Choice(["all", "hashed"]),
                 help="Rows of the last layer that are computed; default: hashed where it is "
                      "wide."),
    click.option("--candidates", type=click.IntRange(min=1), metavar="N",
                 help="Hashed last layer: rows computed for an example; default: 1000."),
    click.option("--negatives", type=click.IntRange(min=0), metavar="N",
                 help="Hashed last layer: rows drawn for a micro-batch; default: 3072."),
    click.option("--head", type=click.IntRange(min=0), metavar="N",
                 help="Hashed last layer: frequent labels among the candidates; default: 256, at "
                      "most a quarter of them."),
    click.option("--dtype", type=click.Choice(list(DTYPES)), default="float32", show_default=True,
                 help="What weights are stored as: bfloat16 takes half the memory."),
    click.option("--activation", type=click.Choice(ACTIVATIONS), default="relu", show_default=True,
                 help="Of the hidden layers."),
    click.option("--gate", type=click.Choice(GATE_NAMES),
                 default="hashed", show_default=True,
                 help="What chooses the rows of the hidden layers; auto: the fastest gate for each "
                      "width; kdd2017, slide: the published ones."),
    click.option("--density", type=float, help="Share of the rows kept; default: 0.05."),
    click.option("--family", type=click.Choice(FAMILIES), help="Of hashes; default: sign."),
    click.option("--rerank", type=float, help="Candidates per kept row; default: 3."),
    click.option("--soft/--hard", default=None, help="Whether values start at the threshold."),
    click.option("--differentiate/--no-differentiate", default=None,
                 help="Whether gradient flows through the threshold."),
    click.option("--explore", type=float,
                 help="--hard: share of the kept rows drawn from rarely trained ones; default: 0."),
    click.option("--alpha", type=float,
                 help="sign: weight of the sign sum against the bias; default: by layer. "
                      "adaptivedropout: rows are kept at sigmoid(alpha z + beta); default: 1."),
    click.option("--n-columns", type=int, metavar="N",
                 help="sign: columns whose signs a query reads; default: all."),
    click.option("--binary", is_flag=True, default=None,
                 help="sign: count an input that is not 0 as the mean of them: fewer additions."),
    click.option("--beta", type=float, help="adaptivedropout; default: 0."),
    click.option("--n-bits", type=int, help="Bits per code; default: simhash 6, minhash 12."),
    click.option("--n-tables", type=int, help="Hash tables; default: 50."),
    click.option("--n-hashes", type=int, help="Hashes per code; default: dwta 3, minhash 1."),
    click.option("--probes", type=int,
                 help="Tables: buckets besides the query's own; default: 0; centroid: fitted."),
    click.option("--projection", type=click.Choice(PROJECTIONS),
                 help="simhash: random vectors; default: gaussian."),
    click.option("--mips", type=click.Choice(TRANSFORMS),
                 help="simhash: transform for rows of unequal norms; default: none."),
    click.option("--norm-powers", type=int, help="sign-alsh: m; default: 2."),
    click.option("--largest-norm", type=float, help="sign-alsh: U; default: 0.75."),
    click.option("--center/--no-center", default=None,
                 help="simhash: take the means from rows and inputs; default: no."),
    click.option("--n-cells", type=int,
                 help="centroid: cells; default: 128 or, from 32,000 rows on, 192; in a last layer "
                      "about 14 root(rows)."),
    click.option("--spherical/--by-distance", default=None,
                 help="centroid: whether rows are clustered by direction; default: yes, in a "
                      "last layer no."),
    click.option("--rank", type=click.Choice(SimHash.RANKS),
                 help="Hash tables: which rows of the buckets; default: count, centroid: sign."),
    click.option("--refresh", type=click.Choice(REFRESHES),
                 help="Hash tables: what is hashed anew now and then; default: full, centroid: "
                      "touched."),
    click.option("--refresh-every", type=int,
                 help="Hash tables: steps between two refreshes; default: 1000."),
    click.option("--refresh-growth", type=float,
                 help="Hash tables: each pause is this many times the last; default: 1, "
                      "centroid: 1.3."),
    click.option("--drift", type=float,
                 help="refresh drift: share of stale bits that asks for a refresh; default: 0.05."),
    click.option("--redraw-every", type=int,
                 help="simhash: steps until the next table in turn is redrawn; default: never."),
    click.option("--thin", type=float,
                 help="Hashed last layer: gradients below this are left out or enlarged to it, by "
                      "lot; default: 0.001."),
    click.option("--loss", type=click.Choice(LOSSES),
                 help="Default: softmax for classes, logistic for labels (softmax behind a --bag), "
                      "squared for values."),
    click.option("--optimizer", type=names(OPTIMIZERS),
                 help="Default, fitted: rms, lr 0.002, l2 0.01, rowwise; dense nets adam, l2 0.1; "
                      "behind a --bag rms, lr 0.002."),
    click.option("--lr", type=float, help="Learning rate; default: the optimizer's."),
    click.option("--l2", type=float, help="Decay of the weights; default of an --optimizer: 0."),
    click.option("--momentum", type=float, help="sgd; default: 0."),
    click.option("--beta1", type=float, help="adam; default: 0.9."),
    click.option("--beta2", type=float, help="adam; default: 0.999."),
    click.option("--rho", type=float, help="rms; default: 0.999."),
    click.option("--eps", type=float, help="adagrad, rms, adam; default: 1e-8."),
    click.option("--rowwise/--elementwise", default=None,
                 help="adagrad, rms, adam: second moments by row; default of an --optimizer: no."),
    click.option("--initial", type=float, help="adagrad: sum at the start; default: 0."),
    click.option("--schedule", type=names(SCHEDULES),
                 help="Of the learning rate; default: linear, behind a --bag onecycle."),
    click.option("--warmup", type=int, help="Steps in which the rate rises; default: 0."),
    click.option("--final", type=float, help="linear, cosine: last factor; default: 0."),
    click.option("--n-drops", type=int, help="step; default: 2."),
    click.option("--factor", type=float, help="step; default: 0.1."),
    click.option("--rise", type=float, help="onecycle: share of the run; default: 0.3."),
    click.option("--batch-size", type=int, help="Examples per step; default: fitted."),
    click.option("--max-epochs", type=int, help="Default: 12; behind a --bag, and of a tagger, 5."),
]  # fmt: skip


def _settings(command: Command) -> Command:
    for option in reversed(_SETTINGS):
        command = option(command)
    return command


@click.command()
@click.argument("data", type=PATH, is_eager=True, callback=_read_toml)
@_settings
@tag_options
@click.option(
    "--labels", type=PATH, help="Names of the labels in text, a line for each, from label 0."
)
@click.option(
    "--hash-words",
    type=click.IntRange(min=1),
    metavar="N",
    help="DATA is raw text: give its words N features by their hashes, and keep no vocabulary.",
)
@click.option("--val", type=PATH, help="Data to measure on after each epoch.")
@click.option("--val-size", type=int, help="Or keep the last N training examples for that.")
@click.option("--patience", type=int, help="Stop after N epochs without gain; keep the best.")
@click.option(
    "--monitor-gates",
    type=click.IntRange(min=1),
    metavar="N",
    help="After each epoch, tell how true the gates stay for the first N examples of --val or "
    "--val-size, else of DATA; every row is scored: some hundred are enough.",
)
@click.option("--checkpoint", type=PATH, help="File to go on from, written after each epoch.")
@click.option("--resume", type=PATH, help="Go on from this checkpoint.")
@click.option("--deterministic", is_flag=True, help="The same bits for any number of threads.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("-o", "--output", type=PATH, help="Model file to write.")
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
@jobs_option
@json_option
def train(
    data: Path,
    labels: Path | None,
    hash_words: int | None,
    val: Path | None,
    val_size: int | None,
    patience: int | None,
    monitor_gates: int | None,
    checkpoint: Path | None,
    resume: Path | None,
    deterministic: bool,
    seed: int,
    output: Path | None,
    quiet: bool,
    n_jobs: int,
    as_json: bool,
    **settings: Any,
) -> int:
    """Train a model on DATA and write it to a file: a tagger for label lists, or many classes, of
    sparse features; a network otherwise, or where an option describes one.

    DATA is a folder of idx files such as MNIST (its training set is used), npz, svmlight or
    Extreme Classification text, or what `fewfire convert` made of it; raw text, named .tsv or
    .tsv.gz, a line of which is text, tab, label,label; or a TOML file with `data = "..."` and any
    of these options by their names, which the command line overrides.
    """
    if val is not None and val_size is not None:
        raise click.UsageError("give --val or --val-size, not both")
    if patience is not None and val is None and val_size is None:
        raise click.UsageError("--patience needs data to measure on: add --val or --val-size")
    if hash_words is not None and labels is not None:
        raise click.UsageError("raw text brings its own labels: leave out --labels")
    if output is not None and not output.parent.is_dir():
        raise click.UsageError(f"{output.parent} is no folder: make it first")
    fit, held_out = _read_data(data, labels, hash_words, val, val_size)
    is_tagged = wants_tagger(fit)
    learn_tags = partial(train_tagger, fit, held_out, settings, seed, n_jobs, quiet=quiet)
    end = partial(finish, held_out=held_out, output=output, n_jobs=n_jobs, as_json=as_json)
    if is_tagged and not settings["blend"]:
        tagger = learn_tags()
        return end(tagger, tagger.history_)
    net = network(fit, settings, seed)
    callbacks: list[Callback] = []
    if patience is not None:
        monitor = f"val/{net.default_metrics(fit.kind)[0]}"
        callbacks.append(EarlyStopping(monitor, patience=patience))
    gates = None
    if monitor_gates is not None:
        gates = _Gates((held_out or fit)[:monitor_gates], n_jobs=n_jobs, quiet=quiet)
        callbacks.append(gates)
    if checkpoint is not None:
        callbacks.append(Checkpoint(checkpoint))
    trainer = Trainer(
        net,
        loss=settings["loss"],
        optimizer=_optimizer(net, settings),
        schedule=_schedule(settings),
        batch_size=settings["batch_size"],
        max_epochs=settings["max_epochs"],
        n_jobs=n_jobs,
        deterministic=deterministic,
        callbacks=callbacks,
        random_state=seed,
        verbose=not quiet,
    )
    if is_tagged:
        tagger = learn_tags()
        if tagger.history_.interrupted:
            return end(tagger, tagger.history_)
    if not quiet:
        say(f"{fit!r}\n{net.summary()}\n{trainer!r}")
    history = trainer.fit(fit, {"val": held_out} if held_out else None, resume=resume)
    if is_tagged:
        history.ledger = Ledger.beside(tagger.history_.ledger, history.ledger)
        history.n_examples += tagger.history_.n_examples
        return end(Blend(tagger, net), history, gates)
    return end(net, history, gates)


class _Gates(GateMonitor):
    """Tells what it sees, unless it is to be quiet: a line per epoch and layer."""

    def __init__(self, data: Dataset, *, n_jobs: int, quiet: bool) -> None:
        super().__init__(data, n_jobs=n_jobs)
        self.quiet = quiet

    def on_epoch_end(self, run: Run, record: Record) -> bool:
        """Look, and tell."""
        stop = super().on_epoch_end(run, record)
        for row in self.history_:
            if row["epoch"] == record["epoch"] and not self.quiet:
                n_rows = run.net.layers[row["layer"]].settings.out_features
                say(
                    f"  layer {row['layer']}: consistency {row['consistency']:.3f}, "
                    f"recall {row['recall']:.3f}, never chosen {row['never_chosen']} of {n_rows}"
                )
        return stop


def _read_data(
    data: Path,
    labels: Path | None,
    hash_words: int | None,
    val: Path | None,
    val_size: int | None,
) -> tuple[Dataset, Dataset | None]:
    if hash_words is None:
        fit = read_part(data, None, 0, labels)
    else:
        fit = datasets.load_text(data, vectorizer=datasets.Hashing(n_features=hash_words))
    if val_size is not None:
        return fit.split(val_size)
    return fit, None if val is None else read_part(val, fit.encoding, 1)


def _optimizer(net: Network, settings: dict[str, Any]) -> Optimizer | None:
    if settings["optimizer"] is None:
        given = [name for name in OPTIMIZER_OPTIONS if settings[name] is not None]
        if given:
            raise click.UsageError(f"--{given[0]} needs --optimizer")
        return None
    optimizer: Optimizer = make(OPTIMIZERS, settings["optimizer"], OPTIMIZER_OPTIONS, settings)
    return optimizer


def _schedule(settings: dict[str, Any]) -> Schedule | None:
    if settings["schedule"] is None:
        given = [name for name in SCHEDULE_OPTIONS if settings[name] is not None]
        if not given:
            return None
    name = settings["schedule"] or "linear"
    schedule: Schedule = make(SCHEDULES, name, SCHEDULE_OPTIONS, settings)
    return schedule
