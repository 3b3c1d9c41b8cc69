"""How features and targets became numbers: what a model must know to read further data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, TypeAlias

import numpy as np

from ..base.checks import LARGEST_ID, check_flag, check_integer, shown
from ..base.files import Arrays, array_of, names_of
from .frames import checked_feature_names
from .label_names import checked_names
from .words import Vectorizer

Kind: TypeAlias = Literal["classes", "labels", "values"] | None


@dataclass(frozen=True)
class Encoding:
    """The widths and names of a data set, without its examples; `like=` takes one.

    Parameters
    ----------
    n_features : int
    kind : {"classes", "labels", "values"} or None
        What the targets are.
    n_labels : int
        Classes, labels, or columns of values.
    label_names : tuple or None
        Name of each label id, None when ids are their own names.
    zero_based : bool
        Whether text of this data counts features from 0.
    text : Vectorizer or None
        How raw text became features, None where features were numbers.
    feature_names : tuple of str or None
        Name of each feature, if there are names: columns of a frame are put in their order.

    Examples
    --------
    >>> from fewfire import Dataset
    >>> encoding = Dataset([[1.0, 0.0], [0.0, 1.0]], ["dog", "cat"]).encoding
    >>> encoding.n_features, encoding.kind, encoding.label_names
    (2, 'classes', ('cat', 'dog'))
    """

    n_features: int
    kind: Kind
    n_labels: int
    label_names: tuple[Any, ...] | None = None
    zero_based: bool = True
    text: Vectorizer | None = None
    feature_names: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if self.kind not in ("classes", "labels", "values", None):
            raise ValueError(f"kind must be classes, labels or values, got {shown(self.kind)}")
        if self.label_names is not None and len(self.label_names) != self.n_labels:
            raise ValueError(f"{len(self.label_names)} label_names for {self.n_labels} labels")
        if self.text is not None and self.text.n_features != self.n_features:
            raise ValueError(f"text of {self.text.n_features} features, not {self.n_features}")
        if self.feature_names is not None:
            checked_feature_names(self.feature_names, self.n_features)

    def of_features(self) -> Encoding:
        """Return the encoding for reading examples whose targets, if any, are of no interest."""
        kind: Kind = "labels" if self.kind == "labels" else None  # text must know of lists
        return Encoding(
            self.n_features, kind, 0, None, self.zero_based, self.text, self.feature_names
        )

    @property
    def words_of_features(self) -> tuple[str, ...] | None:
        """What each feature is called: its name, or the word of a text that it counts."""
        if self.feature_names is None and self.text is not None:
            return self.text.words
        return self.feature_names

    def agrees(self, other: Encoding) -> bool:
        """Whether numbers mean the same in both; names of features count where both have them."""
        names = self.feature_names, other.feature_names
        same = None in names or names[0] == names[1]
        return same and replace(self, feature_names=None) == replace(other, feature_names=None)

    def to_dict(self) -> dict[str, Any]:
        """Return a plain dict; of `text` it has the description, not the arrays, and the names of
        features are left out."""
        names = self.label_names
        if names is not None:  # JSON knows no scalars of numpy
            names = tuple(name.item() if isinstance(name, np.generic) else name for name in names)
        own = {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if field.name not in ("text", "feature_names")
        }
        text = {} if self.text is None else {"text": self.text.to_dict()}
        return {**own, "label_names": names, **text}

    def state(self) -> tuple[dict[str, Any], Arrays]:
        """Return what a model's file holds: a description for JSON, and the arrays by name."""
        described = self.to_dict()
        names = described.pop("label_names")
        arrays: Arrays = {} if names is None else {"label_names": array_of(names)}
        if self.feature_names is not None:
            arrays["column_names"] = array_of(self.feature_names)
        return described, arrays | ({} if self.text is None else self.text.arrays())

    @classmethod
    def from_state(cls, described: Mapping[str, Any], arrays: Arrays) -> Encoding:
        """Make the encoding that `state` described; raise `ValueError` if it is damaged."""
        names = names_of(arrays["label_names"]) if "label_names" in arrays else None
        own = {"label_names": names, **described}
        if "column_names" in arrays:
            own["feature_names"] = tuple(names_of(arrays["column_names"]))
        if "text" in own:
            n_words = check_integer("n_features", own["n_features"], low=1, high=LARGEST_ID)
            own["text"] = Vectorizer.from_arrays(own["text"], arrays, n_words)
        return cls.from_dict(own)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Encoding:
        """Make the encoding that `to_dict` described; raise `ValueError` if it is damaged."""
        for name in ("n_features", "n_labels"):
            check_integer(name, data[name], low=0, high=LARGEST_ID)
        check_flag("zero_based", data.get("zero_based", True))
        names = data["label_names"]
        return cls(**{**data, "label_names": None if names is None else checked_names(names)})
