"""PyTorch's ways to train a net with very many labels, on the CPU: full and sampled softmax.

Each takes a short turn at a time on a new net, and only steps are timed, not the making of batches.
A name says what a peer does: `full-512-adam-bf16`, `sampled-128-sgd`. Sparse gradients go to
SparseAdam, those of `sampled-...-sgd` to SGD.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor, nn

from fewfire import Dataset
from xc import Clock, Cost

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # of malloc.h


def prepare(threads: int) -> None:
    """Let PyTorch be as fast as it can. Arrays of a step take hundreds of MB, and to get them from
    the system each time takes a quarter of it: malloc keeps what is freed."""
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):  # of glibc
        libc.mallopt(M_MMAP_MAX, 0)
        libc.mallopt(M_TRIM_THRESHOLD, -1)


class Peer:
    """One way to train, with `n_computed` rows for each example where it draws them."""

    def __init__(self, name: str, data: Dataset, dim: int, n_computed: int) -> None:
        kind, batch_size, self.optimizer, *rest = name.split("-")
        self.name = name
        self.data = data
        self.dim = dim
        self.n_computed = n_computed
        self.is_full = kind == "full"
        self.batch_size = int(batch_size)
        self.bf16 = rest == ["bf16"]

    def turn(self, seed: int, *, n_warm: int, n_steps: int) -> list[Cost]:
        """Train a new net for some steps; return what each took after a warm-up."""
        torch.manual_seed(seed)
        net = self._net()
        optimizers = self._optimizers(net)
        costs = []
        for batch in batches(self.data, self.batch_size, n_warm + n_steps, seed):
            clock = Clock()
            for optimizer in optimizers:
                optimizer.zero_grad()
            with torch.autocast("cpu", torch.bfloat16, enabled=self.bf16):
                loss = net.loss(batch)
            loss.backward()
            for optimizer in optimizers:
                optimizer.step()
            costs.append(clock.cost(self.batch_size))
        return costs[n_warm:]

    def _net(self) -> Full | Sampled:
        shape = self.data.n_features, self.dim, self.data.n_labels
        if self.is_full:
            return Full(*shape)
        labels_per_example = self.data.y.nnz / len(self.data)
        return Sampled(*shape, max(1, round(self.n_computed - labels_per_example)))

    def _optimizers(self, net: Full | Sampled) -> list[torch.optim.Optimizer]:
        """Of the parameters whose gradients are sparse, and of the others."""
        sparse = [module.weight for module in net.modules() if getattr(module, "sparse", False)]
        known = {id(weights) for weights in sparse}
        dense = [weights for weights in net.parameters() if id(weights) not in known]
        if self.optimizer == "adam":
            return [torch.optim.SparseAdam(sparse), torch.optim.Adam(dense, fused=True)]
        lazy = torch.optim.SparseAdam(sparse) if self.is_full else torch.optim.SGD(sparse, lr=0.01)
        return [lazy, torch.optim.SGD(dense, lr=0.01, fused=True)]


class Batch(NamedTuple):
    """Features as a bag takes them; each label with its example, place there and weight."""

    ids: Tensor
    offsets: Tensor
    values: Tensor
    labels: Tensor
    examples: Tensor
    places: Tensor
    weights: Tensor  # 1 / labels of the example


def batches(data: Dataset, size: int, n: int, seed: int) -> Iterator[Batch]:
    """Draw batches of examples that have labels."""
    some = np.flatnonzero(np.diff(data.y.indptr))
    rng = np.random.default_rng(seed)
    for _ in range(n):
        part = data[rng.choice(some, size)]
        yield Batch(*_features(part.X), *_labels(part.y))


def _features(X: csr_array) -> tuple[Tensor, ...]:
    ids, offsets = (np.asarray(x, np.int64) for x in (X.indices, X.indptr[:-1]))
    return torch.from_numpy(ids), torch.from_numpy(offsets), torch.from_numpy(X.data)


def _labels(y: csr_array) -> tuple[Tensor, ...]:
    counts = np.diff(y.indptr)
    examples = np.repeat(np.arange(len(counts)), counts)
    places = np.arange(y.nnz) - y.indptr[examples]
    weights = (1 / counts[examples]).astype(np.float32)
    indices = (np.asarray(x, np.int64) for x in (y.indices, examples, places))
    return *map(torch.from_numpy, indices), torch.from_numpy(weights)


class Hidden(nn.Module):
    """relu(sum_j x_j w_j + b)"""

    def __init__(self, n_features: int, dim: int) -> None:
        super().__init__()
        self.bag = nn.EmbeddingBag(n_features, dim, mode="sum", sparse=True)
        self.bias = nn.Parameter(torch.zeros(dim))

    def forward(self, batch: Batch) -> Tensor:
        bags = self.bag(batch.ids, batch.offsets, per_sample_weights=batch.values)
        return torch.relu(bags + self.bias)


class Full(nn.Module):
    """Every row is computed for every example."""

    def __init__(self, n_features: int, dim: int, n_labels: int) -> None:
        super().__init__()
        self.hidden = Hidden(n_features, dim)
        self.output = nn.Linear(dim, n_labels)

    def loss(self, batch: Batch) -> Tensor:
        return CrossEntropy.apply(self.output(self.hidden(batch)), batch)


class CrossEntropy(torch.autograd.Function):
    """Mean cross entropy of scores that nobody else needs, with the target spread over the labels.

    The gradient takes the place of the scores, and the targets are never written down as a dense
    array: a tenth faster than `log_softmax` and a gather, a third than `cross_entropy`.
    """

    @staticmethod
    def forward(context: Any, scores: Tensor, batch: Batch) -> Tensor:
        log_sums = scores.logsumexp(1)
        context.batch = batch
        context.save_for_backward(scores, log_sums)
        wanted = scores[batch.examples, batch.labels] * batch.weights
        return (log_sums.sum() - wanted.sum()) / len(scores)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None]:
        scores, log_sums = context.saved_tensors
        batch = context.batch
        deltas = scores.sub_(log_sums[:, None]).exp_()
        targets = batch.weights.to(deltas.dtype)
        deltas.index_put_((batch.examples, batch.labels), -targets, accumulate=True)
        return deltas.mul_(gradient / len(scores)), None


class Sampled(nn.Module):
    """An example's labels are computed for it, and for all of a batch rows drawn uniformly, which
    stand for all others (log-q correction: Jean et al., ACL 2015)."""

    def __init__(self, n_features: int, dim: int, n_labels: int, n_negatives: int) -> None:
        super().__init__()
        self.hidden = Hidden(n_features, dim)
        self.rows = nn.Embedding(n_labels, dim, sparse=True)
        self.bias = nn.Embedding(n_labels, 1, sparse=True)
        self.n_labels = n_labels
        self.n_negatives = n_negatives

    def loss(self, batch: Batch) -> Tensor:
        hidden = self.hidden(batch)
        drawn = torch.randint(self.n_labels, (self.n_negatives,)).unique()  # ascending
        chosen = torch.cat([batch.labels, drawn])
        sizes = len(batch.labels), len(drawn)
        own, others = self.rows(chosen).split(sizes)
        own_bias, other_bias = self.bias(chosen).squeeze(1).split(sizes)
        wanted = (own * hidden[batch.examples]).sum(1) + own_bias
        negatives = torch.addmm(other_bias, hidden, others.T) + np.log(self.n_labels / len(drawn))
        scores = torch.cat([spread(wanted, batch), without_labels(negatives, drawn, batch)], 1)
        return (scores.logsumexp(1).sum() - (wanted * batch.weights).sum()) / len(hidden)


def spread(scores: Tensor, batch: Batch) -> Tensor:
    """The scores of labels with a row for each example, and -inf where it has fewer."""
    shape = len(batch.offsets), int(batch.places.max()) + 1
    table = torch.full(shape, -torch.inf)
    return table.index_put((batch.examples, batch.places), scores)


def without_labels(scores: Tensor, drawn: Tensor, batch: Batch) -> Tensor:
    """A label that was drawn is no negative of its own example."""
    places = torch.searchsorted(drawn, batch.labels).clamp_(max=len(drawn) - 1)
    hit = drawn[places] == batch.labels
    none = torch.tensor(-torch.inf)
    return scores.index_put_((batch.examples[hit], places[hit]), none)
