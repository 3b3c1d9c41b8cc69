"""What a training run leaves behind: a row per epoch, and the work it took."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .curves import draw
from .ledger import Ledger


class History(list[dict[str, Any]]):
    """One dict per epoch: epoch, train/loss, train/accuracy, `<set>/<metric>`, density, lr,
    examples_per_second, seconds.

    Attributes
    ----------
    ledger : Ledger
        Work of the whole training.
    n_examples : int
        Examples that were trained on, each as often as it was.
    interrupted : bool
        Whether Ctrl-C ended it.

    Examples
    --------
    >>> from fewfire import Linear, Network, Trainer
    >>> net = Network(Linear(2, 2), random_state=0)
    >>> history = Trainer(net, max_epochs=3).fit([[1.0, 0.0], [0.0, 1.0]] * 10, [0, 1] * 10)
    >>> [row["epoch"] for row in history], history.n_examples, history.interrupted
    ([1, 2, 3], 60, False)
    """

    def __init__(self, rows: Sequence[dict[str, Any]], ledger: Ledger) -> None:
        super().__init__(rows)
        self.ledger = ledger
        self.n_examples = 0
        self.interrupted = False

    def begin_epoch(self) -> None:
        """Count on in a ledger of its own: who keeps the earlier one keeps those counts."""
        self.ledger = Ledger(self.ledger.counts)

    def add_work(self, work: NDArray[np.int64], n_examples: int) -> None:
        """Add what training some examples took, (n_layers, n_fields)."""
        self.ledger.counts += work
        self.n_examples += n_examples

    def with_more(self, later: History) -> History:
        """Return this and what came later."""
        whole = History([*self, *later], self.ledger + later.ledger)
        whole.n_examples = self.n_examples + later.n_examples
        whole.interrupted = later.interrupted
        return whole

    def plot(self) -> Any:
        """Return a figure of matplotlib: losses by epoch, and metrics beside them.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If there is no epoch.

        >>> rows = [{"epoch": 1, "train/loss": 0.5, "val/accuracy": 0.8}]
        >>> History(rows, Ledger.empty(1)).plot().savefig("curves.png")
        """
        return draw(self)

    def to_frame(self) -> Any:
        """Return the history as a pandas data frame; needs pandas."""
        try:
            import pandas as pd
        except ImportError as error:
            raise ImportError("to_frame needs pandas: pip install pandas") from error
        return pd.DataFrame(list(self))
