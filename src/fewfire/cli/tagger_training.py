"""The training of a tagger that the options of `fewfire train` describe."""

from __future__ import annotations

from typing import Any

from ..data import Dataset
from ..datasets import load_names
from ..tagger.tagger import Tagger
from .common import say
from .training_output import Trained


class TaggerTraining:
    """A tagger and its data, ready to go: what is wrong with the options was told."""

    def __init__(self, fit: Dataset, held_out: Dataset | None, options: dict[str, Any]) -> None:
        self.fit = fit
        self.eval_sets = {"val": held_out} if held_out else None
        self.preset = options["preset"] or "balanced"
        self.tagger = Tagger(
            self.preset,
            memory=options["memory"],
            max_epochs=options["max_epochs"],
            random_state=options["seed"],
            n_jobs=options["n_jobs"],
            verbose=not options["quiet"],
        )
        features = options["features"]
        self.names = None if features is None else load_names(features)
        if self.names is not None and len(self.names) != fit.n_features:
            raise ValueError(
                f"{features} has {len(self.names)} names for {fit.n_features} features: "
                "give each one a line"
            )

    def run(self) -> Trained:
        """Train."""
        if self.tagger.verbose:
            say(f"preset {self.preset}: a router and leaves of labels")
        self.tagger.fit(self.fit, eval_sets=self.eval_sets)
        if self.names is not None:
            self.tagger.set_feature_names(self.names)
        return Trained(self.tagger, self.tagger.history_)
