"""The first layer for sparse inputs, as the user describes it."""

from __future__ import annotations

from dataclasses import dataclass

from ..base.bfloat16 import DTYPES
from ..base.checks import LARGEST_ID, check_choice, check_flag, check_integer, check_number
from ..base.options import WANTED, Options, option
from .gates import All
from .linear import ACTIVATIONS


@dataclass(frozen=True)
class EmbeddingBag(Options):
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
        and rounds up or down at random, so that small steps count. Biases and the optimizer's state
        are float32 always.

    Raises
    ------
    ValueError
        For a value out of range.

    >>> EmbeddingBag(40_000, 256, input_dropout=0.3).weights_shape
    (40000, 256)
    """

    n_features: int = option(WANTED, check_integer, low=1, high=LARGEST_ID)
    dim: int = option(WANTED, check_integer, low=1, high=LARGEST_ID)
    activation: str = option("relu", check_choice, choices=ACTIVATIONS)
    input_dropout: float = option(0.0, check_number, low=0.0, below=1.0)
    dropout: float = option(0.0, check_number, low=0.0, below=1.0)
    bias: bool = option(True, check_flag)
    gain: float = option(1.0, check_number, low=0.0, high=1e6)
    dtype: str = option("float32", check_choice, choices=tuple(DTYPES))

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
