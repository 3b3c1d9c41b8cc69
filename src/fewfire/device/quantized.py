"""A network of integers as a model: it predicts what a device does, from files of a quarter or an
eighth of the size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from .._core import LEDGER_FIELDS
from ..base.checks import check_choice, check_number
from ..base.files import Arrays, check_array
from ..base.ledger import Ledger
from ..data import Dataset
from ..data.dataset import Examples
from ..measure.result import TopKResult
from ..model.checks import check_examples
from ..model.contract import Answers, Model, Ways
from ..model.learned import Learned
from ..network.losses import LOSSES
from ..network.network import Network
from .image import read_image, write_image
from .inputs import Steps
from .quantize import Integers, integers

_FORWARD, _DENSE = (LEDGER_FIELDS.index(name) for name in ("forward", "dense"))
_NONZERO = LEDGER_FIELDS.index("dense_nonzero")


class Quantized(Model):
    """A network of integers: weights of 8 or 4 bits, activities of 8. Made by `quantize`.

    Attributes
    ----------
    integers : Integers
        The network, how inputs become bytes, and what a unit of scores is worth.
    loss : str or None
        That the network was trained with.

    Examples
    --------
    >>> from fewfire import Linear
    >>> data = Dataset([[1.0, 0, 2, 1], [0, 1, 1, 0]])
    >>> small = quantize(Network(Linear(4, 8, "relu"), Linear(8, 3), random_state=0), data)
    >>> small.n_features, small.n_outputs, small.predict_topk(data, k=2).indices.shape
    (4, 3, (2, 2))
    """

    ways = Ways("gates", "row", "rows", exact_is_slow=False)

    def __init__(self, made: Integers, learned: Learned, loss: str | None) -> None:
        self.integers, self._learned, self.loss = made, learned, loss

    @property
    def learned(self) -> Learned:
        """What training learned of its data."""
        return self._learned

    @property
    def n_features(self) -> int:
        """Width of the inputs."""
        return self.integers.net.n_inputs

    @property
    def n_outputs(self) -> int:
        """Rows of the last layer."""
        return self.integers.net.n_outputs

    @property
    def is_gated(self) -> bool:
        """Every row is computed."""
        return False

    @property
    def image(self) -> bytes:
        """What a device reads; docs/device.md describes the format."""
        return write_image(self.integers.net)

    def bytes_of(self, X: Examples) -> Any:
        """Return examples as a device takes them: whole numbers from 0 to 255, (n, n_features)."""
        return self.integers.steps.bytes_of(self._examples(X).X)

    def logits(self, X: Examples) -> NDArray[np.int32]:
        """Return the scores as a device computes them, (n, n_outputs)."""
        return self._forward(self._examples(X))[0]

    def decision_function(self, X: Examples) -> NDArray[np.float32]:
        """Return the scores of every output row, (n, n_outputs)."""
        return np.float32(self.integers.unit) * self.logits(X).astype(np.float32)

    def predict(self, X: Examples) -> Any:
        """Return the class of each row of `X`, (n,), by name where names are known; for the squared
        loss the values, for the logistic loss the labels whose probability is above one half."""
        if self.loss in ("squared", "logistic"):
            values = self.decision_function(X)
            return values if self.loss == "squared" else values > 0
        best = self.predict_topk(X, 1)
        named = self.label_names is not None
        return np.array(best.names[:, 0].tolist()) if named else best.indices[:, 0]

    def _forward(self, data: Dataset) -> tuple[NDArray[np.int32], Ledger]:
        made, ledger = self.integers, Ledger.empty(len(self.integers.net.layers))
        logits = [np.empty((0, self.n_outputs), np.int32)]
        for each in data.windows():
            x = made.steps.bytes_of(each.X)
            own, n_nonzero = made.net.forward(x)
            logits.append(own)
            rows = np.array([layer.n_rows for layer in made.net.layers])
            dense = len(own) * np.array([self.n_features, *rows[:-1]])
            ledger.counts[:, _FORWARD] += n_nonzero * rows
            ledger.counts[:, _DENSE] += dense * rows
            ledger.counts[:, _NONZERO] += np.array([n_nonzero[0], *dense[1:]]) * rows
        return np.concatenate(logits), ledger

    def _find(
        self, data: Dataset, k: int, *, exact: bool, n_threads: int
    ) -> tuple[TopKResult, Ledger]:
        logits, ledger = self._forward(data)
        order = np.argsort(-logits.astype(np.int64), axis=1, kind="stable")[:, :k]
        scores = np.take_along_axis(logits, order, axis=1).astype(np.float32)
        return TopKResult(order.astype(np.int32), scores * np.float32(self.integers.unit)), ledger

    def _score(
        self, data: Dataset, wanted: csr_array, *, n_threads: int
    ) -> tuple[csr_array, Ledger]:
        logits, ledger = self._forward(data)
        rows = np.repeat(np.arange(len(data)), np.diff(wanted.indptr))
        scores = logits[rows, wanted.indices].astype(np.float32) * np.float32(self.integers.unit)
        return csr_array((scores, wanted.indices, wanted.indptr), shape=wanted.shape), ledger

    def _answer(self, data: Dataset, k: int, *, exact: bool, n_threads: int) -> Answers:
        return Answers.counted(*self._find(data, k, exact=exact, n_threads=n_threads))

    def _n_scored(self, data: Dataset, k: int, *, n_threads: int) -> float:
        return float(self.n_outputs)

    def _state(self) -> tuple[dict[str, Any], Arrays]:
        learned, arrays = self.learned.state()
        described = {"unit": self.integers.unit, "loss": self.loss}
        steps = self.integers.steps
        own: Arrays = {
            "image": np.frombuffer(self.image, np.uint8),
            "inputs.low": steps.low,
            "inputs.step": steps.step,
        }
        return {"quantized": described, **learned}, own | arrays

    @classmethod
    def from_state(cls, config: Mapping[str, Any], arrays: Arrays) -> Self:
        """Make what `state` described; raise `ValueError` or the like if it is damaged."""
        described, net = config["quantized"], read_image(arrays["image"].tobytes())
        for name in ("low", "step"):
            check_array(arrays, f"inputs.{name}", (net.n_inputs,))
        steps = Steps(arrays["inputs.low"], arrays["inputs.step"])
        unit, loss = (
            check_number("unit", described["unit"], above=0.0, high=1e28),
            described["loss"],
        )
        if not (steps.step > 0).all():
            raise ValueError("steps of inputs must be above 0")
        if loss is not None:
            check_choice("loss", loss, choices=tuple(LOSSES))
        learned = Learned.from_state(config, arrays, net.n_outputs)
        encoding = learned.encoding
        if encoding is not None and (
            encoding.n_features != net.n_inputs or encoding.n_labels > net.n_outputs
        ):
            raise ValueError("its encoding does not fit its layers")
        return cls(Integers(net, steps, unit), learned, loss)

    def __repr__(self) -> str:
        net = self.integers.net
        widths = "-".join(map(str, (self.n_features, *(each.n_rows for each in net.layers))))
        return f"Quantized({widths}, {net.layers[0].bits} bits)"


def quantize(net: Network, data: Dataset, *, bits: int = 8) -> Quantized:
    """Return a network of integers: weights of `bits` bits by row, inputs and activities of 8.

    It computes every row, as prediction with `exact=True` does: rows are few once `net.compact` has
    left out those that data does not use.

    Parameters
    ----------
    net : Network
        Hidden layers with `activation="relu"`, a last one with "linear".
    data : Dataset
        The training set: what its inputs and activities reach is what bytes can hold.
    bits : {8, 4}

    Raises
    ------
    ValueError
        If `data` does not fit the network, or devices do not know its activations or gates.

    Examples
    --------
    >>> from fewfire import Linear
    >>> net = Network(Linear(4, 8, "relu"), Linear(8, 3), random_state=0)
    >>> small = quantize(net, Dataset([[1.0, 0, 2, 1], [0, 1, 1, 0]]), bits=4)
    >>> small, len(small.image)
    (Quantized(4-8-3, 4 bits), 204)
    """
    if bits not in (8, 4):
        raise ValueError(f"bits must be 8 or 4, got {bits!r}")
    if not isinstance(net, Network):
        raise TypeError(f"net must be a Network, got {type(net).__name__}")
    check_examples(data)
    data = net._examples(data)
    return Quantized(integers(net, data, bits), net.learned, net.loss)
