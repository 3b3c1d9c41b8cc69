"""The grid of a study: settings are chosen on validation splits, then nets are trained in full."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from .results import Results
from .runner import Say, run
from .trials import METHODS, Sizes, Trial, places, to_choose, to_measure


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Which nets are trained, on what, how often."""

    folders: Mapping[str, Path | None]  # of each data set; None: generated
    depths: Sequence[int]
    methods: Sequence[str]
    densities: Sequence[float]
    n_seeds: int
    sizes: Sizes

    def places(self) -> list[Trial]:
        """Return what settings are chosen for."""
        return list(
            places(list(self.folders), self.depths, self.methods, self.densities, self.sizes)
        )

    def to_choose(self) -> list[Trial]:
        """Return the trials that read validation splits only."""
        return [
            trial for place in self.places() for trial in to_choose(place, self.sizes.n_settings)
        ]

    def to_measure(self, results: Results) -> list[Trial]:
        """Return the trials that count, with the settings that won."""
        return [
            trial
            for place in self.places()
            for trial in to_measure(self.winner(place, results), self.n_seeds, self.sizes)
        ]

    def winner(self, place: Trial, results: Results) -> Trial:
        """Return the trial with the best validation accuracy; of equals the first."""
        rivals = to_choose(place, self.sizes.n_settings)
        if not rivals:
            return replace(place, setting=METHODS[place.method].settings[0])
        return max(rivals, key=lambda trial: results[trial].figures["validation_accuracy_gated"])


def run_grid(grid: Grid, results: Results, *, n_jobs: int, say: Say) -> None:
    """Run all trials of the grid that are not in `results` yet."""
    run(grid.to_choose(), results, grid.folders, n_jobs=n_jobs, say=say)
    run(grid.to_measure(results), results, grid.folders, n_jobs=n_jobs, say=say)
