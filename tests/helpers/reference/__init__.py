"""The numpy twin of the core: every formula in float64, written to be read, one idea a file.

A layer's weights and bias are one matrix `rows` (n, d + 1), the bias in the last column. What the
core draws at random the twin does not imitate: ties lower `Record.margin`, the distance of the
closest yes-or-no decision, so that a test can set such a case aside; the rows that dropout keeps,
adaptive or not, and those that tables propose (they cut ties and fill up at random) are read off
the core.

`runs` reads from the top: `passes` (forward and backward), `gates`, `losses`, `optimizers`. A run
records what it did, and `counting` tells what that costs. `kernels` are the loops of core/kernels,
`trees` the taggers'.
"""

from reference.bfloat16 import lots, nearest_bfloat16, rounded_by, widened
from reference.cells import (
    CentroidIndex,
    cells_of_query,
    cells_of_rows,
    followed,
    rounded_cells_of_query,
)
from reference.counting import FIELDS, kmeans_cost, ledger, usage
from reference.families import dwta_codes, minhash_codes
from reference.features import expand, frequent_pairs
from reference.gates import keep_probabilities
from reference.losses import LOSSES, sampled_loss
from reference.nets import AdaptiveDropout, Bag, Dropout, Hashed, Layer, Model, Retrieve, TopK
from reference.optimizers import Optimizer, State, new_state
from reference.passes import ACTIVATIONS, SLOPES
from reference.randomness import example_key, random_bits
from reference.retrieval import shared_negatives, stands_for, thinned
from reference.runs import Trained, best, losses, scores, train
from reference.signs import SignIndex, sign_bits
from reference.simhash import Transform, simhash_codes
from reference.tables import TableIndex, build_table
from reference.vectors import nonzeros

__all__ = [
    "ACTIVATIONS",
    "FIELDS",
    "LOSSES",
    "SLOPES",
    "AdaptiveDropout",
    "Bag",
    "CentroidIndex",
    "Dropout",
    "Hashed",
    "Layer",
    "Model",
    "Optimizer",
    "Retrieve",
    "SignIndex",
    "State",
    "TableIndex",
    "TopK",
    "Trained",
    "Transform",
    "best",
    "build_table",
    "cells_of_query",
    "cells_of_rows",
    "dwta_codes",
    "example_key",
    "expand",
    "followed",
    "frequent_pairs",
    "keep_probabilities",
    "kmeans_cost",
    "ledger",
    "losses",
    "lots",
    "minhash_codes",
    "nearest_bfloat16",
    "new_state",
    "nonzeros",
    "random_bits",
    "rounded_by",
    "rounded_cells_of_query",
    "sampled_loss",
    "scores",
    "shared_negatives",
    "sign_bits",
    "simhash_codes",
    "stands_for",
    "thinned",
    "train",
    "usage",
    "widened",
]
