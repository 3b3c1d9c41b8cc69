"""A training on file: a model file that also holds all that is needed to go on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from ..base.checks import MOST_EPOCHS, check_integer, shown
from ..base.files import Arrays, PathLike, read_model, refusing
from ..base.history import History
from ..base.ledger import Ledger
from ..data import Encoding
from .callbacks import CheckSnapshot
from .older import upgraded
from .watchers import Described, Watchers

_OTHER = {  # settings that are fingerprints, and what others say
    "data": "was trained on other data",
    "eval_sets": "was measured on other eval_sets",
}


@dataclass(frozen=True, eq=False)
class Saved:
    """What a checkpoint file holds."""

    path: PathLike
    config: Mapping[str, Any]
    arrays: Arrays

    @classmethod
    def open(cls, path: PathLike) -> Saved:
        """Read a file, whatever model it is of."""
        return cls(path, *read_model(path))

    @classmethod
    def read(cls, resume: Resume, kind: str) -> Saved:
        """Read a file, unless that was done; raise unless it is a checkpoint whose description has
        the key `kind`."""
        saved = resume if isinstance(resume, Saved) else cls.open(resume)
        with refusing(f"{saved.path}: the model inside is damaged"):
            saved = cls(saved.path, upgraded(saved.config), saved.arrays)
        if "training" not in saved.config:
            raise ValueError(
                f"{saved.path} is a model without training state: resume needs a checkpoint"
            )
        if kind not in saved.config:
            raise ValueError(f"{saved.path} is a checkpoint of another kind of model")
        return saved

    def check_encoding(self, found: Encoding | None, wanted: Encoding) -> None:
        """Raise unless the model was trained on data of the encoding that a run has."""
        if found not in (None, wanted):
            raise ValueError(
                f"{self.path} was trained on other labels or features: a resumed run needs the "
                "same data"
            )

    def past(self, n_layers: int) -> Past:
        """Return how far the training was, of a model whose work is counted in that many layers."""
        with refusing(f"{self.path}: the training state is damaged"):
            return Past.of(self.config["training"], n_layers)


Resume: TypeAlias = "PathLike | Saved"


@dataclass(frozen=True, eq=False)
class Past:
    """How far a training was: what a checkpoint says beside model and optimizer.

    Parameters
    ----------
    epoch : int
        Epochs done.
    settings : dict
        What must be the same for a resumed run to end as the whole one would.
    history : History
    callbacks : list of dict
        Those with a state.
    """

    epoch: int
    settings: Mapping[str, Any]
    history: History
    callbacks: Described

    @classmethod
    def of(cls, described: Mapping[str, Any], n_layers: int) -> Past:
        """Make what `describe` gave; raise what `refusing` catches unless it fits."""
        epoch = check_integer("epoch", described["epoch"], low=0)
        rows, ledger = described["history"], Ledger(described["ledger"])
        if len(rows) != epoch or not all(isinstance(row, dict) for row in rows):
            raise ValueError(f"history must be a row for each of {epoch} epochs")
        if len(ledger.counts) != n_layers or ledger.counts.min() < 0:
            raise ValueError(f"ledger must be counts of {n_layers} layers")
        history = History(rows, ledger)
        history.n_examples = check_integer("n_examples", described["n_examples"], low=0)
        callbacks = list(described.get("callbacks", []))  # older files have none
        settings = dict(described["settings"])
        check_integer("max_epochs", settings["max_epochs"], low=1, high=MOST_EPOCHS)
        return cls(epoch, settings, history, callbacks)

    def describe(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "epoch": self.epoch,
            "settings": self.settings,
            "history": list(self.history),
            "ledger": self.history.ledger.counts.tolist(),
            "n_examples": self.history.n_examples,
            "callbacks": self.callbacks,
        }

    def check(
        self,
        saved: Saved,
        settings: Mapping[str, Any],
        watchers: Watchers,
        check_snapshot: CheckSnapshot,
    ) -> None:
        """Raise unless a run of these settings, watched by these callbacks, can go on from here.

        It may have more epochs before it than were planned.
        """
        path = saved.path
        of_data = {name: settings[name] for name in _OTHER}
        there = {**of_data, **self.settings}  # older files do not say their data
        for name, value in settings.items():
            if name != "max_epochs" and there.get(name) != value:
                raise ValueError(
                    f"{path} {_OTHER[name]}: a resumed run needs the same"
                    if name in _OTHER
                    else f"{path} was trained with {name}={shown(there.get(name))}, this run has "
                    f"{shown(value)}: a resumed run needs the same settings"
                )
        if settings["max_epochs"] < self.epoch:
            raise ValueError(
                f"{path} has {self.epoch} epochs behind it, max_epochs={settings['max_epochs']} "
                f"are fewer: give {self.epoch}, or more to go on"
            )
        watchers.check_alike(path, self.callbacks, saved.arrays, check_snapshot)

    def told(self, max_epochs: int, *, is_same_rate: bool) -> str:
        """Return a line about a run that goes on from here with that many epochs in all."""
        planned, line = self.settings["max_epochs"], f"resumed after epoch {self.epoch}"
        if planned == max_epochs or is_same_rate:
            return line
        return (
            f"{line}: {planned} epochs were planned and now are {max_epochs}; learning rates go on "
            f"as in a plan of {max_epochs}, so the result is not that of one run"
        )
