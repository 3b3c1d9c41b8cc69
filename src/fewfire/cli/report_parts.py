"""What a report says of a model: what it is, how it was trained, and how it fares on data."""

from __future__ import annotations

from html import escape
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from ..base.curves import draw
from ..base.printable import visible
from ..blend import Blend
from ..data import Dataset
from ..measure.metrics import counts_of
from ..model.contract import Model
from ..network.network import Network
from ..tagger.tagger import Tagger
from .common import cost, unknown_labels, ways_of
from .page import Page, Section
from .report_gates import tell_gates

_LEAVES, _WORDS, _LABELS = 10, 8, 6  # of a tagger that are shown
_CONFUSED, _EXAMPLES, _BEST, _WHY = 12, 8, 3, 6


def parts_of(model: Model) -> list[Model]:
    """Return a model, or the parts of a blend."""
    return [model.tagger, model.network] if isinstance(model, Blend) else [model]


def describe(page: Page, model: Model, path: Path) -> None:
    """Say what a model is."""
    section = page.section("Model")
    encoding = model.encoding
    facts = {
        "file": f"{visible(path.name)}, {path.stat().st_size / 1e6:,.1f} MB",
        "kind": repr(model),
    }
    if encoding is not None:
        kind = {"classes": "classes", "labels": "labels", "values": "columns of values"}
        facts |= {
            "learned from": f"{model.n_trained:,} examples of {encoding.n_features:,} features",
            "answers": f"{encoding.n_labels:,} {kind.get(encoding.kind or '', 'outputs')}",
        }
        if encoding.text is not None:
            facts["takes"] = "raw text"
    section.facts(facts)
    for part in parts_of(model):
        if isinstance(part, Network):
            section.table([_layer(i, part) for i in range(len(part.layers))])
        elif isinstance(part, Tagger):
            section.text(f"{part.settings.told()}. {len(part.never_seen):,} labels never seen.")
            _describe_leaves(page.section("Leaves"), part)


def _layer(place: int, net: Network) -> dict[str, str]:
    layer = net.layers[place]
    settings = layer.settings
    return {
        "layer": str(place),
        "inputs": f"{settings.in_features:,}",
        "rows": f"{settings.out_features:,}",
        "active": f"{settings.active:,} ({settings.active / settings.out_features:.1%})",
        "activation": settings.activation,
        "gate": str(settings.gate),
        "parameters": f"{layer.stored.size + layer.bias.size:,}",
    }


def _describe_leaves(section: Section, tagger: Tagger) -> None:
    names = tagger.label_names or range(tagger.n_outputs)
    section.text("Labels that share a leaf of the first tree, and the features that lead there.")
    rows = []
    for number, leaf in enumerate(islice(tagger.leaves(n=_WORDS), _LEAVES)):
        labels = leaf.labels.tolist()
        more = f", ... ({len(labels):,})" if len(labels) > _LABELS else ""
        rows.append(
            {
                "leaf": str(number),
                "labels": ", ".join(str(names[label]) for label in labels[:_LABELS]) + more,
                "features": ", ".join(map(tagger.feature_name, leaf.features.tolist())) or "all",
            }
        )
    section.table(rows)


def tell_training(page: Page, rows: list[dict[str, Any]]) -> None:
    """Draw the epochs of a training."""
    section = page.section("Training")
    section.figure(draw(rows), f"Losses and metrics of {len(rows):,} epochs.")


def measure(page: Page, model: Model, data: Dataset, n_jobs: int) -> None:
    """Say how a model fares on data."""
    section = page.section("Quality")
    section.text(f"{len(data):,} examples.")
    if told := unknown_labels(data):
        section.text(told)
    rows = []
    for computed, exact in ways_of(model).items():
        found = model.evaluate(data, exact=exact, n_jobs=n_jobs)
        figures = {name: f"{value:.4f}" for name, value in found.items()}
        rows.append({"computed": computed, **figures, **cost(found.ledger, found.n_examples)})
    section.table(rows)
    section.text(
        "Multiplications and additions are per example; shares are of the same model computed in "
        "full, with the zeros of the data and without."
    )
    for part in parts_of(model):
        if isinstance(part, Network) and part.is_gated:
            tell_gates(page, part, data, n_jobs)


def tell_labels(page: Page, model: Model, data: Dataset, n_jobs: int) -> None:
    """Say which labels are found, by frequency, and which classes are taken for others."""
    if data.kind not in ("classes", "labels"):
        return
    if model.label_counts is not None:
        section = page.section("Labels by frequency")
        k = 1 if data.kind == "classes" else min(5, model.n_outputs)
        groups = model.recall_by_group(data, k, n_jobs=n_jobs)
        section.text(f"Share of the occurrences that are among the {k} best answers.")
        section.table(
            [
                {
                    "group": name,
                    "labels": f"{group.n_labels:,}",
                    "occurrences": f"{group.n_occurrences:,}",
                    f"recall@{k}": f"{group.recall:.1%}" if group.n_occurrences else "",
                }
                for name, group in groups.items()
            ]
        )
    if data.kind == "classes" and data.unknown_labels is None:
        _tell_confusions(page.section("Confusions"), model, data, n_jobs)


def _tell_confusions(section: Section, model: Model, data: Dataset, n_jobs: int) -> None:
    names = model.label_names or range(model.n_outputs)
    found = model.predict_topk(data, 1, n_jobs=n_jobs).indices[:, 0]
    truth = np.asarray(data.y)
    weights = counts_of(data.sample_weight, len(data))
    wrong = (found != truth) & (found >= 0) & (weights > 0)
    pairs, place = np.unique(
        np.stack([truth[wrong], found[wrong]], axis=1), axis=0, return_inverse=True
    )
    if not len(pairs):
        section.text("No example was taken for another class.")
        return
    counts = np.bincount(place.ravel(), weights[wrong])
    sizes = np.bincount(truth, weights, minlength=model.n_outputs)
    section.table(
        [
            {
                "class": str(names[int(pairs[i, 0])]),
                "taken for": str(names[int(pairs[i, 1])]),
                "examples": _count(counts[i]),
                "of the class": f"{counts[i] / sizes[pairs[i, 0]]:.1%}",
            }
            for i in np.argsort(-counts, kind="stable")[:_CONFUSED]
        ]
    )


def _count(weight: float) -> str:
    """Return how many examples, or what they count for."""
    return f"{weight:,.0f}" if weight == round(weight) else f"{weight:,.2f}"


def show_examples(page: Page, model: Model, data: Dataset) -> None:
    """Show the first examples: what was wanted, what was answered and, of a tagger, why."""
    if data.kind not in ("classes", "labels"):
        return
    section, some = page.section("Examples"), data[:_EXAMPLES]
    names = model.label_names or range(model.n_outputs)
    indptr, ids = some.label_lists()
    top = model.predict_topk(some, min(_BEST, model.n_outputs))
    tagger = next((part for part in parts_of(model) if isinstance(part, Tagger)), None)
    reasons = None if tagger is None else tagger.explain(some, 1, n=_WHY)
    what = "scores" if isinstance(model, Network) else "likelihoods"
    section.text(f"The best answers and their {what}; right ones are green.")
    items = []
    for i in range(len(some)):
        wanted = ids[indptr[i] : indptr[i + 1]]
        said = ", ".join(
            _answer(str(names[row]), float(score), row in wanted)
            for row, score in zip(top.indices[i], top.scores[i], strict=True)
            if row >= 0
        )
        known = ", ".join(escape(str(names[row])) for row in wanted[:_LABELS])
        none = "none" if some.unknown_labels is None else "none that the model knows"
        label = known or none
        why = ""
        if tagger is not None and reasons is not None and reasons[i]:
            told = zip(reasons[i][0].features, reasons[i][0].contributions, strict=True)
            spoke = (f"{escape(tagger.feature_name(j))} {x:+.2f}" for j, x in told)
            why = f'<br><span class="note">the first, because of {", ".join(spoke)}</span>'
        items.append(f"{said}<br>labels: {label}{why}")
    section.bullets(items)


def _answer(name: str, score: float, is_right: bool) -> str:
    kind = "right" if is_right else "wrong"
    return f'<span class="{kind}">{escape(name)}</span> {score:.2f}'
