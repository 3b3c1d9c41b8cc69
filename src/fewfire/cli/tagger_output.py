"""What `evaluate`, `predict` and `inspect` print of taggers and blends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import click

from ..base.printable import field
from ..blend import Blend
from ..model.contract import Model
from ..tagger.reasons import Leaf
from ..tagger.tagger import Tagger
from .common import print_json, show

_WORDS = 8  # of a leaf
_SHOWN = 6  # labels of a leaf, as text


def tagger_of(model: Model, asker: str) -> Tagger:
    """Return the tagger of a model; raise if there is none."""
    found = model.tagger if isinstance(model, Blend) else model
    if not isinstance(found, Tagger):
        raise click.UsageError(f"{asker} needs a tagger, and the model is a network")
    return found


def tagger_of_lists(model: Model) -> Tagger:
    """Return a tagger of label lists; raise if the model is something else."""
    encoding = model.encoding
    if not isinstance(model, Tagger) or encoding is None or encoding.kind != "labels":
        raise click.UsageError("--threshold needs a tagger of label lists")
    return model


def reasons(tagger: Tagger, data: Any, k: int, n: int) -> Iterator[list[dict[str, Any]]]:
    """Go through examples: the best labels of each, with the features that spoke most for them."""
    names = tagger.label_names or range(tagger.n_outputs)
    for found in tagger.explain(data, k, n=n):
        yield [
            {
                "label": names[each.label],
                "score": each.score,
                "why": [
                    [tagger.feature_name(feature), float(contribution)]
                    for feature, contribution in zip(each.features, each.contributions, strict=True)
                ],
            }
            for each in found
        ]


def as_lines(found: Sequence[dict[str, Any]]) -> str:
    """Return an example's labels as text, a line for each and an empty one."""
    lines = [
        "\t".join(
            [field(each["label"]), f"{each['score']:.6g}"]
            + [f"{field(name)} {contribution:+.3f}" for name, contribution in each["why"]]
        )
        for each in found
    ]
    return "\n".join([*lines, ""])


def inspect_tagged(model: Model, path: Path, n_leaves: int, *, as_json: bool) -> None:
    """Print what a tagger, or that of a blend, is made of, and some of its leaves."""
    tagger = tagger_of(model, "inspect")
    shown = [_leaf(tagger, number, leaf) for number, leaf in _leaves(tagger, n_leaves)]
    size, encoding = path.stat().st_size, tagger.encoding
    assert encoding is not None
    if as_json:
        print_json(
            {
                "model": type(model).__name__,
                "bytes": size,
                "settings": tagger.settings.to_dict(),
                "encoding": encoding.to_dict(),
                "n_trained": tagger.n_trained,
                "n_pairs": len(tagger.forest.expansion.keys),
                "levels": [level.n_nodes for level in tagger.forest.trees[0].levels],
                "never_seen": len(tagger.never_seen),
                "leaves": shown,
            }
        )
        return
    show(f"{field(path)}: {model!r}, {size / 1e6:.1f} MB")
    show(str(tagger.settings))
    if encoding.text is not None:
        show(f"takes raw text: {encoding.text!r}")
    show(
        f"trained on {tagger.n_trained:,} examples; {len(tagger.never_seen):,} labels were never "
        f"seen; {len(tagger.forest.expansion.keys):,} pairs of features"
    )
    for leaf in shown:
        words = ", ".join(field(word) for word, _ in leaf["words"]) or "the only one"
        labels = ", ".join(map(field, leaf["labels"][:_SHOWN]))
        more = f", ... {len(leaf['labels'])} in all" if len(leaf["labels"]) > _SHOWN else ""
        show(f"leaf {leaf['leaf']}: {words}\n    labels: {labels}{more}")


def _leaves(tagger: Tagger, n_leaves: int) -> Iterator[tuple[int, Leaf]]:
    return islice(enumerate(tagger.leaves(n=_WORDS)), n_leaves)


def _leaf(tagger: Tagger, number: int, leaf: Leaf) -> dict[str, Any]:
    names = tagger.label_names or range(tagger.n_outputs)
    words = zip(leaf.features, leaf.weights, strict=True)
    return {
        "leaf": number,
        "words": [[tagger.feature_name(feature), float(weight)] for feature, weight in words],
        "labels": [names[label] for label in leaf.labels.tolist()],
    }
