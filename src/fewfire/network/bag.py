"""The first layer for sparse inputs, as the user describes it."""

from __future__ import annotations

from dataclasses import dataclass

from ..base.bfloat16 import DTYPES
from ..base.checks import check_choice, check_flag, check_integer, check_number
from .gates import All
from .linear import ACTIVATIONS


@dataclass(frozen=True)
class EmbeddingBag:
    """A first layer for sparse inputs: a = activation(sum_j x_j w_j + b).

    Its weights are stored a row per input, (n_features, dim): a step reads and changes the rows of
    the inputs that its examples hold, and no others.

    Parameters
    ----------
    n_features, dim : int
        Inputs, and neurons.
    activation : {"relu", "linear", "tanh", "sigmoid"}
    input_dropout, dropout : float
        In training, the shares of an example's inputs and of the neurons that are left out; what is
        kept is divided by 1 - share (Srivastava et al., JMLR 2014, inverted).
    bias : bool
        False keeps the bias at 0.
    gain : float
        Standard deviation of the initial weights, times sqrt(dim).
    dtype : {"float32", "bfloat16"}
        What weights are stored as. "bfloat16" takes half the memory: an update adds to the float
        and rounds up or down by lot, so that small steps count. Biases and the optimizer's state
        are float32 always.

    Raises
    ------
    ValueError
        For a value out of range.

    >>> EmbeddingBag(40_000, 256, input_dropout=0.3).weights_shape
    (40000, 256)
    """

    n_features: int
    dim: int
    activation: str = "relu"
    input_dropout: float = 0.0
    dropout: float = 0.0
    bias: bool = True
    gain: float = 1.0
    dtype: str = "float32"

    def __post_init__(self) -> None:
        for name in ("n_features", "dim"):
            width = check_integer(name, getattr(self, name), low=1, high=2**31 - 1)
            object.__setattr__(self, name, width)
        check_choice("activation", self.activation, ACTIVATIONS)
        check_number("input_dropout", self.input_dropout, low=0.0, below=1.0)
        check_number("dropout", self.dropout, low=0.0, below=1.0)
        check_flag("bias", self.bias)
        check_number("gain", self.gain, low=0.0, high=1e6)
        check_choice("dtype", self.dtype, tuple(DTYPES))

    @property
    def in_features(self) -> int:
        """Inputs."""
        return self.n_features

    @property
    def out_features(self) -> int:
        """Neurons."""
        return self.dim

    @property
    def weights_shape(self) -> tuple[int, int]:
        """Shape of the weights: a row per input."""
        return self.n_features, self.dim

    @property
    def gate(self) -> All:
        """Every neuron is computed."""
        return All()

    @property
    def active(self) -> int:
        """Neurons that an example keeps."""
        return self.dim

    @property
    def soft(self) -> bool:
        """No gate, no threshold."""
        return False
