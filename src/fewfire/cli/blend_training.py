"""The training of a tagger and a network whose probabilities are averaged."""

from __future__ import annotations

from typing import Any

from ..base.files import PathLike, refusing, write_model
from ..base.ledger import Ledger
from ..blend import Blend, joined, part
from ..data import Dataset
from ..model.callbacks import Callback, Checkpoint, Run
from ..model.checkpoint import Resume, Saved
from .network_training import NetworkTraining
from .tagger_training import TaggerTraining
from .training_output import Trained


class BlendTraining:
    """Both parts and their data, ready to go: what is wrong with the options was said.

    There is one checkpoint for both: as long as the tagger is trained that of the tagger, then a
    blend of the tagger that came out and the network's checkpoint.
    """

    def __init__(self, fit: Dataset, held_out: Dataset | None, options: dict[str, Any]) -> None:
        of_tagger, of_network = _parts(options["resume"])
        self.is_tagged = of_network is not None
        self.tagger = TaggerTraining(fit, held_out, {**options, "resume": of_tagger})
        self._end = _End()
        self.tagger.how["callbacks"].append(self._end)
        path = options["checkpoint"]
        of_both = None if path is None else _OfBoth(path, self.tagger, self._end)
        self.network = NetworkTraining(fit, held_out, {**options, "resume": of_network}, of_both)
        self.tagger.check()
        self.network.check()  # not after the tagger is trained

    @property
    def checkpoint(self) -> Checkpoint | None:
        """What wrote the file last."""
        last = self.network.checkpoint
        return self.tagger.checkpoint if last is None or last.written_ is None else last

    def run(self) -> Trained:
        """Train the tagger, then the network; a tagger is all if its training was interrupted, or
        that of the network before it began."""
        tagged = self._tagged()
        if tagged.history.interrupted:
            return tagged
        try:
            trained = self.network.run()
        except KeyboardInterrupt:
            tagged.history.interrupted = True
            return tagged
        history = trained.history
        history.ledger = Ledger.beside(tagged.history.ledger, history.ledger)
        history.n_examples += tagged.history.n_examples
        return Trained(Blend(self.tagger.tagger, self.network.net), history, trained.gates)

    def _tagged(self) -> Trained:
        """Train the tagger, unless a checkpoint has one."""
        if not self.is_tagged:
            return self.tagger.run()
        saved: Saved = self.tagger.how["resume"]
        self._end.training = saved.config["training"]
        return self.tagger.take(saved)


class _End(Callback):
    """Keeps how the training of a tagger went, for the checkpoints of the network."""

    looks_at_epochs = False
    training: Any = None

    def on_fit_end(self, run: Run) -> None:
        """Keep it."""
        self.training, _ = run.past()


class _OfBoth(Checkpoint):
    """Writes the tagger, and how its training went, beside the network's checkpoint."""

    def __init__(self, path: PathLike, tagger: TaggerTraining, end: _End) -> None:
        super().__init__(path)
        self._tagger, self._end = tagger, end

    def write(self, run: Run) -> None:
        """Write the file."""
        tagger = self._tagger.tagger
        config, arrays = tagger.state()
        of_tagger = {**config, "training": self._end.training}, arrays
        weight = Blend(tagger, run.model).weight
        write_model(self.path_of(run.epoch), *joined(weight, of_tagger, run.checkpoint()))


def _parts(path: PathLike | None) -> tuple[Resume | None, Saved | None]:
    """Return where the tagger goes on, or what it came to, and where the network goes on, if it has
    begun."""
    if path is None:
        return None, None
    saved = Saved.open(path)
    if "blend" not in saved.config:
        return path, None
    version = {"version": saved.config["version"]}
    with refusing(f"{path}: the blend inside is damaged"):
        of_tagger, of_network = (
            Saved(path, {**config, **version}, part(saved.arrays, number))
            for number, config in enumerate(saved.config["blend"]["parts"])
        )
    return of_tagger, of_network
