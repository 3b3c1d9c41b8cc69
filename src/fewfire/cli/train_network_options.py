"""The options of `fewfire train` that describe a network: each of them asks for one. Experts'
options come last."""

from __future__ import annotations

from typing import Any

import click

from ..base.bfloat16 import DTYPES
from ..base.checks import LARGEST_ID
from ..network.families import FAMILIES, SimHash
from ..network.families.simhash import PROJECTIONS, TRANSFORMS
from ..network.families.tables import REFRESHES
from ..network.linear import ACTIVATIONS
from ..network.losses import LOSSES
from ..training.optimizers import OPTIMIZERS
from ..training.schedules import SCHEDULES
from .choosing import NETWORK
from .gate_options import GATE_NAMES
from .network_options import names
from .numbers import COUNT, FROM_0
from .options import Owner, Table, option

OF_NETWORK = Owner("A network: each of these asks for one", NETWORK)
STEPS = Owner("A network's steps", NETWORK)
BAG = Owner("A network's bag (for experts)", NETWORK)
GATE = Owner("What chooses the rows of its hidden layers (for experts)", NETWORK)
HASHES = Owner("Hashes of these rows (for experts)", NETWORK)
TABLES = Owner("Tables of these hashes (for experts)", NETWORK)
RETRIEVAL = Owner("A network's last layer (for experts)", NETWORK)
RATES = Owner("A network's optimizers and schedules (for experts)", NETWORK)


def _widths(
    context: click.Context, parameter: click.Parameter, value: Any
) -> tuple[int, ...] | None:
    """Widths from "1000,1000", or from a list in a TOML file."""
    if value is None:
        return None
    words = value.split(",") if isinstance(value, str) else value
    try:
        widths = tuple(int(str(word)) for word in words if word != "")
    except (TypeError, ValueError):
        widths = (0,)
    if any(not 1 <= width <= LARGEST_ID for width in widths):
        raise click.BadParameter(f"{value!r} is not a list of widths like 1000,1000")
    return widths


_NETWORK: Table = [
    option("--hidden", of=OF_NETWORK, first=True, type=click.UNPROCESSED, callback=_widths,
           metavar="N,N",
           help='Network: widths of the hidden layers; "" for none; default: 1000,1000, or none '
                "behind a --bag."),
    option("--density", of=OF_NETWORK, first=True, type=float,
           help="Network: share of the rows of a hidden layer that an example computes; default: "
                "0.05."),
    option("--bag", of=OF_NETWORK, type=FROM_0,
           help="Width of a first layer that keeps a row of weights per feature, 0 for none; "
                "default: 256 for label lists of sparse features without --hidden."),
    option("--gate", of=OF_NETWORK, metavar="GATE", default="hashed", show_default=True,
           type=click.Choice(GATE_NAMES),
           help=f"What chooses the rows of the hidden layers: {', '.join(GATE_NAMES)}; auto is the "
                "fastest gate for each width, kdd2017 and slide are the published ones."),
    option("--activation", of=OF_NETWORK, type=click.Choice(ACTIVATIONS), default="relu",
           show_default=True, help="Of the hidden layers."),
    option("--dtype", of=OF_NETWORK, type=click.Choice(list(DTYPES)), default="float32",
           show_default=True, help="What weights are stored as: bfloat16 takes half the memory."),
]  # fmt: skip

_STEPS: Table = [
    option("--loss", of=STEPS, type=click.Choice(LOSSES),
           help="Default: softmax for classes, logistic for labels (softmax behind a --bag), "
                "squared for values. squared takes whole numbers as values, not as classes."),
    option("--optimizer", of=STEPS, type=names(OPTIMIZERS),
           help="Default: rms, rowwise, centred, with lr and l2 that follow the data (--tune); "
                "dense nets adam, l2 0.1; behind a --bag rms, lr 0.002."),
    option("--lr", of=STEPS, type=float, help="Learning rate; default: the optimizer's."),
    option("--l2", of=STEPS, type=float,
           help="Decay of the weights; default of an --optimizer: 0."),
    option("--schedule", of=STEPS, type=names(SCHEDULES),
           help="Of the learning rate; default: linear, behind a --bag onecycle."),
    option("--batch-size", of=STEPS, type=int, help="Examples per step; default: fitted."),
]  # fmt: skip

_BAG: Table = [
    option("--input-dropout", of=BAG, type=float,
           help="Share of an example's features left out; default: 0.3."),
    option("--dropout", of=BAG, type=float, help="Share of its neurons left out; default: 0.2."),
]  # fmt: skip

_GATE: Table = [
    option("--family", of=GATE, type=click.Choice(FAMILIES), help="Of hashes; default: sign."),
    option("--rerank", of=GATE, type=float,
           help="Candidates per kept row; default: 3; for sign codes 1.75,"
                " and more where inputs have few values."),
    option("--soft/--hard", of=GATE, default=None,
           help="Whether values start at the threshold."),
    option("--differentiate/--no-differentiate", of=GATE, default=None,
           help="Whether gradient flows through the threshold; default: no."),
    option("--explore", of=GATE, type=float,
           help="--hard: share of the kept rows drawn from rarely trained ones; default: 0."),
    option("--alpha", of=GATE, type=float,
           help="sign: weight of sign sums against biases; default: of each row its own. "
                "adaptivedropout: rows are kept at sigmoid(alpha z + beta); default: 1."),
    option("--beta", of=GATE, type=float, help="adaptivedropout; default: 0."),
]  # fmt: skip

_HASHES: Table = [
    option("--n-columns", of=HASHES, type=int,
           help="sign: columns whose signs a query reads; default: all."),
    option("--binary", of=HASHES, is_flag=True, default=None,
           help="sign: count an input that is not 0 as the mean of them: fewer additions."),
    option("--n-bits", of=HASHES, type=int, help="Bits per code; default: simhash 6, minhash 12."),
    option("--n-hashes", of=HASHES, type=int,
           help="Hashes per code; default: dwta 3, minhash 1."),
    option("--projection", of=HASHES, type=click.Choice(PROJECTIONS),
           help="simhash: random vectors; default: gaussian."),
    option("--mips", of=HASHES, type=click.Choice(TRANSFORMS),
           help="simhash: transform for rows of unequal norms; default: none."),
    option("--norm-powers", of=HASHES, type=int, help="sign-alsh: m; default: 2."),
    option("--largest-norm", of=HASHES, type=float, help="sign-alsh: U; default: 0.75."),
    option("--center/--no-center", of=HASHES, default=None,
           help="sign, simhash: take the mean input away; default: sign yes, simhash no."),
    option("--n-cells", of=HASHES, type=int,
           help="centroid: cells; default: 128 or, from 32,000 rows on, 192; in a last layer "
                "about 14 root(rows)."),
    option("--spherical/--by-distance", of=HASHES, default=None,
           help="centroid: whether rows are clustered by direction; default: yes, in a last layer "
                "no."),
]  # fmt: skip

_TABLES: Table = [
    option("--n-tables", of=TABLES, type=int, help="Hash tables; default: 50."),
    option("--probes", of=TABLES, type=int,
           help="Buckets besides the query's own; default: 0; centroid: fitted."),
    option("--rank", of=TABLES, type=click.Choice(SimHash.RANKS),
           help="Which rows of the buckets; default: count, centroid: sign."),
    option("--refresh", of=TABLES, type=click.Choice(REFRESHES),
           help="What is hashed again now and then; default: full, centroid: touched."),
    option("--refresh-every", of=TABLES, type=int,
           help="Steps between two refreshes; default: 1000."),
    option("--refresh-growth", of=TABLES, type=float,
           help="Each pause is this many times the last; default: 1, centroid: 1.3."),
    option("--drift", of=TABLES, type=float,
           help="refresh drift: share of stale bits that asks for a refresh; default: 0.05."),
    option("--redraw-every", of=TABLES, type=int,
           help="simhash: steps until the next table in turn is redrawn; default: never."),
]  # fmt: skip

_RETRIEVAL: Table = [
    option("--output-rows", of=RETRIEVAL, type=click.Choice(["all", "hashed"]),
           help="Rows that are computed; default: hashed where it is wide."),
    option("--candidates", of=RETRIEVAL, type=COUNT,
           help="Hashed: rows computed for an example; default: 1000."),
    option("--negatives", of=RETRIEVAL, type=FROM_0,
           help="Hashed: rows drawn for a micro-batch; default: 3072."),
    option("--ns-exponent", of=RETRIEVAL, type=float,
           help="Hashed: half of the negatives follow label counts to this power; default: 0.75."),
    option("--head", of=RETRIEVAL, type=FROM_0,
           help="Hashed: frequent labels among the candidates; default: 256, at most a quarter of "
                "them."),
    option("--thin", of=RETRIEVAL, type=float,
           help="Hashed: gradients below this are left out or enlarged to it, at random; default: "
                "0.001."),
]  # fmt: skip

_RATES: Table = [
    option("--momentum", of=RATES, type=float, help="sgd; default: 0."),
    option("--beta1", of=RATES, type=float, help="adam; default: 0.9."),
    option("--beta2", of=RATES, type=float, help="adam; default: 0.999."),
    option("--rho", of=RATES, type=float, help="rms; default: 0.999."),
    option("--eps", of=RATES, type=float, help="adagrad, rms, adam; default: 1e-8."),
    option("--rowwise/--elementwise", of=RATES, default=None,
           help="adagrad, rms, adam: second moments by row; default of an --optimizer: no."),
    option("--centred", of=RATES, is_flag=True, default=None,
           help="adagrad, rms with --rowwise: rows learn as if the mean input had been taken from "
                "every input; default: no."),
    option("--initial", of=RATES, type=float, help="adagrad: sum at the start; default: 0."),
    option("--warmup", of=RATES, type=int, help="Steps in which the rate rises; default: 0."),
    option("--final", of=RATES, type=float, help="linear, cosine: last factor; default: 0."),
    option("--n-drops", of=RATES, type=int, help="step; default: 2."),
    option("--factor", of=RATES, type=float, help="step; default: 0.1."),
    option("--rise", of=RATES, type=float, help="onecycle: share of the run; default: 0.3."),
]  # fmt: skip

NETWORK_OPTIONS: list[Table] = [
    *(_NETWORK, _STEPS, _BAG, _GATE, _HASHES, _TABLES, _RETRIEVAL, _RATES),
]
