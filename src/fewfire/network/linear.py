"""Fully connected layers, as the user describes them."""

from __future__ import annotations

from dataclasses import dataclass

from ..base.bfloat16 import DTYPES
from ..base.checks import LARGEST_ID, check_choice, check_flag, check_integer, check_number, shown
from ..base.options import WANTED, Options, option
from .gates import GATES, All, Gate, active_rows, fitted

_NOT_GIVEN = All()  # known from any other by its identity
ACTIVATIONS = ("relu", "tanh", "sigmoid", "linear")


@dataclass(frozen=True)
class Linear(Options):
    """A fully connected layer: a = activation(W x + b), for the rows that `gate` chooses.

    Parameters
    ----------
    in_features, out_features : int
        Columns and rows of the weights.
    activation : {"linear", "relu", "tanh", "sigmoid"}
    gate : All, Dropout, AdaptiveDropout, TopK, Hashed or Retrieve, optional
        What chooses the rows that are computed. None: `All()`, but a network makes it `Retrieve()`
        for a last layer of at least 8,000 rows, with `activation="linear"`, above a layer without a
        gate. That pays from about 1,000 rows on, and is 2.6 times faster at 8,000
        (docs/performance.md); below, every row is affordable.
    bias : bool
        False keeps the bias at 0.
    gain : float, optional
        Factor of the initial weights' standard deviation. None: 1, but for soft hashed layers 0.2
        in a network's first layer and 0.5 later: small first steps keep rows from dying.
    dtype : {"float32", "bfloat16"}
        What weights are stored as. "bfloat16" takes half the memory: an update adds to the float
        and rounds up or down at random, so that small steps count. Biases and the optimizer's state
        are float32 always.

    >>> from fewfire import Hashed
    >>> Linear(784, 1000, activation="relu", gate=Hashed(density=0.05)).out_features
    1000
    """

    in_features: int = option(WANTED, check_integer, low=1, high=LARGEST_ID)
    out_features: int = option(WANTED, check_integer, low=1, high=LARGEST_ID)
    activation: str = option("linear", check_choice, choices=ACTIVATIONS)
    gate: Gate = _NOT_GIVEN
    bias: bool = option(True, check_flag)
    gain: float | None = option(None, check_number, low=0.0, high=1e6)
    dtype: str = option("float32", check_choice, choices=tuple(DTYPES))

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.gate is None:
            object.__setattr__(self, "gate", _NOT_GIVEN)
        if not isinstance(self.gate, Gate):
            raise TypeError(f"gate must be one of {', '.join(GATES)}; got {shown(self.gate)}")
        object.__setattr__(self, "gate", fitted(self.gate, self.out_features))
        if getattr(self.gate, "soft", False) and self.activation != "relu":
            raise ValueError(
                f'a soft gate subtracts a threshold before a ReLU; with activation="'
                f'{self.activation}" use soft=False'
            )

    @property
    def weights_shape(self) -> tuple[int, int]:
        """Shape of the weights: a row per neuron."""
        return self.out_features, self.in_features

    @property
    def has_own_gate(self) -> bool:
        """Whether the layer was given one."""
        return self.gate is not _NOT_GIVEN

    @property
    def active(self) -> int:
        """Rows that an example keeps; all for a gate without a budget."""
        return active_rows(self.gate, self.out_features)

    @property
    def soft(self) -> bool:
        """Whether values start at the threshold of the gate."""
        soft = getattr(self.gate, "soft", False)
        return self.activation == "relu" if soft is None else bool(soft)

    @property
    def differentiate(self) -> bool:
        """Whether gradient flows through the threshold."""
        return bool(getattr(self.gate, "differentiate", False))
