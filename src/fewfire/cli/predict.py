"""`fewfire predict`: the best labels of each example, on request with reasons."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeGuard

import click
import numpy as np

from ..base.printable import field
from ..data import Dataset
from ..loading import load
from ..model.contract import Model
from ..network.network import Network
from ..tagger.tagger import Tagger
from .common import (
    EXACT,
    PATH,
    columns_of,
    jobs_option,
    json_option,
    print_json,
    rank_by_option,
    read_part,
    show,
    threshold_option,
    with_column_options,
)
from .long_runs import plain_warnings
from .numbers import COUNT
from .tagger_output import as_lines, reasons, tagger_of, tagger_of_lists

_CHUNK = 4096  # examples per block of output
_WHY = 8  # features that `--why` shows for a label


@click.command()
@click.argument("model", type=PATH)
@click.argument("data", type=PATH, nargs=-1, required=True)
@click.option(
    "-k", type=COUNT, metavar="K", default=1, show_default=True, help="Best rows per example."
)
@click.option("--exact", is_flag=True, help=EXACT)
@rank_by_option
@threshold_option
@click.option(
    "--why",
    is_flag=True,
    help="Tagger: a line per label, with the features, and pairs of them, that spoke most for it.",
)
@with_column_options
@jobs_option
@json_option
def predict(
    model: Path,
    data: tuple[Path, ...],
    k: int,
    exact: bool,
    rank_by: float,
    threshold: float | str | None,
    why: bool,
    text_column: str | None,
    label_column: str | None,
    label_separator: str | None,
    n_jobs: int,
    as_json: bool,
) -> None:
    """Print, for each example of DATA, the K best labels of MODEL with their scores.

    DATA is what evaluate takes; targets are ignored, and texts need none: a line is a text. A line
    of the output holds label, tab, score for each, best first; for a network of values, the values.
    """
    net = load(model)
    encoding = net.encoding
    columns = columns_of(text_column, label_column, label_separator)
    with plain_warnings():
        examples = read_part(data, encoding and encoding.of_features(), 1, columns=columns)
    chunks = (examples[begin : begin + _CHUNK] for begin in range(0, len(examples), _CHUNK))
    if rank_by and (why or _gives_values(net)):
        what = "--why explains the likeliest labels" if why else "values are in no order"
        raise click.UsageError(f"{what}: leave out --rank-by")
    if threshold is not None:
        if why or rank_by:
            other = "--why" if why else "--rank-by"
            raise click.UsageError(f"--threshold answers the likeliest: leave out {other}")
        tagger = tagger_of_lists(net)
        parts = (_above(tagger, chunk, threshold, exact, n_jobs) for chunk in chunks)
        _print(net, parts, as_json=as_json)
        return
    if why:
        _explain(tagger_of(net, "--why"), chunks, k, exact=exact, as_json=as_json)
        return
    parts = (_predictions(net, chunk, k, rank_by, exact, n_jobs) for chunk in chunks)
    _print(net, parts, as_json=as_json)


def _print(net: Model, parts: Iterable[list[Any]], *, as_json: bool) -> None:
    if as_json:
        print_json({"predictions": [row for part in parts for row in part]})
        return
    for part in parts:
        for row in part:
            pairs = row if _gives_values(net) else (entry for pair in row for entry in pair)
            words = (f"{word:.6g}" if isinstance(word, float) else field(word) for word in pairs)
            show("\t".join(words))


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
        show(as_lines(example))


def _above(
    tagger: Tagger, data: Dataset, threshold: float | str, exact: bool, n_jobs: int
) -> list[Any]:
    """Return the labels of each example that score more than a threshold, best first."""
    found = tagger.predict(data, threshold=threshold, exact=exact, n_jobs=n_jobs)
    most = max(1, int(np.diff(found.indptr).max(initial=0)))
    rows = _predictions(tagger, data, most, 0.0, exact, n_jobs)
    return [row[:n] for row, n in zip(rows, np.diff(found.indptr).tolist(), strict=True)]


def _predictions(
    net: Model, data: Dataset, k: int, rank_by: float, exact: bool, n_jobs: int
) -> list[Any]:
    if _gives_values(net):
        return list(net.decision_function(data, exact=exact, n_jobs=n_jobs).tolist())
    top = net.predict_topk(data, k, rank_by=rank_by, exact=exact, n_jobs=n_jobs)
    names = net.label_names or range(net.n_outputs)
    return [
        [(names[row], float(score)) for row, score in zip(rows, scores, strict=True) if row >= 0]
        for rows, scores in zip(top.indices.tolist(), top.scores, strict=True)
    ]


def _gives_values(model: Model) -> TypeGuard[Network]:
    return isinstance(model, Network) and model.loss == "squared"
