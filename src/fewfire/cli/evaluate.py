"""`fewfire evaluate`: how good a saved model is, what it costs, and how fast it answers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path

import click

from ..loading import load
from ..measure.frequencies import LabelGroup
from ..measure.latency import Latency
from ..measure.metrics import NAMES, Metrics
from ..model.contract import Ways
from ..tagger.threshold import answered
from .common import (
    EXACT,
    PATH,
    columns_of,
    cost,
    jobs_option,
    json_option,
    metrics_dict,
    print_json,
    rank_by_option,
    read_part,
    show,
    table,
    threshold_option,
    unknown_labels,
    ways_of,
    with_column_options,
)
from .long_runs import plain_warnings
from .tagger_output import tagger_of_lists

_K = 5  # best labels that are timed, and among which `--groups` looks for a label


def _pair(context: click.Context, parameter: click.Parameter, value: str) -> tuple[float, float]:
    try:
        a, b = map(float, value.split(","))
    except ValueError:
        a = b = math.nan
    if not (math.isfinite(a) and math.isfinite(b)):
        raise click.BadParameter(f"{value!r} is not two numbers like 0.55,1.5")
    return a, b


@click.command()
@click.argument("model", type=PATH)
@click.argument("data", type=PATH, nargs=-1, required=True)
@click.option("--exact", is_flag=True, help=EXACT)
@click.option(
    "--metrics", metavar="M,M", help=f"accuracy, loss, R2 of values, {NAMES}: P@1,nDCG@3."
)
@click.option(
    "--propensity",
    callback=_pair,
    metavar="A,B",
    default="0.55,1.5",
    show_default=True,
    help="Of PSP@k and --rank-by; 0.5,0.4 for Wikipedia, 0.6,2.6 for Amazon.",
)
@rank_by_option
@threshold_option
@click.option(
    "--groups",
    is_flag=True,
    help=f"Recall@{_K} of labels frequent (head), less so (torso) and rare (tail) in training.",
)
@with_column_options
@jobs_option
@json_option
def evaluate(
    model: Path,
    data: tuple[Path, ...],
    exact: bool,
    metrics: str | None,
    propensity: tuple[float, float],
    rank_by: float,
    threshold: float | str | None,
    groups: bool,
    text_column: str | None,
    label_column: str | None,
    label_separator: str | None,
    n_jobs: int,
    as_json: bool,
) -> None:
    """Measure MODEL on DATA, through its gates as in training and with every row computed; a tagger
    through its router, or with --exact with every leaf opened. Then say how long single examples
    take, and what gates or router leave out.

    DATA is a folder of idx files (its test set is used), npz, svmlight or Extreme Classification
    text, or what `fewfire convert` made of it. It is encoded like the training set. For a model of
    texts it is any file that train takes. It may be several files of one format, or - for standard
    input. Labels that the model does not know count as missed.
    """
    net = load(model)
    columns = columns_of(text_column, label_column, label_separator)
    with plain_warnings():
        examples = read_part(data, net.encoding, 1, columns=columns)
    names = metrics.split(",") if metrics else None
    measure = partial(
        net.evaluate, examples, names, n_jobs=n_jobs, propensity=propensity, rank_by=rank_by
    )
    above = None
    if threshold is not None:
        tagger = tagger_of_lists(net)
        least = tagger.threshold_ if isinstance(threshold, str) else threshold
        met = answered(tagger, examples, least, exact=exact, n_jobs=n_jobs)
        above = {"threshold": least, **met._asdict()}
    recalls = partial(net.recall_by_group, examples, _K, n_jobs=n_jobs)
    in_use = partial(net.latency, examples, min(_K, net.n_outputs), n_jobs=n_jobs)
    if as_json:
        report = metrics_dict(measure(exact=exact))
        unknown = examples.unknown_labels
        report["unknown_labels"] = 0 if unknown is None else int(unknown.nnz)
        if above is not None:
            report["above"] = above
        if net.is_gated:
            report["latency"] = asdict(in_use())
        if groups:
            found = recalls(exact=exact)
            report["groups"] = {name: asdict(group) for name, group in found.items()}
        print_json(report)
        return
    ways = ways_of(net, exact=exact)
    rows = [_figures(computed, measure(exact=every)) for computed, every in ways.items()]
    show(
        f"{len(examples):,} examples; multiplications and additions are per example, shares are of "
        "the dense model with and without the zeros of the data"
    )
    if told := unknown_labels(examples):
        show(told)
    show(table(rows))
    if above is not None:
        show("labels above a threshold, of all examples together")
        show(table([{name: f"{value:.4f}" for name, value in above.items()}]))
    if net.is_gated:
        show(_in_use(net.ways, in_use()))
    if groups:
        by_way = {computed: recalls(exact=every) for computed, every in ways.items()}
        show(f"labels by frequency in training: recall@{_K} of their occurrences")
        show(table(_group_rows(by_way)))


def _in_use(ways: Ways, found: Latency) -> str:
    scored = (
        f"the last layer scores {found.candidates:,.0f} rows"
        if found.leaves is None
        else f"{found.leaves:,} leaves are opened, and {found.candidates:,.0f} labels scored"
    )
    return (
        f"single examples, one thread: p50 {found.p50:,.0f} us, p99 {found.p99:,.0f} us through "
        f"the {ways.gate}; p50 {found.exact_p50:,.0f} us, p99 {found.exact_p99:,.0f} us with every "
        f"{ways.one}\n{scored}; of the {found.k} best of all {ways.all} "
        f"{found.recall:.2%} are found"
    )


def _figures(computed: str, metrics: Metrics) -> dict[str, str]:
    figures = {name: f"{value:.4f}" for name, value in metrics.items()}
    return {"computed": computed, **figures, **cost(metrics.ledger, metrics.n_examples)}


def _group_rows(by_way: Mapping[str, Mapping[str, LabelGroup]]) -> list[dict[str, str]]:
    """A row for each group, with a column of recall for each way to compute it."""
    return [
        {
            "group": name,
            "labels": f"{group.n_labels:,}",
            "occurrences": f"{group.n_occurrences:,}",
            **{computed: f"{groups[name].recall:.4f}" for computed, groups in by_way.items()},
        }
        for name, group in next(iter(by_way.values())).items()
    ]
