"""A hashed last layer with its loss, as a module."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import linear, log_softmax, logsigmoid

from .. import _core
from ..base.checks import check_choice, check_integer, thread_count
from ..measure.result import TopKResult
from ..network.codes import CellCodes, TableCodes
from ..network.linear import Linear
from ..network.network import Network
from ..network.retrieve import Retrieve
from ..training.loop import Loop, RowGradients
from ..training.optimizers import RMS, Optimizer
from .function import HashedLoss
from .labels import label_targets
from .shared import Shared

_MOST_PENDING = 256  # backward passes without a step
_LOSSES = ("softmax", "decoupled", "logistic")


class HeadOutput(NamedTuple):
    """What a head returns, in the names of `torch.nn.AdaptiveLogSoftmaxWithLoss`."""

    output: Tensor  # (n,): minus the loss of each example, of one class its log-probability
    loss: Tensor  # their mean loss


class HashedSoftmaxWithLoss(Shared):
    """The last layer of a network of PyTorch, of which an example computes few rows, and its loss.

    It is called as `torch.nn.AdaptiveLogSoftmaxWithLoss` is. In training an example computes its
    labels, the candidates that an index of hash codes proposes, and negatives. A batch shares
    these, and they stand for all other rows (`fewfire.gates.Retrieve`). In evaluation, and under
    `torch.no_grad()`, losses are exact: every row counts, block by block. `topk` and `predict`
    compute candidates alone, unless `exact=True`.

    Rows learn in the core: `head.step()`, or a `FusedOptimizer`, after `loss.backward()`. With
    `update="sparse"` their gradients are sparse tensors for SGD, Adagrad or SparseAdam of PyTorch.

    Parameters
    ----------
    in_features, n_classes : int
    gate : Retrieve, optional
        How many candidates and negatives, and how candidates are found. None: `Retrieve()`.
    loss : {"softmax", "decoupled", "logistic"}
        As in `Trainer`; "decoupled" and "logistic" are for several labels an example.
    counts : Tensor, (n_classes,), optional
        How often each class occurs. Biases start at the logarithms of their shares, and the most
        frequent classes are candidates of every example. Half of the negatives follow them.
    optimizer : Optimizer, optional
        How rows learn where `update="fused"`: None is `RMS(lr=0.002, rowwise=True)`.
    update : {"fused", "sparse"}
    bias : bool
        False keeps biases at 0.
    dtype : {"float32", "bfloat16"}
        What weights are stored as; only a fused update knows "bfloat16".
    ignore_index : int
        A class that is not a target: such examples have no loss and no gradient.
    random_state : int
        Seeds the weights, the hash functions and what is drawn.
    n_jobs : int, optional
        Threads of the core. None: those of `torch.get_num_threads()`.

    Attributes
    ----------
    weight : Parameter, (n_classes, in_features)
    bias : Parameter, (n_classes,)
    net : Network
        The layer, whose arrays these are: `net.save` writes a model file.
    loop : Loop
        Steps done, moments, upkeep of the index.

    Raises
    ------
    ValueError
        For a value out of range, or if options contradict each other.

    It stays on the CPU, in memory that it shares with the core. `state_dict` holds the index, the
    moments and the number of steps, so that a training goes on to the bit.

    Examples
    --------
    >>> _ = torch.manual_seed(0)
    >>> head = HashedSoftmaxWithLoss(16, 10_000)
    >>> hidden = torch.randn(8, 16, requires_grad=True)
    >>> output, loss = head(hidden, torch.arange(8))
    >>> loss.backward()
    >>> head.step()
    >>> output.shape, hidden.grad.shape
    (torch.Size([8]), torch.Size([8, 16]))
    >>> scores, classes = head.topk(hidden, 5)
    >>> classes.shape
    torch.Size([8, 5])
    """

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        *,
        gate: Retrieve | None = None,
        loss: str = "softmax",
        counts: Tensor | None = None,
        optimizer: Optimizer | None = None,
        update: str = "fused",
        bias: bool = True,
        dtype: str = "float32",
        ignore_index: int = -100,
        random_state: int = 0,
        n_jobs: int | None = None,
    ) -> None:
        super().__init__()
        self.settings = {
            "gate": gate, "loss": loss, "optimizer": optimizer, "update": update, "bias": bias,
            "dtype": dtype, "ignore_index": ignore_index, "random_state": random_state,
            "n_jobs": n_jobs,
        }  # fmt: skip
        check_choice("loss", loss, choices=_LOSSES)
        check_choice("update", update, choices=("fused", "sparse"))
        self.loss_name, self.is_sparse = loss, update == "sparse"
        self.ignore_index = int(ignore_index)
        n_threads = thread_count(n_jobs) if n_jobs is not None else torch.get_num_threads()
        gate = Retrieve() if gate is None else gate
        if not isinstance(gate, Retrieve):
            raise TypeError(f"gate must be a fewfire.gates.Retrieve, got {type(gate).__name__}")
        self.layer = Linear(in_features, n_classes, gate=gate, bias=bias, gain=0.0, dtype=dtype)
        self.net = Network(self.layer, random_state=random_state)
        self.net.loss = self.loss_name
        if self.is_sparse:
            self._check_sparse(optimizer, dtype)
        self.loop = Loop(
            self.net,
            self.loss_name,
            RMS(lr=0.002, rowwise=True) if optimizer is None else optimizer,
            takes_matrix=True,
            n_threads=n_threads,
            random_state=random_state,
        )
        self._was_given = False  # gradients, to an optimizer of PyTorch
        self._share()
        self._pending: list[_core.OpenStep | RowGradients] = []
        self._is_stale = False
        if counts is not None:
            self._start_at(counts)

    @property
    def in_features(self) -> int:
        """Width of the hidden values."""
        return self.net.n_features

    @property
    def n_classes(self) -> int:
        """Rows."""
        return self.net.n_outputs

    def forward(self, hidden: Tensor, target: Tensor, weight: Tensor | None = None) -> HeadOutput:
        """Return the losses of a batch.

        Parameters
        ----------
        hidden : Tensor, (n, in_features)
        target : Tensor
            A class each, (n,); or labels, 0 or 1, (n, n_classes), dense or sparse.
        weight : Tensor, (n,), optional
            What each example counts for in the average loss.

        Returns
        -------
        HeadOutput
            (output, loss): minus the loss of each example, 0 where it has none; and their mean,
            weighted, over the examples that have a target.

        Raises
        ------
        ValueError
            If shapes, types or classes do not fit.
        """
        hidden = self._checked(hidden)
        if weight is not None and weight.shape != (len(hidden),):
            raise ValueError(f"weight must be ({len(hidden)},), got {tuple(weight.shape)}")
        if target.dim() == 1 and len(target) == len(hidden):
            counts = target != self.ignore_index
            if not bool(counts.all()):
                return self._of_some(hidden, target, weight, counts)
        losses = self._losses(hidden, label_targets(target.detach(), len(hidden), self.n_classes))
        return HeadOutput(-losses, _mean(losses, weight))

    def _of_some(
        self, hidden: Tensor, target: Tensor, weight: Tensor | None, counts: Tensor
    ) -> HeadOutput:
        """Losses where some examples have no target."""
        own = None if weight is None else weight[counts]
        some = self.forward(hidden[counts], target[counts], own)
        output = hidden.new_zeros(len(hidden)).masked_scatter(counts, some.output)
        return HeadOutput(output, some.loss)

    def _losses(self, hidden: Tensor, targets: _core.Targets) -> Tensor:
        if not len(hidden):
            return hidden.sum(1)
        self._refresh_if_stale()
        if not (self.training and torch.is_grad_enabled()):
            return self._exact_losses(hidden, targets)
        if self.is_sparse and self._was_given:
            self._was_given = False
            self.loop.end_step()
        if not hidden.requires_grad:
            hidden = hidden.detach().requires_grad_()  # rows learn by the way back
        losses: Tensor = HashedLoss.apply(hidden, self.weight, self.bias, self, targets)
        return losses

    def _exact_losses(self, hidden: Tensor, targets: _core.Targets) -> Tensor:
        losses = self._predict(hidden, targets, 1, exact=True)[2]
        return torch.from_numpy(losses.astype(np.float32))

    def log_prob(self, hidden: Tensor) -> Tensor:
        """Return the log-probabilities of all classes, (n, n_classes), every row computed; of a
        logistic head those of each label being there."""
        scores = linear(self._checked(hidden), self.weight.float(), self.bias)
        if self.loss_name == "logistic":
            return logsigmoid(scores)
        return log_softmax(scores, dim=1)

    def topk(self, hidden: Tensor, k: int, *, exact: bool = False) -> tuple[Tensor, Tensor]:
        """Return the k highest scores and their classes, (n, k) each, best first.

        Parameters
        ----------
        hidden : Tensor, (n, in_features)
        k : int
        exact : bool
            True computes every row; False those that the index proposes. Where it proposes fewer
            than k, scores are -inf and classes -1.
        """
        check_integer("k", k, low=1, high=self.n_classes)
        self._refresh_if_stale()
        rows, scores, *_ = self._predict(self._checked(hidden), None, k, exact=exact)
        return torch.from_numpy(np.asarray(scores)), torch.from_numpy(np.asarray(rows)).long()

    def predict(self, hidden: Tensor, *, exact: bool = False) -> Tensor:
        """Return the class with the highest score, (n,)."""
        return self.topk(hidden, 1, exact=exact)[1][:, 0]

    def recall(self, hidden: Tensor, k: int = 10) -> float:
        """Return the share of the k best classes that `topk` finds."""
        exact = TopKResult(*(x.numpy() for x in self.topk(hidden, k, exact=True)[::-1]))
        found = self.topk(hidden, k)[1].numpy()
        hits = [np.isin(a, b).mean() for a, b in zip(exact.indices, found, strict=True)]
        return float(np.mean(hits))

    def step(self, lr: float | None = None) -> None:
        """Let rows learn from all that went backward since the last step, as from one batch.

        Parameters
        ----------
        lr : float, optional
            Learning rate. None: that of the optimizer.

        Raises
        ------
        RuntimeError
            If the head gives its gradients to an optimizer of PyTorch.
        """
        if self.is_sparse:
            raise RuntimeError('a head with update="sparse" learns by an optimizer of PyTorch')
        pending, self._pending = self._pending, []
        steps = [one for one in pending if not isinstance(one, RowGradients)]
        if len(steps) == len(pending):
            if steps:
                self.loop.update(steps, lr)
            return
        self.loop.learn(0, self._summed(pending), lr)
        self.loop.end_step()

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget what went backward since the last step."""
        self._pending.clear()
        super().zero_grad(set_to_none)

    def clip_grad_norm_(self, max_norm: float) -> Tensor:
        """Scale the gradients of rows so that their norm is at most `max_norm`; return the norm.

        For a fused update: what `torch.nn.utils.clip_grad_norm_` does for other parameters.
        """
        if not self._pending:
            return torch.zeros(())
        own = self._summed(self._pending)
        norm = float(np.sqrt(np.square(own.values).sum() + np.square(own.bias).sum()))
        factor = np.float32(min(1.0, max_norm / (norm + 1e-6)))
        self._pending = [own._replace(values=own.values * factor, bias=own.bias * factor)]
        return torch.tensor(norm)

    def keep(self, step: _core.OpenStep) -> None:
        """Keep what went backward for the next step."""
        if len(self._pending) >= _MOST_PENDING:
            raise RuntimeError(
                f"{_MOST_PENDING} batches went backward and no row learned: call head.step(), or "
                "the step of a FusedOptimizer, after loss.backward()"
            )
        self._pending.append(step)

    def sparse_gradients(self, step: _core.OpenStep) -> tuple[Tensor, Tensor | None]:
        """Return the gradients of weights and biases; their rows are about to change."""
        rows, values, bias = self.loop.gradients(0, [step])
        self.loop.note(0, rows)
        self._was_given = True
        places = torch.from_numpy(rows).long()[None]
        weight = _sparse(places, torch.from_numpy(values), self.weight)
        if self.bias is None or not self.bias.requires_grad:
            return weight, None
        return weight, _sparse(places, torch.from_numpy(bias), self.bias)

    @classmethod
    def from_linear(cls, layer: nn.Linear, **options: Any) -> HashedSoftmaxWithLoss:
        """Return a head with the weights of a trained layer, copied.

        Parameters
        ----------
        layer : torch.nn.Linear
        **options
            As the class takes them.

        Examples
        --------
        >>> head = HashedSoftmaxWithLoss.from_linear(torch.nn.Linear(16, 10_000))
        >>> 0 <= head.recall(torch.randn(8, 16)) <= 1
        True
        """
        n_classes, in_features = layer.weight.shape
        head = cls(in_features, n_classes, bias=layer.bias is not None, **options)
        with torch.no_grad():
            head.weight.copy_(layer.weight)
            if layer.bias is not None:
                head.bias.copy_(layer.bias)
        head.refresh()
        return head

    def refresh(self) -> None:
        """Hash all rows, after weights were changed by others than a training."""
        self.net.refresh(self.loop.n_threads)
        for table in self.loop.upkeep.tables.values():
            table.note_true_codes(self.loop.step)
        self._is_stale = False

    def get_extra_state(self) -> dict[str, Tensor]:
        """Return what the index learned, and where its upkeep is."""
        named = {name: torch.from_numpy(np.array(x)) for name, x in self.loop.state().items()}
        codes = self.net.layers[0].codes
        if isinstance(codes, CellCodes):
            centroids, cells = codes.learned
            named |= {"centroids": torch.from_numpy(centroids), "cells": torch.from_numpy(cells)}
        return named

    def set_extra_state(self, state: Mapping[str, Tensor]) -> None:
        """Go on where `get_extra_state` was called."""
        arrays = {name: x.numpy() for name, x in state.items()}
        codes = self.net.layers[0].codes
        if isinstance(codes, CellCodes):
            codes.restore(arrays.pop("centroids"), arrays.pop("cells"))
        else:
            self.net.refresh(self.loop.n_threads)
        self.loop.restore(arrays)
        self._pending.clear()
        self._was_given = self._is_stale = False

    def extra_repr(self) -> str:
        """Say what the module is."""
        return f"{self.in_features}, {self.n_classes}, gate={self.layer.gate}"

    def __reduce__(self) -> tuple[Any, ...]:
        made = _Made(type(self), self.in_features, self.n_classes, self.settings)
        kept = io.BytesIO()
        torch.save(self.state_dict(), kept)
        return _rebuilt, (made, kept.getvalue(), self.training)

    def _load_from_state_dict(self, *given: Any) -> None:
        self._is_stale = True  # until the extra state comes
        super()._load_from_state_dict(*given)

    def _share(self) -> None:
        """Make parameters and buffers of the arrays of the layer and of its moments."""
        layer = self.net.layers[0]
        stored = torch.from_numpy(layer.stored)
        if self.layer.dtype == "bfloat16":
            stored = stored.view(torch.bfloat16)
        self.weight = nn.Parameter(stored, requires_grad=self.is_sparse)
        learns_bias = self.is_sparse and self.layer.bias
        self.bias = nn.Parameter(torch.from_numpy(layer.bias), requires_grad=learns_bias)
        for name, array in self.loop.moments.arrays().items():
            self.register_buffer(name.replace(".", "_"), torch.from_numpy(array))

    def _start_at(self, counts: Tensor) -> None:
        if counts.shape != (self.n_classes,):
            raise ValueError(f"counts must be ({self.n_classes},), got {tuple(counts.shape)}")
        if bool((counts < 0).any()):
            raise ValueError("counts must not be negative")
        own = counts.double() + 0.5
        if self.layer.bias:
            shares = (own / own.sum()).clamp(max=0.99)
            priors = torch.logit(shares) if self.loss_name == "logistic" else shares.log()
            with torch.no_grad():
                self.bias.copy_(priors)
        self.net.layers[0].set_label_counts(counts.long().numpy())
        self.refresh()

    def _checked(self, hidden: Tensor) -> Tensor:
        if hidden.dim() != 2 or hidden.shape[1] != self.in_features:
            raise ValueError(
                f"hidden must be (batch, {self.in_features}), got {tuple(hidden.shape)}"
            )
        if hidden.device.type != "cpu":
            raise ValueError(f"hidden is on {hidden.device}: the head computes on the CPU")
        return hidden.float().contiguous()

    def _check_sparse(self, optimizer: Optimizer | None, dtype: str) -> None:
        if optimizer is not None:
            raise ValueError('optimizer is for update="fused"; here PyTorch\'s own learns')
        if dtype != "float32":
            raise ValueError('update="sparse" needs dtype="float32"')
        if not isinstance(self.net.layers[0].codes, TableCodes):
            raise ValueError(
                'update="sparse" needs a family of tables or cells, such as "centroid": sign bits '
                "follow weights that the core itself changes"
            )

    def _refresh_if_stale(self) -> None:
        if self._is_stale:
            self.refresh()

    def _predict(
        self, hidden: Tensor, targets: _core.Targets | None, k: int, *, exact: bool
    ) -> Any:
        inputs = _core.DenseInputs(hidden.detach().numpy())
        ids, n_threads = np.arange(len(hidden)), self.loop.n_threads
        return _core.predict(self.loop.model, inputs, targets, ids, k, exact, n_threads, False)

    def _summed(self, pending: list[_core.OpenStep | RowGradients]) -> RowGradients:
        return RowGradients.sum(
            [
                one if isinstance(one, RowGradients) else self.loop.gradients(0, [one])
                for one in pending
            ]
        )


class _Made(NamedTuple):
    """How a head is made once more."""

    kind: type[HashedSoftmaxWithLoss]
    in_features: int
    n_classes: int
    settings: dict[str, Any]


def _rebuilt(made: _Made, state: bytes, training: bool) -> HashedSoftmaxWithLoss:
    head = made.kind(made.in_features, made.n_classes, **made.settings)
    head.load_state_dict(torch.load(io.BytesIO(state)))
    head.train(training)
    return head


def _sparse(places: Tensor, values: Tensor, like: Tensor) -> Tensor:
    return torch.sparse_coo_tensor(
        places, values, like.shape, is_coalesced=True, check_invariants=False
    )


def _mean(losses: Tensor, weight: Tensor | None) -> Tensor:
    if weight is None:
        return losses.mean() if len(losses) else losses.sum()
    total = weight.sum()
    return (losses * weight).sum() / torch.where(total == 0, torch.ones_like(total), total)
