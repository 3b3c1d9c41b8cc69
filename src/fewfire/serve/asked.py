"""What `/v1/topk` is asked: the types that its JSON is checked against, and its schema is made of.

msgspec checks while it reads, in one pass over the bytes."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

from msgspec import Meta, Struct

T = TypeVar("T")
Some = Annotated[list[T], Meta(min_length=1)]


class SparseRow(Struct, forbid_unknown_fields=True):
    """A row by its features that are not 0."""

    indices: Annotated[list[int], Meta(description="Numbers of features, from 0.")]
    values: Annotated[
        list[float] | None, Meta(description="Their values; without them all are 1.")
    ] = None


class TopK(Struct, forbid_unknown_fields=True):
    """Examples, one of `texts`, `rows` and `sparse`, and what to answer of each."""

    model: Annotated[
        str | None, Meta(description="Its name; not needed where one model is served.")
    ] = None
    texts: Annotated[Some[str] | None, Meta(description="Of a model that was trained on text.")] = (
        None
    )
    rows: Annotated[Some[list[float]] | None, Meta(description="All features of each example.")] = (
        None
    )
    sparse: Some[SparseRow] | None = None
    k: Annotated[
        Annotated[int, Meta(ge=1)] | None,
        Meta(description="Best labels of each example; 5 if there are so many."),
    ] = None
    threshold: Annotated[float | None, Meta(description="Only labels whose score is above it.")] = (
        None
    )
    rank_by: Annotated[
        Literal["precision", "propensity"] | float | None,
        Meta(description="Which labels come first: the likeliest; rare ones; a number 0 to 1."),
    ] = None
    candidates: Annotated[
        Some[list[str | int | float]] | None,
        Meta(
            description="Score these labels only: a list for each example, or one for all. Labels "
            "that training never saw are left out."
        ),
    ] = None
    exact: Annotated[
        bool, Meta(description="Leave nothing out: every row of a layer, every leaf of a tree.")
    ] = False
    why: Annotated[
        int,
        Meta(description="Of a tagger: features that spoke most for each label, so many.", ge=0),
    ] = 0
    active: Annotated[
        bool, Meta(description="Of a network with gates: the rows that each example chose.")
    ] = False


class Because(Struct):
    """A feature, or a pair of them, and what it added to a label."""

    feature: str
    contribution: float


class Prediction(Struct, omit_defaults=True):
    """A label of an example."""

    label: str | int | float
    score: float
    why: list[Because] | None = None


class ActiveRows(Struct):
    """The rows of a layer that an example chose, of `n_rows`."""

    layer: int
    n_rows: int
    rows: list[int]


class Answered(Struct, omit_defaults=True):
    """Of each example its labels, best first, or its values."""

    model: str
    version: str
    predictions: list[list[Prediction]] | None = None
    values: list[list[float]] | None = None
    active: list[list[ActiveRows]] | None = None


EXAMPLE: dict[str, Any] = {"texts": ["a game where you shoot asteroids"], "k": 3, "why": 2}
