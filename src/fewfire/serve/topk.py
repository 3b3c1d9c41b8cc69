"""`/v1/topk`: from its JSON to a question, and from an answer to JSON."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from scipy.sparse import csr_array

from ..base.checks import said, shown
from ..measure.ranking import exponent_of
from . import inputs
from .answering import Answer, Question
from .asked import Answered, Because, Prediction, TopK
from .inputs import Inputs
from .models import Loaded, Models
from .problems import Problem, of_decoding
from .settings import Limits

_DECODE = msgspec.json.Decoder(TopK).decode
_ENCODE = msgspec.json.Encoder().encode
_USUAL_K = 5


def decode(body: bytes) -> TopK:
    """Return what a body asks; raise a problem that names the field."""
    try:
        return _DECODE(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise of_decoding(error) from None


def loaded_of(asked: TopK, models: Models) -> Loaded:
    """Return the model that is asked."""
    if asked.model is None:
        return models.only()
    try:
        return models.get(asked.model)
    except Problem as problem:
        raise Problem(404, problem.detail, "/model") from None


def inputs_of(asked: TopK, loaded: Loaded, limits: Limits) -> Inputs:
    """Return the examples, checked."""
    given = [
        (name, found)
        for name, found in (("texts", asked.texts), ("rows", asked.rows), ("sparse", asked.sparse))
        if found is not None
    ]
    if len(given) != 1:
        raise Problem(422, f"give one of texts, rows and sparse, not {len(given)} of them", "")
    (name, rows), at = given[0], f"/{given[0][0]}"
    check_rows(len(rows), limits, at)
    if name == "texts":
        return inputs.texts(asked.texts or [], loaded, at)
    if name == "rows":
        return inputs.dense(rows, loaded, at)
    return inputs.sparse(asked.sparse or [], loaded, at)


def check_rows(n_rows: int, limits: Limits, at: str) -> None:
    """Raise for more examples than a request may have, or none."""
    if not 1 <= n_rows <= limits.rows:
        raise Problem(422, f"a request has 1 to {limits.rows} examples, this has {n_rows}", at)


def question_of(
    asked: TopK, loaded: Loaded, n_rows: int, limits: Limits
) -> tuple[Question, csr_array | None]:
    """Return what is asked of the examples, and the labels to score, if only some are."""
    n_outputs = loaded.n_outputs
    if loaded.gives_values:
        _refuse(asked, ("k", "threshold", "rank_by", "candidates"), "this model gives values")
    if asked.why and loaded.tagger is None:
        raise Problem(422, f"{loaded.name!r} is a network: only taggers say why", "/why")
    if asked.active and not loaded.gated_layers:
        raise Problem(422, f"{loaded.name!r} has no layer that chooses rows", "/active")
    if asked.why:
        _refuse(asked, ("rank_by", "exact"), "why explains what the router finds, likeliest first")
    if asked.candidates is not None:
        _refuse(asked, ("rank_by", "exact", "why"), "the candidates are scored, and nothing else")
    candidates = candidates_of(asked, loaded, n_rows)
    k = asked.k
    if k is None:
        k = min(_USUAL_K, n_outputs)
        if candidates is not None:
            k = max(1, int(np.diff(candidates.indptr).max()))
    most = min(limits.k, n_outputs)
    if k > most:
        raise Problem(422, f"k is 1 to {most}, got {k}", "/k")
    return Question(k, rank_of(asked.rank_by), asked.exact, asked.why, asked.active), candidates


def rank_of(given: str | float | None) -> float:
    """Return the order of labels that is asked for."""
    try:
        return 0.0 if given is None else exponent_of(given)
    except (ValueError, TypeError) as error:
        raise Problem(422, said(error), "/rank_by") from None


def candidates_of(asked: TopK, loaded: Loaded, n_rows: int) -> csr_array | None:
    """Return the labels to score, a row for each example."""
    lists = asked.candidates
    if lists is None:
        return None
    if len(lists) not in (1, n_rows):
        raise Problem(
            422,
            f"{len(lists)} lists for {n_rows} examples: give one for each, or one for all",
            "/candidates",
        )
    ids, ends = [], [0]
    for i, names in enumerate(lists):
        for j, name in enumerate(names):
            if (label := loaded.ids.get(name)) is None:
                raise Problem(
                    422, f"{loaded.name!r} has no label {shown(name)}", f"/candidates/{i}/{j}"
                )
            ids.append(label)
        ends.append(len(ids))
    if len(lists) < n_rows:
        if len(ids) * n_rows > (1 << 22):
            raise Problem(
                422, "that are too many candidates: ask for fewer examples", "/candidates"
            )
        ids, ends = ids * n_rows, [len(ids) * i for i in range(n_rows + 1)]
    shape = (n_rows, loaded.n_outputs)
    found = csr_array((np.ones(len(ids), np.float32), ids, ends), shape=shape)
    found.sum_duplicates()
    return found


def encode(asked: TopK, loaded: Loaded, found: Answer) -> bytes:
    """Return the answer as JSON."""
    told = Answered(loaded.name, loaded.version, active=found.active)
    if found.values is not None:
        told.values = found.values.tolist()
    elif found.top is not None:
        told.predictions = _predictions(asked, loaded, found)
    return _ENCODE(told)


def _predictions(asked: TopK, loaded: Loaded, found: Answer) -> list[list[Prediction]]:
    assert found.top is not None
    names, least = loaded.names, asked.threshold
    rows = [
        [
            Prediction(names[label], score)
            for label, score in zip(labels, scores, strict=True)
            if label >= 0 and (least is None or score > least)
        ]
        for labels, scores in zip(
            found.top.indices.tolist(), found.top.scores.tolist(), strict=True
        )
    ]
    if found.reasons is not None and loaded.tagger is not None:
        for row, reasons in zip(rows, found.reasons, strict=True):
            _add_reasons(row, {names[each.label]: each for each in reasons}, loaded)
    return rows


def _add_reasons(row: list[Prediction], reasons: dict[Any, Any], loaded: Loaded) -> None:
    """Add what spoke for each label; the tagger of a blend knows of what it found itself."""
    assert loaded.tagger is not None
    for each in row:
        reason = reasons.get(each.label)
        each.why = []
        if reason is not None:
            each.why = [
                Because(loaded.tagger.feature_name(feature), contribution)
                for feature, contribution in zip(
                    reason.features, reason.contributions.tolist(), strict=True
                )
            ]


def _refuse(asked: TopK, fields: tuple[str, ...], why: str) -> None:
    """Raise for fields that say nothing here."""
    for name in fields:
        if getattr(asked, name) not in (None, False, 0):
            raise Problem(422, f"{why}: leave out {name}", f"/{name}")
