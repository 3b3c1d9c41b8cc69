"""`fewfire train` for labels of sparse features: when a tagger is trained, and how."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import click
from click.core import ParameterSource

from ..base.checks import n_bytes_of
from ..data import Dataset
from ..datasets import load_names
from ..tagger.settings import PRESETS
from ..tagger.tagger import Tagger
from .common import PATH, Command, say

FEW_CLASSES = 300  # classes from which sparse features get a tagger
_TAG_OPTIONS = ("preset", "memory", "features", "blend")
_OF_BOTH = (
    *("data", "labels", "val", "val_size", "max_epochs", "seed", "output", "quiet", "n_jobs"),
    "as_json",
)


def _memory(context: click.Context, parameter: click.Parameter, value: str | None) -> int | None:
    try:
        return None if value is None else n_bytes_of(value)
    except (TypeError, ValueError) as error:
        raise click.BadParameter(str(error)) from None


_OPTIONS: list[Callable[[Command], Command]] = [
    click.option("--preset", type=click.Choice(list(PRESETS)),
                 help="Tagger: time spent for quality; default: balanced."),
    click.option("--memory", callback=_memory, metavar="SIZE",
                 help="Tagger: what training may take, like 2G; default: 3/4 of the machine."),
    click.option("--features", type=PATH,
                 help="Tagger: names of the features, a line for each, to show them by."),
    click.option("--blend", is_flag=True,
                 help="Train a tagger and a network, and average their probabilities."),
]  # fmt: skip


def tag_options(command: Command) -> Command:
    """Add what only taggers take."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def wants_tagger(data: Dataset) -> bool:
    """Whether the examples get a tagger, and tell: label lists, or many classes, of sparse
    features, and no option of the running command that only networks have."""
    context = click.get_current_context()
    given = [
        option
        for option in context.command.params
        if context.get_parameter_source(option.name or "") != ParameterSource.DEFAULT
    ]
    asked = [option.opts[0] for option in given if option.name in _TAG_OPTIONS]
    network = [option.opts[0] for option in given if option.name not in (*_TAG_OPTIONS, *_OF_BOTH)]
    if asked and data.kind not in ("labels", "classes"):
        raise click.UsageError(f"{asked[0]} wants labels or classes, the data has {data.kind}")
    if asked and network and "--blend" not in asked:
        raise click.UsageError(
            f"{asked[0]} is of a tagger and {network[0]} of a network: leave one out, or add "
            "--blend for both"
        )
    many = data.kind == "labels" or (data.kind == "classes" and data.n_labels >= FEW_CLASSES)
    return bool(asked) or (data.is_sparse and many and not network)


def train_tagger(
    data: Dataset,
    held_out: Dataset | None,
    options: Mapping[str, Any],
    seed: int,
    n_jobs: int,
    *,
    quiet: bool,
) -> Tagger:
    """Train the tagger that the options describe."""
    tagger = Tagger(
        options["preset"] or "balanced",
        memory=options["memory"],
        max_epochs=options["max_epochs"],
        random_state=seed,
        n_jobs=n_jobs,
        verbose=not quiet,
    )
    names = None if options["features"] is None else load_names(options["features"])
    if names is not None and len(names) != data.n_features:
        raise ValueError(
            f"{options['features']} has {len(names)} names for {data.n_features} features: "
            "give each one a line"
        )
    if not quiet:
        say(
            f"{data!r}\na Tagger, preset {options['preset'] or 'balanced'}: a router and leaves of "
            "labels; --bag 256 trains a hidden layer instead, --blend both"
        )
    tagger.fit(data, eval_sets={"val": held_out} if held_out else None)
    if names is not None:
        tagger.set_feature_names(names)
    return tagger
