"""Writes down what a study found: `report.md` and `report.html`, with the plots beside them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import fewfire

from ..base.replacing import replacing
from . import paper
from .claims import Claim, accuracy_claims, claim_of_testing, span, thread_claims
from .document import Block, Heading, Paragraph, Plot, Table, to_html, to_markdown
from .plots import draw_all
from .race import speed_claim
from .results import Line
from .speed import SpeedTrial
from .summary import Group, groups
from .trials import METHODS, Trial


def write_report(folder: Path, lines: Sequence[Line]) -> list[Claim]:
    """Write the report on some lines into `folder`; return the claims.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    found, timed = groups(lines), groups(lines, "threads")
    raced = [line for line in lines if isinstance(line.trial, SpeedTrial)]
    claims = [*(accuracy_claims(found) if found else []), *thread_claims(timed)]
    if found:
        claims.append(claim_of_testing(found, timed))
    if raced:
        claims.append(speed_claim(raced))
    claims.sort(key=lambda claim: int(claim.name[1:]))
    captions = draw_all(
        folder / "plots", found, [group for group in timed if group.method == "LSH"], raced
    )
    blocks = [
        *_summary(lines, claims),
        *(Plot(name, caption) for name, caption in captions.items()),
        *(block for claim in claims for block in _claim(claim)),
        *_all_accuracies(found),
        *_places(lines),
    ]
    for name, text in (
        ("report.md", to_markdown(blocks)),
        ("report.html", to_html(blocks, folder)),
    ):
        with replacing(folder / name) as file:
            file.write(text.encode())
    return claims


def _summary(lines: Sequence[Line], claims: Sequence[Claim]) -> list[Block]:
    seeds = {line.trial.seed for line in lines if _is_measured(line)}
    return [
        Heading("The KDD 2017 study, reproduced", 1),
        Paragraph(
            "Spring & Shrivastava, Scalable and Sustainable Deep Learning via Randomized "
            "Hashing, compute 5 % of the rows of hidden layers, found by hashing. They claim that "
            "such a net is as accurate as the dense one at a twentieth of the work. Here are their "
            f"claims, and what fewfire {fewfire.__version__} shows for each, over {len(seeds)} "
            f"seed{'s' if len(seeds) != 1 else ''}. Gates that look at inputs were trained by the "
            "defaults, which choose settings by themselves. Settings of other methods were chosen "
            "among four on validation splits, the last rows of the training sets. The test sets "
            "were read once, by the nets that count. "
            "Generated sets are easier than the files that the paper used: compare methods on "
            "them, not accuracies across columns."
        ),
        Table(
            [
                {"claim": claim.name, "verdict": f"**{claim.verdict}**", "found": claim.found}
                for claim in claims
            ]
        ),
    ]


def _claim(claim: Claim) -> list[Block]:
    blocks: list[Block] = [
        Heading(f"{claim.name}: {claim.verdict}"),
        Paragraph(claim.text),
        Paragraph(f"Found: {claim.found}."),
    ]
    return [*blocks, Table(claim.rows)] if claim.rows else blocks


def _all_accuracies(found: Sequence[Group]) -> list[Block]:
    if not found:
        return []
    rows = []
    for group in found:
        theirs = paper.dense(group.data, group.depth) if group.method == "NN" else None
        curve = paper.CURVES.get((paper.NAMES.get(group.data, ""), group.depth, group.method))
        if curve is not None and group.method != "AD":
            theirs = curve.get(group.density)
        rows.append(
            {
                "net": group.net,
                "method": f"{group.method}: {METHODS[group.method].title}",
                "kept": f"{group.spread('density').mean:.1%}",
                "test, gated": span(group.accuracy),
                "test, every row": span(group.spread("test_accuracy_exact")),
                "training, gated": span(group.train_accuracy),
                "paper": "-" if theirs is None else f"{theirs:.4f}".removeprefix("0"),
                "multiplications": f"{group.share.mean:.2%}",
                "CPU s": f"{group.spread('cpu_seconds').mean:.0f}",
                "rows in use": _rows_in_use(group),
                "setting": "defaults" if group.setting is None else str(group.setting),
            }
        )
    return [
        Heading("Every method"),
        Paragraph(
            "Means over seeds, least and most in brackets; multiplications of training relative "
            "to the dense net's, all counted. CPU seconds are of trials that ran side by side. "
            "Rows in use: of each hidden layer, those that any of 1,000 test examples chose."
        ),
        Table(rows),
    ]


def _rows_in_use(group: Group) -> str:
    used = [line.figures["rows_in_use"] for line in group.lines]
    means = [sum(rows) / len(rows) for rows in zip(*used, strict=True)]
    return ", ".join(f"{mean:.0f}" for mean in means) or "-"


def _places(lines: Sequence[Line]) -> list[Block]:
    places = sorted({(line.place["machine"], line.place["commit"]) for line in lines})
    amounts = dict.fromkeys(
        f"{trial.data}: {trial.epochs} epochs"
        + (f", {trial.n_train:,} training examples at most" if trial.n_train else "")
        + (f", {trial.n_test:,} test examples at most" if trial.n_test else "")
        for trial in (line.trial for line in lines if _is_measured(line))
        if isinstance(trial, Trial)
    )
    return [
        Heading("Where and how"),
        Paragraph("; ".join(f"{machine}, commit {commit}" for machine, commit in places) + "."),
        Paragraph("; ".join(amounts) + "."),
    ]


def _is_measured(line: Line) -> bool:
    return line.trial.part == "accuracy"
