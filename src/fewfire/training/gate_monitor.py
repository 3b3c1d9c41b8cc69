"""How true the gates of hashed layers stay, epoch after epoch."""

from __future__ import annotations

from typing import Any

from ..base.checks import check_integer, shown
from ..data import Dataset
from ..data.fingerprint import fingerprint
from ..model.callbacks import Callback, CheckSnapshot, Record, Run, State
from ..network.gate_stats import TableStats
from ..network.network import Network

_FIGURES = (
    "recall", "recall_best", "never_chosen", "largest_bucket", "empty_buckets", "cost_share",
)  # fmt: skip


class GateMonitor(Callback):
    """Watch how true the gates of hashed layers stay: a look at some examples after each epoch.

    Parameters
    ----------
    data : Dataset
        Every row is scored for each of its examples: about a hundred are enough.
    n_jobs : int, optional
        Threads; None for all cores.

    Attributes
    ----------
    history_ : list of dict
        For each epoch, and for each hashed layer in it: epoch, layer, family, consistency, recall,
        recall_best, never_chosen, largest_bucket, empty_buckets and cost_share, as in `TableStats`.
        Consistency is the share of an example's rows that it had chosen an epoch before. First
        comes the gate as training found it, epoch 0, without a consistency (NaN).

    Raises
    ------
    ValueError
        When training starts, if no layer is hashed or `data` does not fit the network; nothing has
        changed then.

    Examples
    --------
    >>> import numpy as np
    >>> from fewfire import Hashed, Linear, Trainer
    >>> X = np.eye(8, dtype=np.float32)
    >>> net = Network(Linear(8, 20, "relu", Hashed(density=0.2)), Linear(20, 8))
    >>> monitor = GateMonitor(Dataset(X))
    >>> history = Trainer(net, max_epochs=2, callbacks=[monitor]).fit(Dataset(X, np.arange(8)))
    >>> [row["epoch"] for row in monitor.history_]
    [0, 1, 2]
    """

    def __init__(self, data: Dataset, *, n_jobs: int | None = 1) -> None:
        if not isinstance(data, Dataset):
            raise TypeError(f"data must be a fewfire.Dataset, got {type(data).__name__}")
        if len(data) == 0:
            raise ValueError("the data set of a GateMonitor has no examples")
        self.data = data
        self.n_jobs = n_jobs
        self.history_: list[dict[str, Any]] = []
        self._last: list[TableStats] = []

    def check(self, model: Any) -> None:
        """Refuse what has no gates to watch, or what the data does not fit."""
        if not isinstance(model, Network) or not model.table_stats(self.data[:1]):
            raise ValueError(
                "no layer of the network is hashed, so there is no gate to monitor: give a layer "
                "the gate Hashed, or train without the monitor"
            )

    @property
    def latest(self) -> list[dict[str, Any]]:
        """The rows of `history_` of the last look."""
        return self.history_[-len(self._last) :]

    def on_fit_start(self, run: Run) -> None:
        """Look at the gates as they are."""
        self.history_, self._last = [], self._look(run)
        for stats in self._last:
            self._note(run.epoch, stats, float("nan"))

    def on_epoch_end(self, run: Run, record: Record) -> bool:
        """Look at them again."""
        looked = self._look(run)
        for stats, before in zip(looked, self._last, strict=True):
            self._note(int(record["epoch"]), stats, stats.consistency(before))
        self._last = looked
        return False

    def settings(self) -> dict[str, Any]:
        """Return what identifies the examples."""
        return {"n_examples": len(self.data), "data": fingerprint(self.data)}

    def state(self) -> State:
        """Return the history; the gates of the last epoch are those of the network."""
        return {"history": self.history_}, {}

    def check_state(self, state: State, check_snapshot: CheckSnapshot) -> None:
        """Refuse what `state` cannot have given."""
        for row in state[0]["history"]:
            for name in ("epoch", "layer"):
                check_integer(name, row[name], low=0)
            if not isinstance(row["family"], str):
                raise TypeError(f"family is {shown(row['family'])}")
            for name in ("consistency", *_FIGURES):
                if not isinstance(row[name], float | int):
                    raise TypeError(f"{name} is {shown(row[name])}")

    def restore(self, state: State) -> None:
        """Put what was seen before in front."""
        self.history_ = list(state[0]["history"])

    def _look(self, run: Run) -> list[TableStats]:
        net: Network = run.model
        return net.table_stats(self.data, n_jobs=self.n_jobs)

    def _note(self, epoch: int, stats: TableStats, consistency: float) -> None:
        figures = {name: getattr(stats, name) for name in _FIGURES}
        self.history_.append(
            {"epoch": epoch, "layer": stats.layer, "family": stats.family}
            | {"consistency": consistency, **figures}
        )
