"""The training of a tagger that the options of `fewfire train` describe."""

from __future__ import annotations

from typing import Any

from ..data import Dataset
from ..datasets import load_names
from ..measure.scoring import metrics_of
from ..model.checkpoint import Resume, Saved
from ..model.damage import checked
from ..tagger.tagger import Tagger
from .common import say
from .long_runs import checkpoint_of, early_stopping, loggers_of
from .training_output import Trained


class TaggerTraining:
    """A tagger and its data, ready to go: what is wrong with the options was said."""

    def __init__(self, fit: Dataset, held_out: Dataset | None, options: dict[str, Any]) -> None:
        self.fit = fit
        self.preset = options["preset"] or "balanced"
        self.tagger = Tagger(
            self.preset,
            memory=options["memory"],
            max_epochs=options["max_epochs"],
            random_state=options["seed"],
            n_jobs=options["n_jobs"],
            deterministic=options["deterministic"],
            class_weight=options["class_weight"],
            verbose=not options["quiet"],
        )
        self.checkpoint = checkpoint_of(options)
        stop = early_stopping(options, metrics_of(fit.kind, fit.n_labels))
        resume: Resume | None = options["resume"]
        self.how: dict[str, Any] = {
            "eval_sets": {"val": held_out} if held_out else None,
            "callbacks": [
                *stop,
                *loggers_of(options),
                *([] if self.checkpoint is None else [self.checkpoint]),
            ],
            "resume": resume,
            "label_features": options.get("label_features"),
        }
        features = options["features"]
        self.names = None if features is None else load_names(features)
        if self.names is not None and len(self.names) != fit.n_features:
            raise ValueError(
                f"{features} has {len(self.names)} names for {fit.n_features} features: "
                "give each one a line"
            )

    def check(self) -> None:
        """Raise what would end the training before it begins."""
        self.tagger.check(self.fit, **self.how)

    def run(self) -> Trained:
        """Train."""
        if self.tagger.verbose:
            say(f"preset {self.preset}: a router and leaves of labels")
        self.tagger.fit(self.fit, **self.how)
        if self.names is not None:
            self.tagger.set_feature_names(self.names)
        return Trained(self.tagger, self.tagger.history_)

    def take(self, saved: Saved) -> Trained:
        """Take the trained tagger of a file that fits, in place of training one."""
        past, before = saved.past(n_layers=1), self.tagger
        if before.verbose:
            say(f"the tagger is that of {saved.path}, trained in {past.epoch} epochs")
        self.tagger = checked(saved.path, Tagger.from_state, saved.config, saved.arrays)
        self.tagger.n_jobs = before.n_jobs
        return Trained(self.tagger, past.history)
