"""Steps on a network by a loop that is not ours: forward, backward, and rows that learn, when that
loop says so.

The upkeep of indexes is that of a training (`index_upkeep`), but without an end of epochs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..base.history import History
from ..base.ledger import Ledger
from ..network.answers import core_model
from ..network.codes import TableCodes
from ..network.network import Network
from .index_upkeep import Upkeep
from .optimizer_state import OptimizerState
from .optimizers import Optimizer

_NO_END = 1 << 62  # steps of an epoch that never ends
_FIRST_FIT = 20  # steps, after which the rows of a new index differ enough to be told apart


class RowGradients(NamedTuple):
    """Gradients of some rows of a layer."""

    rows: NDArray[np.int32]  # (n,), ascending
    values: NDArray[np.float32]  # (n, columns)
    bias: NDArray[np.float32]  # (n,); of a bag, of all its neurons

    @classmethod
    def sum(cls, parts: Sequence[RowGradients]) -> RowGradients:
        """Add gradients of one layer, not of a bag, row by row."""
        if len(parts) == 1:
            return parts[0]
        rows, place = np.unique(np.concatenate([part.rows for part in parts]), return_inverse=True)
        values = np.zeros((len(rows), parts[0].values.shape[1]), np.float32)
        bias, begin = np.zeros(len(rows), np.float32), 0
        for part in parts:  # no row is there twice in a part
            own = place[begin : begin + len(part.rows)]
            values[own] += part.values
            bias[own] += part.bias
            begin += len(part.rows)
        return cls(rows, values, bias)


class Loop:
    """A network, the state of its optimizer, and the upkeep of its indexes.

    Parameters
    ----------
    net : Network
    loss : {"softmax", "decoupled", "logistic", "squared"}
    optimizer : Optimizer
        How rows learn; its `lr` is the rate where none is given.
    takes_matrix : bool
        Whether inputs are matrices that get gradients.
    n_threads, random_state : int

    Attributes
    ----------
    step : int
        Steps done. It seeds what gates draw.
    moments : OptimizerState
    ledger : Ledger
        Work of the upkeep so far.
    """

    def __init__(
        self,
        net: Network,
        loss: str,
        optimizer: Optimizer,
        *,
        takes_matrix: bool,
        n_threads: int,
        random_state: int,
    ) -> None:
        self.net = net
        self.optimizer = optimizer
        self.moments = OptimizerState(net, optimizer)
        self.n_threads = n_threads
        turnstile = net.access.turnstile
        self.model = core_model(net.layers, loss, turnstile, takes_matrix=takes_matrix)
        self.stepper = _core.Stepper(self.model, n_threads)
        self.step = 0
        self.draws = 0  # passes forward, of which a step may take several
        self.upkeep = Upkeep(net, self.moments, _NO_END, random_state, n_threads)
        self.upkeep.start(0, History([], Ledger.empty(len(net.layers))))

    @property
    def ledger(self) -> Ledger:
        """Work of the upkeep so far."""
        return self.upkeep.history.ledger

    def forward(self, inputs: _core.Inputs, targets: _core.Targets, n: int) -> _core.OpenStep:
        """Return what `n` examples leave on their way forward: losses, and the way back."""
        self.draws += 1
        return self.stepper.forward(inputs, targets, np.arange(n), self.draws - 1)

    def gradients(self, position: int, steps: Sequence[_core.OpenStep]) -> RowGradients:
        """Return the gradients of a layer that went backward in these steps, added up."""
        width = self.net.layers[position].stored.shape[1]
        return RowGradients.sum([RowGradients(*s.gradients(position, width)) for s in steps])

    def update(self, steps: Sequence[_core.OpenStep], lr: float | None = None) -> None:
        """Let all rows learn from the gradients of these steps, as from one."""
        for position in range(len(self.net.layers)):
            if len(steps) == 1:
                steps[0].update(position, *self._how(position, lr))
            else:
                self.learn(position, self.gradients(position, steps), lr)
        self.end_step()

    def learn(self, position: int, gradients: RowGradients, lr: float | None = None) -> None:
        """Let rows of a layer learn from gradients; the step does not end."""
        core, state, rate, number = self._how(position, lr)
        self.stepper.learn(position, core, state, rate, number, *gradients)

    def note(self, position: int, rows: NDArray[np.int32]) -> None:
        """Note rows that somebody else changes in this step."""
        self.moments.touched[position][rows] = self.step + 1

    def end_step(self) -> None:
        """End a step: do what is due for the indexes."""
        self.step += 1
        if self.step == _FIRST_FIT:
            self._fit()
        self.upkeep.keep_up(self.step)

    def state(self) -> dict[str, NDArray[Any]]:
        """Return all that `restore` needs, besides the arrays of the network and `moments`."""
        named = {"steps": np.array([self.step, self.draws])}
        for position, table in self.upkeep.tables.items():
            named |= {f"upkeep.{position}.{name}": x for name, x in table.state().items()}
        return named

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on, to the bit, where a loop on a network like this was."""
        self.step, self.draws = map(int, state["steps"])
        for position, table in self.upkeep.tables.items():
            prefix = f"upkeep.{position}."
            own = {k.removeprefix(prefix): x for k, x in state.items() if k.startswith(prefix)}
            table.restore(own)

    def _fit(self) -> None:
        """Hash all rows of layers that started without knowing any."""
        tables = [
            at for at, layer in enumerate(self.net.layers) if isinstance(layer.codes, TableCodes)
        ]
        self.ledger.add(self.net.refresh(self.n_threads, positions=tables))
        for position in tables:
            self.upkeep.tables[position].note_true_codes(self.step)

    def _how(self, position: int, lr: float | None) -> tuple[Any, ...]:
        rate = self.optimizer.lr if lr is None else lr
        return self.moments.core, self.moments.states[position], rate, self.step + 1
