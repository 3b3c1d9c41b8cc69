"""What a saved model can do: `evaluate`, `predict`, `inspect`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, TypeGuard

import click
import numpy as np
from numpy.typing import NDArray

from ..base.checks import to_dict
from ..data import Dataset, Encoding
from ..loading import load
from ..measure.frequencies import LabelGroup
from ..measure.latency import Latency
from ..measure.metrics import Metrics
from ..model.contract import Labeller
from ..network.gate_stats import TableStats
from ..network.network import Network
from ..tagger.tagger import Tagger
from .common import PATH, cost, jobs_option, json_option, metrics_dict, print_json, read_part, table
from .tagger_output import as_lines, inspect_tagged, reasons, tagger_of

_CHUNK = 4096  # examples per block of output
_LEAVES = 10  # that `inspect` shows
_WHY = 8  # features that `predict --why` shows for a label
_EXACT = "Compute every row, not through the gates; of a tagger, open every leaf."
_GROUP_K = 5  # best rows among which `evaluate --groups` looks for a label


def _encoding_of(model: Network | Labeller) -> Encoding | None:
    """Return how a model's training numbered features and labels, if it was trained."""
    return model.encoding if isinstance(model, Network) else model.trained_encoding


def _gives_values(model: Network | Labeller) -> TypeGuard[Network]:
    return isinstance(model, Network) and model.loss == "squared"


def _pair(context: click.Context, parameter: click.Parameter, value: str) -> tuple[float, float]:
    try:
        a, b = map(float, value.split(","))
    except ValueError:
        raise click.BadParameter(f"{value!r} is not two numbers like 0.55,1.5") from None
    return a, b


@click.command()
@click.argument("model", type=PATH)
@click.argument("data", type=PATH)
@click.option("--exact", is_flag=True, help=_EXACT)
@click.option(
    "--metrics", metavar="M,M", help="accuracy, loss, P@k, nDCG@k, PSP@k: P@1,nDCG@3,PSP@5."
)
@click.option(
    "--propensity",
    callback=_pair,
    metavar="A,B",
    default="0.55,1.5",
    show_default=True,
    help="Of PSP@k; 0.5,0.4 for Wikipedia, 0.6,2.6 for Amazon.",
)
@click.option(
    "--groups",
    is_flag=True,
    help=f"Recall@{_GROUP_K} of labels frequent (head), less so (torso) and rare (tail) in "
    "training.",
)
@jobs_option
@json_option
def evaluate(
    model: Path,
    data: Path,
    exact: bool,
    metrics: str | None,
    propensity: tuple[float, float],
    groups: bool,
    n_jobs: int,
    as_json: bool,
) -> None:
    """Measure MODEL on DATA, through its gates as in training and with every row computed; a tagger
    through its router, or with --exact with every leaf opened. Then tell how long single examples
    take, and what gates or router leave out.

    DATA is a folder of idx files (its test set is used), npz, svmlight or Extreme Classification
    text, or what `fewfire convert` made of it, encoded like the training set; for a model of raw
    text also that, named .tsv or .tsv.gz, a line of which is text, tab, label,label.
    """
    net = load(model)
    examples = read_part(data, _encoding_of(net), 1)
    names = metrics.split(",") if metrics else None
    measure = partial(net.evaluate, examples, names, n_jobs=n_jobs, propensity=propensity)
    recalls = partial(net.recall_by_group, examples, _GROUP_K, n_jobs=n_jobs)
    if as_json:
        report = metrics_dict(measure(exact=exact))
        if _leaves_out(net):
            report["latency"] = asdict(net.latency(examples, _latency_k(net), n_jobs=n_jobs))
        if groups:
            found = recalls(exact=exact)
            report["groups"] = {name: asdict(group) for name, group in found.items()}
        print_json(report)
        return
    ways = _ways(net, exact=exact)
    rows = [_figures(computed, measure(exact=every)) for computed, every in ways.items()]
    print(
        f"{len(examples):,} examples; multiplications and additions are per example, shares are of "
        "the dense model with and without the zeros of the data"
    )
    print(table(rows))
    if _leaves_out(net):
        print(_in_use(net.latency(examples, _latency_k(net), n_jobs=n_jobs)))
    if groups:
        by_way = {computed: recalls(exact=every) for computed, every in ways.items()}
        print(f"labels by frequency in training: recall@{_GROUP_K} of their occurrences")
        print(table(_group_rows(by_way)))


def _ways(net: Network | Labeller, *, exact: bool) -> dict[str, bool]:
    """Return the ways to compute that are worth a line, and whether each is exact."""
    if isinstance(net, Labeller):  # opening every leaf is slow: only if it is asked for
        return {"every leaf": True} if exact else {"through the router": False}
    if exact or not net.is_gated:
        return {"every row": True}
    return {"through the gates": False, "every row": True}


def _leaves_out(net: Network | Labeller) -> bool:
    return isinstance(net, Labeller) or net.is_gated


def _latency_k(net: Network | Labeller) -> int:
    return min(_GROUP_K, net.n_outputs)


def _in_use(found: Latency) -> str:
    gated, one, many = (
        ("gates", "row", "rows") if found.leaves is None else ("router", "leaf", "leaves")
    )
    scored = (
        f"the last layer scores {found.candidates:,.0f} rows"
        if found.leaves is None
        else f"{found.leaves:,} leaves are opened, and {found.candidates:,.0f} labels scored"
    )
    return (
        f"single examples, one thread: p50 {found.p50:,.0f} us, p99 {found.p99:,.0f} us through "
        f"the {gated}; p50 {found.exact_p50:,.0f} us, p99 {found.exact_p99:,.0f} us with every "
        f"{one}\n{scored}; of the {found.k} best of all {many} {found.recall:.2%} are found"
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


@click.command()
@click.argument("model", type=PATH)
@click.argument("data", type=PATH)
@click.option("-k", default=1, show_default=True, help="Best rows per example.")
@click.option("--exact", is_flag=True, help=_EXACT)
@click.option(
    "--why",
    is_flag=True,
    help="Tagger: a line per label, with the features, and pairs of them, that spoke most for it.",
)
@jobs_option
@json_option
def predict(
    model: Path, data: Path, k: int, exact: bool, why: bool, n_jobs: int, as_json: bool
) -> None:
    """Print, for each example of DATA, the K best labels of MODEL with their scores.

    DATA is what evaluate takes; targets are ignored, and raw text, named .tsv or .tsv.gz, needs
    none: a line is a text. A line of the output holds label, tab, score for each, best first; for
    a network of values, the values.
    """
    net = load(model)
    encoding = _encoding_of(net)
    examples = read_part(data, encoding and encoding.of_features(), 1)
    chunks = (examples[begin : begin + _CHUNK] for begin in range(0, len(examples), _CHUNK))
    if why:
        _explain(tagger_of(net, "--why"), chunks, k, exact=exact, as_json=as_json)
        return
    parts = (_predictions(net, chunk, k, exact, n_jobs) for chunk in chunks)
    if as_json:
        print_json({"predictions": [row for part in parts for row in part]})
        return
    for part in parts:
        for row in part:
            pairs = row if _gives_values(net) else (entry for pair in row for entry in pair)
            words = (f"{word:.6g}" if isinstance(word, float) else str(word) for word in pairs)
            sys.stdout.write("\t".join(words) + "\n")


def _explain(
    tagger: Tagger, chunks: Iterable[Dataset], k: int, *, exact: bool, as_json: bool
) -> None:
    if exact:
        raise click.UsageError("--why explains what the router finds: leave out --exact")
    found = (example for chunk in chunks for example in reasons(tagger, chunk, k, _WHY))
    if as_json:
        print_json({"predictions": list(found)})
        return
    for example in found:
        sys.stdout.write(as_lines(example))


def _predictions(
    net: Network | Labeller, data: Dataset, k: int, exact: bool, n_jobs: int
) -> list[Any]:
    if _gives_values(net):
        return list(net.decision_function(data, exact=exact, n_jobs=n_jobs).tolist())
    top = net.predict_topk(data, k, exact=exact, n_jobs=n_jobs)
    names = net.label_names or range(net.n_outputs)
    return [
        [(names[row], float(score)) for row, score in zip(rows, scores, strict=True) if row >= 0]
        for rows, scores in zip(top.indices.tolist(), top.scores, strict=True)
    ]


@click.command()
@click.argument("model", type=PATH)
@click.option("--tables", is_flag=True, help="Look into the indexes of hashed layers.")
@click.option(
    "--leaves",
    type=click.IntRange(min=0),
    metavar="N",
    help="Tagger: show the first N leaves, their telling features and labels; default: 10.",
)
@click.option("--data", type=PATH, help="--tables: see what gates choose for these examples.")
@click.option(
    "--examples",
    type=click.IntRange(min=1),
    default=1000,
    show_default=True,
    help="--data: use the first N.",
)
@jobs_option
@json_option
def inspect(
    model: Path,
    tables: bool,
    leaves: int | None,
    data: Path | None,
    examples: int,
    n_jobs: int,
    as_json: bool,
) -> None:
    """Print what MODEL is made of, with --tables how its hashed layers fare."""
    if data is not None and not tables:
        raise click.UsageError("--data needs --tables")
    net = load(model)
    if isinstance(net, Labeller):
        if tables:
            raise click.UsageError("--tables is of hashed layers, and the model is a tagger")
        inspect_tagged(net, model, _LEAVES if leaves is None else leaves, as_json=as_json)
        return
    if leaves is not None:
        tagger_of(net, "--leaves")
    stats: list[TableStats] = []
    if tables:
        features = net.encoding and net.encoding.of_features()
        seen = None if data is None else read_part(data, features, 1)[:examples]
        stats = net.table_stats(seen, n_jobs=n_jobs)
    size = model.stat().st_size
    layers = [
        {
            **to_dict(layer.settings),
            "n_active": layer.settings.active,
            "mean_abs_weight": float(np.abs(layer.weights).mean()),
            "zero_weights": float((layer.weights == 0).mean()),
        }
        for layer in net.layers
    ]
    if as_json:
        encoding = None if net.encoding is None else net.encoding.to_dict()
        print_json(
            {
                "n_parameters": net.n_parameters,
                "bytes": size,
                "loss": net.loss,
                "encoding": encoding,
                "layers": layers,
                **({"tables": [each.to_dict() for each in stats]} if tables else {}),
            }
        )
        return
    print(f"{model}: {net!r}, {size / 1e6:.1f} MB")
    print(net.summary())
    if tables:
        print(_describe(stats))
    if net.encoding is None:
        print("not trained yet")
        return
    if net.encoding.text is not None:
        print(f"takes raw text: {net.encoding.text!r}")
    print(f"loss: {net.loss}; targets: {net.encoding.n_labels:,} {net.encoding.kind}")
    if net.label_names is not None:
        shown = ", ".join(map(str, net.label_names[:10]))
        print(f"labels: {shown}{', ...' if len(net.label_names) > 10 else ''}")


def _describe(stats: Sequence[TableStats]) -> str:
    """Return a table of hashed layers, and below it how many buckets hold how many rows."""
    if not stats:
        return "no layer is hashed"
    lines = [table([_row(each) for each in stats])]
    for each in stats:
        if each.n_tables:
            counts = ", ".join(f"{rows}: {n:,}" for rows, n in _binned(each.load_histogram))
            lines.append(f"layer {each.layer}, buckets by rows in them: {counts}")
    return "\n".join(lines)


def _row(stats: TableStats) -> dict[str, str]:
    buckets = f"{stats.n_tables} x {stats.n_buckets}" if stats.n_tables else "none"
    row = {
        "layer": str(stats.layer),
        "family": stats.family,
        "tables": buckets,
        "empty buckets": f"{stats.empty_buckets:.1%}" if stats.n_tables else "-",
        "largest": str(stats.largest_bucket) if stats.n_tables else "-",
    }
    if stats.n_examples:
        row |= {
            "never chosen": f"{stats.never_chosen} of {len(stats.usage)}",
            "recall": f"{stats.recall:.3f}",
            "of the best row": f"{stats.recall_best:.3f}",
            "cost of finding": f"{stats.cost_share:.1%}",
        }
    return row


def _binned(histogram: NDArray[np.int64]) -> Iterator[tuple[str, int]]:
    """Loads 0, 1, 2-3, 4-7, ... with their numbers of buckets."""
    yield "0", int(histogram[0])
    low = 1
    while low < len(histogram):
        high = 2 * low - 1
        yield str(low) if low == high else f"{low}-{high}", int(histogram[low : high + 1].sum())
        low = high + 1
