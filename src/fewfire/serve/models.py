"""The models that are served. Each request is answered by one `Loaded` from its first look to its
last; a file that changes is loaded beside the old model, which then makes way for it."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from scipy.sparse import csr_array

from ..base import checksum
from ..base.checks import said
from ..base.tensors import read_header
from ..blend import Blend
from ..data import Dataset
from ..data.given import as_dataset
from ..loading import load
from ..model.contract import Model
from ..network.bag import EmbeddingBag
from ..network.gates import All
from ..network.network import Network
from ..tagger.tagger import Tagger
from .problems import Problem

Kind: TypeAlias = Literal["texts", "sparse", "rows"]  # what a model is best given
Stamp: TypeAlias = tuple[int, int, int]
_TRIES = 5  # to load a file that is replaced meanwhile
_SIDES = range(8, 65)  # pixels of an image, one way


@dataclass(frozen=True, eq=False)
class Loaded:
    """A model as its file had it at one moment. Nobody trains it: what it is asked is kept."""

    name: str
    model: Model
    version: str
    stamp: Stamp
    since: float  # seconds since 1970

    @cached_property
    def n_features(self) -> int:
        """Features of an example."""
        return self.model.n_features

    @cached_property
    def n_outputs(self) -> int:
        """Labels or values."""
        return self.model.n_outputs

    @cached_property
    def takes(self) -> Kind:
        """What examples of it are: texts, sparse rows or dense ones; dense ones it always takes."""
        encoding = self.model.encoding
        if encoding is not None and encoding.text is not None:
            return "texts"
        network = self.model
        dense = isinstance(network, Network) and not isinstance(
            network.layers[0].settings, EmbeddingBag
        )
        return "rows" if dense else "sparse"

    @cached_property
    def gives_values(self) -> bool:
        """Whether it predicts values, not labels."""
        return isinstance(self.model, Network) and self.model.loss == "squared"

    @cached_property
    def tagger(self) -> Tagger | None:
        """What can say why."""
        model = self.model.tagger if isinstance(self.model, Blend) else self.model
        return model if isinstance(model, Tagger) else None

    @cached_property
    def network(self) -> Network | None:
        """What has layers."""
        model = self.model.network if isinstance(self.model, Blend) else self.model
        return model if isinstance(model, Network) else None

    @cached_property
    def gated_layers(self) -> list[int]:
        """The layers that choose rows."""
        layers = [] if self.network is None else self.network.layers
        return [i for i, each in enumerate(layers) if not isinstance(each.settings.gate, All)]

    @property
    def side(self) -> int | None:
        """Pixels of a square image one way, if that is what examples may be."""
        side = math.isqrt(self.n_features)
        is_image = self.takes == "rows" and side**2 == self.n_features and side in _SIDES
        return side if is_image else None

    @cached_property
    def names(self) -> tuple[Any, ...] | range:
        """What each label is called."""
        return self.model.label_names or range(self.n_outputs)

    @cached_property
    def ids(self) -> Mapping[Any, int]:
        """The label of each name."""
        return {name: i for i, name in enumerate(self.names)}

    def described(self) -> dict[str, Any]:
        """Return what people and programs may want to know of it."""
        model = self.model
        return {
            "name": self.name,
            "version": self.version,
            "type": type(model).__name__,
            "description": repr(model),
            "takes": self.takes,
            "n_features": self.n_features,
            "n_outputs": self.n_outputs,
            "gives": "values" if self.gives_values else "labels",
            "explains": self.tagger is not None,
            "gated_layers": self.gated_layers,
            "image_side": self.side,
            "loaded_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.since)),
        }


def read(name: str, path: Path) -> Loaded:
    """Read a model and let it answer once: what cannot answer is not served."""
    for _ in range(_TRIES):
        before = stamp_of(path)
        model, version = load(path, mapped=True), _version(path, before)
        if stamp_of(path) == before:
            found = Loaded(name, model, version, before, time.time())
            _try(found)
            return found
    raise ValueError(f"{path} changes faster than it can be read")


def stamp_of(path: Path) -> Stamp:
    """Return what differs when a file was replaced or written to."""
    found = os.stat(path)
    return found.st_ino, found.st_size, found.st_mtime_ns


def _version(path: Path, stamp: Stamp) -> str:
    """Return the checksum that a file has of itself, or when it was written."""
    with open(path, "rb") as file:
        found = read_header(file).metadata.get(checksum.KEY)
    return str(found) if found else f"{stamp[2]:x}"


def _try(found: Loaded) -> None:
    model = found.model
    if found.takes == "texts":
        data = as_dataset(["a text"], model.encoding)
    else:
        data = Dataset(csr_array((1, model.n_features), dtype=np.float32))
    if isinstance(model, Network) and found.gives_values:
        model.decision_function(data, n_jobs=1)
    else:
        model.predict_topk(data, 1, n_jobs=1)


class Models:
    """The models of a server, by name."""

    def __init__(self, paths: Mapping[str, Path]) -> None:
        self._paths = dict(paths)
        self._loaded = {name: read(name, path) for name, path in paths.items()}
        self._refused: dict[str, Stamp | None] = {}

    def __iter__(self) -> Iterator[Loaded]:
        return iter(self._loaded.values())

    def get(self, name: str, version: str | None = None) -> Loaded:
        """Return a model; raise for a name, or a version of it, that is not there."""
        found = self._loaded.get(name)
        if found is None:
            raise Problem(404, f"there is no model {name!r}; there are: {', '.join(self._loaded)}")
        if version not in (None, "", found.version):
            raise Problem(404, f"{name!r} has the version {found.version}, not {version!r}")
        return found

    def only(self) -> Loaded:
        """Return the model of a request that names none; raise if there are several."""
        if len(self._loaded) > 1:
            raise Problem(422, f"which model? There are: {', '.join(self._loaded)}", "/model")
        return next(iter(self))

    def changed(self) -> list[str]:
        """Return the models whose files are not those that were loaded, or last refused."""
        return [
            name
            for name, path in self._paths.items()
            if _stamp_or_none(path) not in (self._loaded[name].stamp, self._refused.get(name))
        ]

    def reload(self, name: str) -> Loaded:
        """Load a file again; the old model stays until the new one has answered, or for good."""
        path = self._paths[name]
        stamp = _stamp_or_none(path)
        try:
            found = read(name, path)
        except Exception as error:
            self._refused[name] = stamp
            raise ValueError(
                f"{path} is not taken, {name} stays as it was: {said(error)}"
            ) from error
        self._refused.pop(name, None)
        self._loaded[name] = found
        return found


def _stamp_or_none(path: Path) -> Stamp | None:
    try:
        return stamp_of(path)
    except OSError:  # between the old file and the new one
        return None
