"""Where the biases of a last layer start: at the labels' frequencies."""

from __future__ import annotations

import numpy as np

from ..base.ledger import Ledger
from ..network.bag import EmbeddingBag
from ..network.network import Network


def start_at_priors(net: Network, n_threads: int = 1) -> Ledger:
    """Set the biases of an untrained last layer above an `EmbeddingBag` to its labels' log-odds.

    With them the first steps need not learn which labels are frequent. Softmax: the log of a
    label's share of all occurrences; logistic: of its share of the examples; each label is counted
    half a time more often than it occurred, so that no logarithm is of 0.

    Returns
    -------
    Ledger
        What the codes of the layer cost, made anew because they depend on the biases.
    """
    last = net.layers[-1]
    is_new = last.settings.bias and not last.bias.any()
    has_bag = isinstance(net.layers[0].settings, EmbeddingBag)
    if not is_new or not has_bag or net.label_counts is None:
        return Ledger.empty(len(net.layers))
    counts = net.label_counts + 0.5
    total = net.n_trained if net.loss == "logistic" else counts.sum()
    share = np.minimum(counts / total, 0.99)
    last.bias[...] = np.log(share / (1 - share)) if net.loss == "logistic" else np.log(share)
    return net.refresh(n_threads, positions=[len(net.layers) - 1])
