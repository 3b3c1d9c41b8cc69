"""The grid of a study: settings are chosen on validation splits, then nets are trained in full."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .cells import Cell, Sizes, places, to_choose, to_measure
from .results import Results
from .runner import Say, run


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Which nets are trained, on what, how often."""

    folders: Mapping[str, Path | None]  # of each data set; None: generated
    depths: Sequence[int]
    methods: Sequence[str]
    densities: Sequence[float]
    n_seeds: int
    sizes: Sizes

    def places(self) -> list[Cell]:
        """Return what settings are chosen for."""
        return list(
            places(list(self.folders), self.depths, self.methods, self.densities, self.sizes)
        )

    def to_choose(self) -> list[Cell]:
        """Return the cells that read validation splits only."""
        return [cell for place in self.places() for cell in to_choose(place, self.sizes.n_settings)]

    def to_measure(self, results: Results) -> list[Cell]:
        """Return the cells that count, with the settings that won."""
        return [
            cell
            for place in self.places()
            for cell in to_measure(self.winner(place, results), self.n_seeds, self.sizes)
        ]

    def winner(self, place: Cell, results: Results) -> Cell:
        """Return the cell with the best validation accuracy; of equals the first."""
        rivals = to_choose(place, self.sizes.n_settings)
        return max(rivals, key=lambda cell: results[cell].figures["validation_accuracy_gated"])


def run_grid(grid: Grid, results: Results, *, n_jobs: int, say: Say) -> None:
    """Run all cells of the grid that are not in `results` yet."""
    run(grid.to_choose(), results, grid.folders, n_jobs=n_jobs, say=say)
    run(grid.to_measure(results), results, grid.folders, n_jobs=n_jobs, say=say)
