"""Labels for sparse examples, such as tags of texts: trees of linear classifiers that are trained
together with the way down to them. docs/tagger.md tells how they learn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from ..base.checks import check_integer, n_bytes_of, thread_count
from ..base.files import Arrays
from ..base.history import History
from ..base.ledger import Ledger
from ..base.progress import tell
from ..data import Dataset, Encoding
from ..model.contract import check_alike, to_learn
from .forest import Forest
from .memory import TaggerMemory, memory_limit
from .preparing import Prepared, prepare, prepare_more
from .run import Fitting
from .settings import rate_factor, settings_of
from .trained import Grown


class Tagger(Grown):
    """Finds the labels of sparse examples among many.

    Every parameter but the first is there to take a choice from the preset; none needs tuning.

    Parameters
    ----------
    preset : {"balanced", "fast", "best"}
        How much time training takes for quality.
    memory : int or str, optional
        What training may take besides the data set it is given, in bytes or like "2G". Where it
        does not fit, pairs are left out, then features of vocabularies, then trees; `partial_fit`
        raises instead. None: three quarters of the machine.
    n_trees : int, optional
        Trees that are averaged.
    max_epochs : int, optional
    power : float, optional
        Feature values x are read as sign(x) abs(x)^power, and examples brought to unit length.
    pairs : int, optional
        Trees that read pairs of an example's largest features, too.
    largest : int, optional
        Features of an example, its largest, whose pairs these are.
    labels_per_leaf : int, optional
        About how many labels share a block of weights.
    loss : {"squared_hinge", "logistic"}, optional
    beam : int, optional
        Nodes of a level that prediction opens.
    prune : float, optional
        Absolute value below which trained weights are left out; by default .6 / sqrt(mean features
        of an example), .1 at most.
    random_state : int
        Seeds the leaves and the order of the examples.
    n_jobs : int, optional
        Threads; None for all cores. One gives the same bits each time; more share the trees
        asynchronously (Hogwild).
    verbose : bool
        Show progress on stderr: a line per epoch, and a bar on a terminal or in a notebook.

    Attributes
    ----------
    settings : Settings
        What the preset and the parameters chose; after `fit` also what memory allowed.
    encoding : Encoding or None
        How training numbered features and labels; None before.
    feature_names : tuple of str or None
        May be set: `explain`, `leaves` and the command line show them.
    history_ : History
        Of the last training: a row per epoch.

    Raises
    ------
    ValueError, TypeError
        For a value out of range.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> X = csr_array(np.eye(4, dtype=np.float32)[[0, 1, 2, 3] * 10])
    >>> y = csr_array(np.eye(4)[[2, 0, 1, 3] * 10])
    >>> tagger = Tagger("fast", n_jobs=1).fit(X, y)
    >>> tagger.predict_topk(X[:3], k=1).indices.ravel()
    array([2, 0, 1], dtype=int32)
    """

    def __init__(
        self,
        preset: str = "balanced",
        *,
        memory: int | str | None = None,
        n_trees: int | None = None,
        max_epochs: int | None = None,
        power: float | None = None,
        pairs: int | None = None,
        largest: int | None = None,
        labels_per_leaf: int | None = None,
        loss: str | None = None,
        beam: int | None = None,
        prune: float | None = None,
        random_state: int = 0,
        n_jobs: int | None = None,
        verbose: bool = False,
    ) -> None:
        given = {
            "n_trees": n_trees,
            "max_epochs": max_epochs,
            "power": power,
            "pairs": pairs,
            "largest": largest,
            "labels_per_leaf": labels_per_leaf,
            "loss": loss,
            "beam": beam,
            "prune": prune,
        }
        super().__init__(settings_of(preset, given), random_state, n_jobs)
        self._wanted = self.settings
        self.memory = None if memory is None else n_bytes_of(memory)
        self.verbose = verbose
        self.history_ = History([], Ledger.empty(1))

    @classmethod
    def from_state(cls, config: Mapping[str, Any], arrays: Arrays) -> Tagger:
        """Make the tagger that `state` described; raise `ValueError` if it is damaged."""
        tagger = cls(random_state=config["tagger"]["random_state"])
        tagger.restore(config, arrays)
        tagger._wanted = tagger.settings
        return tagger

    def fit(
        self,
        X: Any,
        y: Any = None,
        *,
        eval_sets: Mapping[str, Dataset] | None = None,
    ) -> Tagger:
        """Train from the start; measure on `eval_sets` after each epoch.

        Parameters
        ----------
        X : Dataset, or ndarray or scipy sparse, (n, n_features)
        y : array_like or sparse, optional
            As a `Dataset` takes it: label lists as a sparse array, or a class per example. Left out
            with a Dataset.
        eval_sets : dict of str to Dataset, optional
            Their figures are in the history as `<name>/<metric>`.

        Returns
        -------
        Tagger
            Itself. Ctrl-C ends training early and keeps what was learned; `history_.interrupted`.

        Raises
        ------
        ValueError
            If the data has no examples or no labels; nothing has changed then.
        MemoryError
            If even the smallest trees take more than `memory`.
        """
        train = to_learn(X, y)
        sets = dict(eval_sets or {})
        for data in sets.values():
            check_alike(data, train.encoding)
        n_threads = thread_count(self.n_jobs)
        prepared = prepare(train, self._wanted, self._limit, self.random_state, n_threads)
        if self.verbose:
            tell(f"{prepared.settings}\n{prepared.memory}")
        with self._all_or_nothing():
            self.settings = prepared.settings
            self.encoding, self.feature_names = train.encoding, None
            self.label_counts, self.n_trained = np.zeros(train.n_labels, np.int64), 0
            epochs = self.settings.max_epochs
            self._learn(prepared, epochs, rate_factor(len(train), epochs), sets)
        return self

    def partial_fit(
        self,
        X: Any,
        y: Any = None,
        *,
        max_epochs: int | None = None,
        eval_sets: Mapping[str, Dataset] | None = None,
    ) -> Tagger:
        """Go on training with other examples, whose labels may be new.

        A new label goes to the leaf whose router likes its examples best and gets a column of its
        own there. All else learns on from the weights that it has, so examples should also be of
        old labels where those matter: what is not seen again is forgotten little by little.

        Parameters
        ----------
        X, y
            As for `fit`, with the features of the training set. Labels 0.. are those of the
            training set, by name if they have names; those behind are new.
        max_epochs : int, optional
            None for that of `settings`.
        eval_sets : dict of str to Dataset, optional
            As for `fit`.

        Returns
        -------
        Tagger
            Itself; `history_` is that of this training.

        Raises
        ------
        ValueError
            If the tagger is not trained, or the data does not go on where its own ended; nothing
            has changed then.
        MemoryError
            If the unpacked trees and the examples take more than `memory`, besides what data and
            tagger do; nothing has changed then.
        """
        old = self.trained_encoding
        data = to_learn(X, y)
        encoding = _continued(old, data)
        sets = dict(eval_sets or {})
        for own in sets.values():
            check_alike(own, encoding)
        epochs = self.settings.max_epochs
        if max_epochs is not None:
            epochs = check_integer("max_epochs", max_epochs, low=1)
        n_threads = thread_count(self.n_jobs)
        prepared = prepare_more(self.forest, data, encoding.n_labels, self._limit, n_threads)
        if self.verbose:
            tell(str(prepared.memory))
        with self._all_or_nothing():
            self.encoding = encoding
            self.label_counts = np.pad(self.frequencies[0], (0, encoding.n_labels - old.n_labels))
            self._learn(prepared, epochs, 1.0, sets)
        return self

    def estimate_memory(self, X: Any, y: Any = None) -> TaggerMemory:
        """Return what `fit` would take for this data, besides the data itself.

        It clusters the labels and collects the vocabularies, and takes as long as that does. The
        figures are exact, but for the packed trees, for which there is room.
        """
        train, n_threads = to_learn(X, y), thread_count(self.n_jobs)
        return prepare(train, self._wanted, self._limit, self.random_state, n_threads).memory

    @property
    def _limit(self) -> int:
        return memory_limit(self.memory)

    @contextmanager
    def _all_or_nothing(self) -> Iterator[None]:
        """Forget what a training changed if it raises."""
        before = dict(vars(self))
        try:
            yield
        except BaseException:
            vars(self).update(before)
            raise

    def _learn(
        self,
        prepared: Prepared,
        max_epochs: int,
        rate_factor: float,
        sets: Mapping[str, Dataset],
    ) -> None:
        """Train the trees, count what they were trained on, and pack them."""
        rows, lists, trees = prepared.rows, prepared.lists, prepared.grow()
        n_threads = thread_count(self.n_jobs)
        fitting = Fitting(
            trees,
            self.settings.loss,
            rows,
            lists,
            seed=self.random_state,
            max_epochs=max_epochs,
            rate_factor=rate_factor,
            n_threads=n_threads,
            verbose=self.verbose,
        )
        assert self.label_counts is not None
        self.label_counts += np.bincount(lists.indices, minlength=lists.shape[1])
        self.n_trained += int(rows[0].shape[0])

        def pack() -> None:
            self._forest = None  # the last one is not held beside the next
            self._forest = Forest.pack(
                prepared.settings, prepared.expansion, trees, prepared.room, n_threads
            )
            self.settings = self._forest.settings

        def measure() -> dict[str, float]:
            if sets:
                pack()
            return self._measure(sets)

        self.history_ = fitting.go(measure)
        if not sets or self.history_.interrupted:  # otherwise measured as it is now
            pack()

    def _measure(self, sets: Mapping[str, Dataset]) -> dict[str, float]:
        return {
            f"{name}/{metric}": value
            for name, data in sets.items()
            for metric, value in self.evaluate(data).items()
        }


def _continued(old: Encoding, data: Dataset) -> Encoding:
    """Return the encoding of old labels and those behind them; raise unless `data` has that."""
    if data.n_features != old.n_features:
        raise ValueError(
            f"the data has {data.n_features} features but the tagger was trained on "
            f"{old.n_features}"
        )
    if data.kind != old.kind:
        raise ValueError(f"the data holds {data.kind} but the tagger was trained on {old.kind}")
    n_labels = max(old.n_labels, data.n_labels)
    names, known = data.label_names, old.label_names
    if (names is None) != (known is None) or (names or ())[: old.n_labels] != (known or ()):
        raise ValueError(
            "the labels of the data go on from others than the tagger's: name the tagger's labels "
            "first, in their order, and then the new ones"
        )
    return replace(old, n_labels=n_labels, label_names=names)
