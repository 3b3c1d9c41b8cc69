"""A smaller model beside the one that it was made of: what went, and what that cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, Self, TypeVar

from ..data import Dataset
from ..measure.metrics import Metrics
from .contract import Model

AnyModel = TypeVar("AnyModel", bound=Model)


class Part(NamedTuple):
    """How many of something are left."""

    name: str
    kept: int
    before: int


@dataclass(frozen=True, kw_only=True)
class Compacted(Generic[AnyModel]):
    """A smaller model, and what it cost.

    Attributes
    ----------
    model : Network or Tagger
        The smaller one.
    parts : tuple of (name, kept, before)
        What it is made of: inputs and rows, or weights.
    n_bytes, n_bytes_before : int
        What the arrays of a file take.
    n_examples : int
        That both models answered.
    changed : float
        Share of them whose best label is another now.
    metrics, metrics_before : Metrics or None
        Of both models; None for examples without targets.
    """

    model: AnyModel
    parts: tuple[Part, ...]
    n_bytes: int
    n_bytes_before: int
    n_examples: int
    changed: float
    metrics: Metrics | None
    metrics_before: Metrics | None

    @classmethod
    def measured(
        cls,
        model: AnyModel,
        before: Model,
        parts: Sequence[Part],
        data: Dataset,
        n_jobs: int | None,
    ) -> Self:
        """Return the smaller `model`, compared with that of `before` on `data`."""
        best, other = (each.predict_topk(data, 1, n_jobs=n_jobs) for each in (model, before))
        is_labelled = data.kind is not None
        return cls(
            model=model,
            parts=tuple(parts),
            n_bytes=n_bytes(model),
            n_bytes_before=n_bytes(before),
            n_examples=len(data),
            changed=float((best.indices != other.indices).mean()) if len(data) else 0.0,
            metrics=model.evaluate(data, n_jobs=n_jobs) if is_labelled else None,
            metrics_before=before.evaluate(data, n_jobs=n_jobs) if is_labelled else None,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the figures for JSON."""
        return {
            "parts": {part.name: {"kept": part.kept, "before": part.before} for part in self.parts},
            "bytes": self.n_bytes,
            "bytes_before": self.n_bytes_before,
            "n_examples": self.n_examples,
            "changed": self.changed,
            "metrics": None if self.metrics is None else dict(self.metrics),
            "metrics_before": None if self.metrics_before is None else dict(self.metrics_before),
        }

    def __str__(self) -> str:
        lines = [f"{part.name}: {part.kept:,} of {part.before:,}" for part in self.parts]
        lines.append(f"bytes: {self.n_bytes:,} of {self.n_bytes_before:,}")
        lines.append(f"best label changed: {self.changed:.2%} of {self.n_examples:,} examples")
        if self.metrics is not None and self.metrics_before is not None:
            lines += [
                f"{name}: {value:.4f}, before {self.metrics_before[name]:.4f}"
                for name, value in self.metrics.items()
            ]
        return "\n".join(lines)


def n_bytes(model: Model) -> int:
    """Return what the arrays of a model's file take."""
    return sum(array.nbytes for array in model.state()[1].values())
