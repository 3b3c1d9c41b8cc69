"""The training of a tagger and a network whose probabilities are averaged."""

from __future__ import annotations

from typing import Any

from ..base.ledger import Ledger
from ..blend import Blend
from ..data import Dataset
from .network_training import NetworkTraining
from .tagger_training import TaggerTraining
from .training_output import Trained


class BlendTraining:
    """Both parts and their data, ready to go: what is wrong with the options was told."""

    def __init__(self, fit: Dataset, held_out: Dataset | None, options: dict[str, Any]) -> None:
        self.tagger = TaggerTraining(fit, held_out, options)
        self.network = NetworkTraining(fit, held_out, options)
        self.network.check()  # not after the tagger is trained

    def run(self) -> Trained:
        """Train the tagger, then the network; a tagger whose training was interrupted is all."""
        tagged = self.tagger.run()
        if tagged.history.interrupted:
            return tagged
        trained = self.network.run()
        history = trained.history
        history.ledger = Ledger.beside(tagged.history.ledger, history.ledger)
        history.n_examples += tagged.history.n_examples
        return Trained(Blend(self.tagger.tagger, self.network.net), history, trained.gates)
