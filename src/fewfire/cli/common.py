"""What commands share: options, reading data, and tables."""

from __future__ import annotations

import contextlib
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import click

from .. import datasets
from ..base.checks import check_number, thread_count
from ..base.ledger import Ledger
from ..base.printable import visible
from ..base.replacing import check_writable
from ..data import Dataset, Encoding
from ..data.columns import Columns
from ..data.encoding import Kind
from ..measure.metrics import Metrics
from ..measure.ranking import EXPONENTS, exponent_of
from ..model.contract import Model
from ..network.bag import EmbeddingBag
from ..network.linear import Linear
from ..network.network import Network

Command = TypeVar("Command", bound=Callable[..., Any])

PATH = click.Path(path_type=Path)


class _Writable(click.Path):
    """A file to write, tried before any work."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Take a path of the command line."""
        path = super().convert(value, param, ctx)
        try:
            check_writable(Path(value))
        except (OSError, ValueError) as error:
            self.fail(str(error), param, ctx)
        return path


WRITABLE = _Writable(path_type=Path)
COLUMN_OPTIONS = ("text_column", "label_column", "label_separator")  # of `columns_of`
EXACT = "Compute every row, not through the gates; of a tagger, open every leaf."


def json_option(command: Command, **more: Any) -> Command:
    """Add `--json`, with more attributes if there are."""
    declare = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.", **more)
    return declare(command)


def rank_by_option(command: Command) -> Command:
    """Add `--rank-by`, the exponent of propensities."""
    text = (
        "precision: the likeliest labels first; propensity: those whose likelihood is large for "
        "how rare they are, best for PSP@k; or a number between, 0 to 1."
    )
    declare = click.option(
        "--rank-by", metavar="R", callback=_exponent, default="precision", show_default=True,
        help=text,
    )  # fmt: skip
    return declare(command)


def threshold_option(command: Command) -> Command:
    """Add `--threshold`, a number or "auto"."""
    text = (
        "Tagger of label lists: the labels whose score is above X, 0 to 1; auto: that of the best "
        "F1 on validation, which training kept."
    )
    declare = click.option("--threshold", metavar="X", callback=_threshold, help=text)
    return declare(command)


def _threshold(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> float | str | None:
    if value in (None, "auto"):
        return value
    try:
        return check_number("threshold", float(value), low=0.0, high=1.0)
    except ValueError as error:
        raise click.BadParameter(f"{value!r} is not auto or a number from 0 to 1") from error


def _exponent(context: click.Context, parameter: click.Parameter, value: str) -> float:
    try:
        return exponent_of(value if value in EXPONENTS else float(value))
    except ValueError as error:
        raise click.BadParameter(
            f"{value!r} is not precision, propensity or a number from 0 to 1"
        ) from error


def jobs_option(command: Command, **more: Any) -> Command:
    """Add `--n-jobs`, with more attributes if there are."""
    text = "Threads; default: all cores."
    declare = click.option("--n-jobs", type=int, metavar="N", callback=_threads, help=text, **more)
    return declare(command)


def _threads(context: click.Context, parameter: click.Parameter, value: int | None) -> int:
    try:
        return thread_count(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def say(text: str) -> None:
    """Let the user know of progress, if the terminal is still there."""
    with contextlib.suppress(OSError):
        print(visible(text), file=sys.stderr)


def show(text: str) -> None:
    """Print results as text; names in it went through `field`."""
    print(visible(text))


def print_json(result: Any) -> None:
    """Print a result as one JSON object; what is not finite becomes null."""
    text = json.dumps(_finite(result), indent=2)
    print(text.replace("\x7f", "\\u007f"))  # the one control character that JSON takes as it is


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(entry) for entry in value]
    if isinstance(value, float) and not (abs(value) < float("inf")):
        return None
    return value


def read_part(
    paths: Sequence[Path],
    encoding: Encoding | None,
    part: int,
    labels: Path | None = None,
    kind: Kind = None,
    columns: Columns | None = None,
) -> Dataset:
    """Read a file or several, or with "-" standard input; of a folder or archive with two parts,
    the training (0) or the test set (1).

    `labels` is the file of the labels' names, if there is one; `kind` says what targets are,
    `columns` where texts and labels are.
    """
    like = None if paths[0].is_dir() else encoding
    names = None if labels is None else datasets.load_names(labels)
    with all_at_hand(paths) as places:
        found = datasets.load(places, like, label_names=names, kind=kind, columns=columns)
    return one_part(found, part)


@contextlib.contextmanager
def all_at_hand(paths: Sequence[Path]) -> Iterator[list[Path]]:
    """Return where to read files, as `at_hand` does."""
    if len(paths) > 1 and any(str(path) == "-" for path in paths):
        raise click.UsageError("standard input is read alone: leave out the other files")
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(at_hand(path)) for path in paths]


@contextlib.contextmanager
def at_hand(path: Path) -> Iterator[Path]:
    """Return where to read a file: itself, or of "-" a copy of what comes from standard input."""
    if str(path) != "-":
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "input"
        with open(place, "wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        if place.stat().st_size == 0:
            raise ValueError("standard input is empty")
        try:
            yield place
        except ValueError as error:
            raise ValueError(str(error).replace(str(place), "standard input")) from error


def columns_of(
    text_column: str | None, label_column: str | None, label_separator: str | None
) -> Columns | None:
    """Return the columns that options name, None if they name none."""
    if (text_column, label_column, label_separator) == (None, None, None):
        return None
    texts = tuple(text_column.split(",")) if text_column else ()
    text = texts if len(texts) > 1 else text_column
    return Columns(text=text, labels=label_column, separator=label_separator)


def column_options(option: Callable[..., Any]) -> list[Any]:
    """Return the options of `columns_of`, each made by `option`."""
    return [
        option("--text-column", metavar="NAME",
               help="Of a table or JSON: the column of the texts, or several with commas between "
                    "them; by name or place, from 1."),
        option("--label-column", metavar="NAME", help="The column of the labels."),
        option("--label-separator", metavar="S",
               help="What stands between labels, such as ';' or ' '; default: as it seems."),
    ]  # fmt: skip


def with_column_options(command: Command) -> Command:
    """Add the options of `columns_of`."""
    for declare in reversed(column_options(click.option)):
        command = declare(command)
    return command


def unknown_labels(examples: Dataset) -> str:
    """Return a line about labels that the training set lacks, empty if there are none."""
    unknown = examples.unknown_labels
    if unknown is None:
        return ""
    return (
        f"labels that the model does not know: {unknown.shape[1]:,}, in {unknown.nnz:,} places; "
        "they count as missed"
    )


def one_part(found: Dataset | tuple[Dataset, Dataset], part: int) -> Dataset:
    """Return the training (0) or the test set (1); a set without parts serves as both."""
    return found[part] if isinstance(found, tuple) else found


def make_network(
    data: Dataset,
    widths: Sequence[int],
    seed: int,
    hidden: Callable[[int, int], Linear],
    first: Callable[[int], EmbeddingBag] | None = None,
    output: Callable[[int, int], Linear] = Linear,
) -> Network:
    """Return a network for `data` with hidden layers of these widths, which `hidden` makes, behind
    a bag, if there is one."""
    if len(data) == 0:
        raise ValueError("the data set has no examples")
    if data.kind is None:
        raise ValueError("the data has no targets to learn: give it labels")
    bag = [] if first is None else [first(data.n_features)]
    sizes = (bag[0].dim if bag else data.n_features, *widths)
    layers = [hidden(n_in, n_out) for n_in, n_out in pairwise(sizes)]
    return Network(*bag, *layers, output(sizes[-1], data.n_labels), random_state=seed)


def shape(examples: Dataset) -> dict[str, Any]:
    """Return the sizes of a data set for JSON."""
    return {
        "n_examples": len(examples),
        "n_features": examples.n_features,
        "n_labels": examples.n_labels,
        "kind": examples.kind,
    }


def ways_of(model: Model, *, exact: bool = False) -> dict[str, bool]:
    """Return the ways to answer that are worth a line, in words, and whether each is exact."""
    gated, every = {f"through the {model.ways.gate}": False}, {f"every {model.ways.one}": True}
    if exact or not model.is_gated:
        return every
    return gated if model.ways.exact_is_slow else gated | every


def metrics_dict(metrics: Metrics) -> dict[str, Any]:
    """Return an evaluation for JSON."""
    return {
        "metrics": dict(metrics),
        "density": metrics.density,
        "n_examples": metrics.n_examples,
        "exact": metrics.exact,
        "ledger": metrics.ledger.to_dict(),
    }


def cost(ledger: Ledger, n_examples: int) -> dict[str, str]:
    """Return the columns of a table that say what examples cost."""
    n_examples = max(1, n_examples)
    return {
        "multiplications": f"{ledger.total / n_examples:,.0f}",
        "of dense": f"{ledger.share:.2%}",
        "zeros skipped": f"{ledger.share_nonzero:.2%}",
        "additions": f"{ledger.additions / n_examples:,.0f}",
    }


def table(rows: Sequence[dict[str, str]]) -> str:
    """Return rows with the same columns as text, the first column left-aligned."""
    columns = list(rows[0])
    widths = [max(len(name), *(len(row[name]) for row in rows)) for name in columns]
    lines = [dict(zip(columns, columns, strict=True)), *rows]
    return "\n".join(
        "  ".join(
            line[name].ljust(width) if name == columns[0] else line[name].rjust(width)
            for name, width in zip(columns, widths, strict=True)
        ).rstrip()
        for line in lines
    )
