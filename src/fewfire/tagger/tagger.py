"""Labels for sparse examples, such as tags of texts: trees of linear classifiers that are trained
together with the way down to them. docs/tagger.md says how they learn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from ..base.access import Access
from ..base.checks import check_flag, check_integer, check_number, n_bytes_of, thread_count
from ..base.files import Arrays
from ..base.history import History
from ..base.ledger import Ledger
from ..base.progress import tell
from ..data import Dataset
from ..data.class_weights import ClassWeight, check_class_weight, weighted
from ..data.dataset import Examples
from ..data.frames import checked_words
from ..measure.result import TopKResult
from ..model.callbacks import Callback
from ..model.checkpoint import Resume
from ..model.checks import check_examples, warn_of_values
from ..model.compacted import Compacted, Part
from ..model.contract import Answers, Model, Ways
from ..model.finite import check_best, check_given
from ..model.learned import Learned
from .checkpoint import Resumed
from .compact import n_weights, pruned
from .forest import Forest
from .going_on import prepare_more
from .label_text import with_label_text
from .memory import TaggerMemory, data_bytes, memory_limit
from .merging import merged
from .new_labels import with_labels
from .pilots import chosen
from .preparing import Prepared, prepare
from .reasons import Leaf, Reason
from .run import Run
from .seeds import TreeSeeds
from .settings import MOST_TREES, Settings, fitted, settings_of
from .task import Task
from .threshold import USUAL, settled
from .trained import Trained
from .training_set import in_classes, to_learn

_NOBODY = Access()  # trains what answers by the trees of a moment
_MANY = 32  # labels that an example is first looked at for


class Tagger(Model):
    """Finds the labels of sparse examples among many.

    Every parameter but the first is there to take a choice from the preset; none needs tuning.
    While one thread trains it, others are answered by the last trees that are complete.

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
        By default 4 for examples of 50 features on average or more, and up to 8 for shorter ones:
        4 sqrt(50 / features).
    power : float, optional
        Feature values x are read as sign(x) abs(x)^power, and examples brought to unit length.
    pairs : int, optional
        Trees that read pairs of an example's largest features, too.
    largest : int, optional
        Features of an example, its largest, whose pairs these are; by default so many that there
        are about twice as many pairs as features, 5 to 12.
    labels_per_leaf : int, optional
        About how many labels share a block of weights.
    loss : {"squared_hinge", "logistic"}, optional
    beam : int, optional
        Nodes of a level that prediction opens.
    prune : float, optional
        Absolute value below which trained weights are left out; by default .6 / sqrt(mean features
        of an example), .1 at most.
    slowing : float, optional
        How soon frequent labels learn more slowly: with the rate times (1 + slowing * sum of
        squared gradients)^(-1/4). By default 0 or 1 where one of them is clearly better in short
        trainings, on examples kept aside, and 1/16 where none is.
    random_state : int
        Seeds the leaves and the order of the examples.
    first_tree : int
        The number of the first tree, among trees that are trained apart and merged: it draws the
        random numbers that this tree would draw beside the others.
    n_jobs : int, optional
        Threads; None for all cores. One gives the same bits each time; more share the trees
        asynchronously (Hogwild).
    deterministic : bool
        The same bits for any number of threads: each tree has one, and those without a tree wait.
    class_weight : "balanced" or dict, optional
        As how many examples each comes by its class, where examples have one class each:
        "balanced", n / (k n_c) of n examples, k classes, n_c examples of the class; or a dict of
        weights by the name of the class, or its id. It is multiplied with `Dataset.sample_weight`.
    verbose : bool
        Show progress on stderr: a line per epoch, and a bar on a terminal or in a notebook.

    Attributes
    ----------
    settings : Settings
        What the preset and the parameters chose; after `fit` also what memory allowed.
    threshold_ : float
        From which score on `predict` answers labels: where micro F1 was best on the first of
        `eval_sets`, or on the examples that `fit` kept aside to choose `slowing`; .5 without both.
    feature_names : tuple of str or None
        Those of the training set, or by `set_feature_names`: `explain`, `leaves` and the command
        line show them.
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

    ways = Ways("router", "leaf", "leaves", exact_is_slow=True)

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
        slowing: float | None = None,
        random_state: int = 0,
        first_tree: int = 0,
        n_jobs: int | None = None,
        deterministic: bool = False,
        class_weight: ClassWeight = None,
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
            "slowing": slowing,
        }
        self.settings = self._wanted = settings_of(preset, given)
        self.random_state = check_integer("random_state", random_state, low=0)
        self.first_tree = check_integer("first_tree", first_tree, low=0, high=MOST_TREES)
        self.n_jobs = n_jobs
        thread_count(n_jobs)
        check_flag("deterministic", deterministic)
        self.deterministic = deterministic
        check_class_weight(class_weight)
        self.class_weight = class_weight
        self.memory = None if memory is None else n_bytes_of(memory)
        self.verbose = verbose
        self.access = Access()
        self._trained: Trained | None = None
        self.history_ = History([], Ledger.empty(1))

    @classmethod
    def from_state(cls, config: Mapping[str, Any], arrays: Arrays) -> Tagger:
        """Make the tagger that `state` described; raise `ValueError` if it is damaged."""
        own = config["tagger"]
        tagger = cls(random_state=own["random_state"], first_tree=own.get("first_tree", 0))
        tagger._trained = Trained.from_state(config, arrays)
        tagger.settings = tagger._wanted = tagger.forest.settings
        return tagger

    @classmethod
    def merge(cls, taggers: Sequence[Tagger]) -> Tagger:
        """Return one tagger of the trees of several that were trained apart, such as on several
        machines; these stay as they are.

        Trees that draw the same random numbers as side by side are the same. Let taggers read
        pairs in all trees or in none, each with its `first_tree`: the merged one has the bits of
        the one that trains all trees. Seeds of its own, and how it is used, it has from the first.

        Parameters
        ----------
        taggers : sequence of Tagger
            Trained, on the same examples. Trees that read pairs come first.

        Raises
        ------
        ValueError
            If there is none, one is not trained, or features, labels, examples or settings differ;
            of these only `n_trees`, `pairs` and `prune` may, of which the largest is kept.

        Examples
        --------
        >>> X, y = np.eye(4, dtype=np.float32)[[0, 1, 2, 3] * 10], [2, 0, 1, 3] * 10
        >>> first = Tagger("fast", pairs=0, n_jobs=1).fit(X, y)
        >>> second = Tagger("fast", pairs=0, first_tree=1, n_jobs=1).fit(X, y)
        >>> Tagger.merge([first, second])
        Tagger(4 features, 4 labels in 1 leaf, trees: 2)
        """
        if not taggers:
            raise ValueError("there is no tagger to merge: give one or more")
        parts = [tagger.trained for tagger in taggers]
        first = taggers[0]
        tagger = cls(
            memory=first.memory,
            random_state=first.random_state,
            first_tree=min(own.first_tree for own in taggers),
            n_jobs=first.n_jobs,
            deterministic=first.deterministic,
            class_weight=first.class_weight,
            verbose=first.verbose,
        )
        tagger._answer_by(merged(parts))
        tagger._wanted = tagger.settings
        return tagger

    def fit(
        self,
        X: Any,
        y: Any = None,
        *,
        label_features: Any = None,
        eval_sets: Mapping[str, Dataset] | None = None,
        callbacks: Sequence[Callback] = (),
        resume: Resume | None = None,
    ) -> Tagger:
        """Train from the start, or from a checkpoint; measure on `eval_sets` after each epoch.

        Parameters
        ----------
        X : Dataset, or ndarray or scipy sparse, (n, n_features)
        y : array_like or sparse, optional
            As a `Dataset` takes it: label lists as a sparse array, or a class per example. Left out
            with a Dataset. Its `sample_weight` is as how many examples each comes.
        label_features : ndarray or scipy sparse, (n_labels, n_features), optional
            What describes each label, in the features of an example, such as the words of its
            description; a row of zeros for a label without. Rare labels are found more often by
            it, and labels that no example has are learned from it alone. Default: those of the
            data set.
        eval_sets : dict of str to Dataset, optional
            Their figures are in the history as `<name>/<metric>`.
        callbacks : sequence of Callback
            Where they ask for the tagger of an epoch, to keep or to write it, its trees are packed
            once more. So they are for `eval_sets`.
        resume : path, optional
            A file that `Checkpoint` wrote: training goes on after its last epoch, with the same
            data, settings and callbacks. `max_epochs` may be another; learning rates then go on as
            in a plan of that length.

        Returns
        -------
        Tagger
            Itself. Ctrl-C ends training early and keeps what was learned; `history_.interrupted`.

        Raises
        ------
        ValueError
            If the data has no examples or no labels, label_features have another shape, or a
            checkpoint is of another training; nothing has changed then.
        MemoryError
            If even the smallest trees take more than `memory`.
        RuntimeError
            If a callback trains the tagger that it watches.

        Warns
        -----
        UserWarning
            If numbers are taken as classes that look like values (`Dataset.looks_like_values`).
        """
        with self._training():
            given, wanted, task = self._asked(X, y, label_features, eval_sets, callbacks)
            warn_of_values(given)
            self._fit(given, wanted, task, resume)
        return self

    def _fit(
        self, given: Dataset, wanted: Settings, task: Task, resume: Resume | None = None
    ) -> None:
        """Train from the start, or from a checkpoint."""
        resumed, spent, threshold = None, None, None
        if resume is None:
            settings, why, spent, threshold = chosen(wanted, given, self._pilot, self.random_state)
            prepared = prepare(
                task.data,
                settings,
                self._limit,
                task.seeds,
                task.n_threads,
                task.n_at_once,
                task.n_forests,
            )
            if self.verbose and why:
                tell(why)
        else:
            resumed = Resumed.read(resume, task)
            prepared = resumed.prepare(task, self._limit)
            threshold = resumed.trained.threshold
        if self.verbose:
            tell(f"{prepared.settings.told()}\n{prepared.memory}")
        learned = Learned.of(given, given.n_labels)
        own = settled(threshold, given)
        self._learn(task, prepared, learned, resumed, spent=spent, threshold=own)

    def check(
        self,
        X: Any,
        y: Any = None,
        *,
        label_features: Any = None,
        eval_sets: Mapping[str, Dataset] | None = None,
        callbacks: Sequence[Callback] = (),
        resume: Resume | None = None,
    ) -> None:
        """Raise what `fit` would raise before it does any work."""
        _, _, task = self._asked(X, y, label_features, eval_sets, callbacks)
        if resume is not None:
            Resumed.read(resume, task)

    def partial_fit(
        self,
        X: Any,
        y: Any = None,
        *,
        classes: Sequence[Any] | None = None,
        max_epochs: int | None = None,
        eval_sets: Mapping[str, Dataset] | None = None,
        callbacks: Sequence[Callback] = (),
    ) -> Tagger:
        """Go on training with other examples, whose labels may be new; the first time, `fit`.

        The first examples decide much: trees are grown by their labels, and features that none of
        them has teach nothing later. So let them be many.
        A new label goes to the leaf whose router likes its examples best and gets a column of its
        own there. All else learns on from the weights that it has, so examples should also be of
        old labels where those matter: what is not seen again is forgotten little by little.

        Parameters
        ----------
        X, y
            As for `fit`, with the features of the training set. Labels are those of the training
            set, by name if they have names; where there are new ones, `X` is a Dataset whose
            labels 0.. are those of the training set, and those behind are new.
        classes : sequence, optional
            The name of each label there will be, of an untrained tagger; of a trained one those it
            knows, in their order, and new ones behind them.
        max_epochs : int, optional
            None for that of `settings`.
        eval_sets : dict of str to Dataset, optional
            As for `fit`.
        callbacks : sequence of Callback
            As for `fit`. A `Checkpoint` of a trained tagger is a model to go on from, but cannot
            be resumed.

        Returns
        -------
        Tagger
            Itself; `history_` is that of this training.

        Raises
        ------
        ValueError
            If the data does not go on where the tagger's own ended; nothing has changed then.
        MemoryError
            If the unpacked trees and the examples take more than `memory`, besides what data and
            tagger do; nothing has changed then.

        Examples
        --------
        >>> X = np.eye(4, dtype=np.float32)
        >>> tagger = Tagger("fast", n_jobs=1)
        >>> tagger = tagger.partial_fit(X[[0, 1] * 9], ["cat", "dog"] * 9, classes=["cat", "dog"])
        >>> tagger.partial_fit(X[[1, 0] * 9], ["dog", "cat"] * 9).predict(X[:2])
        array(['cat', 'dog'], dtype=object)
        """
        with self._training():
            X, y = in_classes(X, y, classes, self.encoding)
            if self._trained is None:
                given, wanted, task = self._asked(X, y, None, eval_sets, callbacks, max_epochs)
                self._fit(given, wanted, task)
                return self
            task = Task.to_go_on(self, X, y, eval_sets, callbacks, max_epochs)
            data, encoding, old = task.data, task.encoding, self.trained
            prepared = prepare_more(
                old.forest,
                data,
                encoding.n_labels,
                self._limit,
                task.n_threads,
                task.n_at_once,
                task.n_forests,
                lambda rows, lists: with_labels(old.forest, rows, lists, n_threads=task.n_threads),
            )
            if self.verbose:
                tell(str(prepared.memory))
            learned = old.learned.and_of(data, encoding)
            self._learn(
                task, prepared, learned, shown_names=old.shown_names, threshold=old.threshold
            )
        return self

    def estimate_memory(self, X: Any, y: Any = None) -> TaggerMemory:
        """Return what `fit` would take for this data, besides the data itself, if nobody looks at
        its epochs (`eval_sets`, `callbacks`).

        It clusters the labels and collects the vocabularies, and takes as long as that does. The
        figures are exact, but for the packed trees, for which there is room.
        """
        train, n_threads = to_learn(X, y), thread_count(self.n_jobs)
        wanted = fitted(self._wanted, train)
        return prepare(
            train, wanted, self._limit, self._seeds, n_threads, n_at_once=n_threads
        ).memory

    @property
    def trained(self) -> Trained:
        """What training made; raises before."""
        if (trained := self._last) is None:
            raise ValueError("the tagger is not trained yet: call fit")
        return trained

    @property
    def is_trained(self) -> bool:
        """Whether there are trees to answer by."""
        return self._last is not None

    @property
    def _last(self) -> Trained | None:
        """What the last training made, or the last epoch of one that is measured; while trees are
        packed, another thread waits for them."""
        if self.access is _NOBODY:
            return self._trained
        with self.access.reading():
            return self._trained

    @property
    def forest(self) -> Forest:
        """The trees; raises before training."""
        return self.trained.forest

    @property
    def learned(self) -> Learned:
        """What training learned of its data: encoding, label counts, number of examples."""
        return Learned() if (trained := self._last) is None else trained.learned

    @property
    def feature_names(self) -> tuple[str, ...] | None:
        """Name of each feature, if they were given."""
        return None if (trained := self._last) is None else trained.feature_names

    @property
    def threshold_(self) -> float:
        """From which score on `predict` answers labels."""
        return self.trained.threshold

    def set_feature_names(self, names: Sequence[str]) -> None:
        """Keep a name for each feature, to be shown where features are; after a training that is
        under way, for the trees that it makes. Columns of frames are still found by the names that
        they had in training."""
        with self.access.training():
            own = self.trained
            named = replace(own, shown_names=checked_words(names, own.n_features))
            with self.access.changing():
                self._trained = named

    @property
    def n_features(self) -> int:
        """Features of an example."""
        return self.trained.n_features

    @property
    def n_outputs(self) -> int:
        """Labels, also those that training never saw."""
        return self.trained.n_labels

    @property
    def never_seen(self) -> NDArray[np.int32]:
        """Labels that no training example had: they are in no tree, and never predicted."""
        return self.trained.never_seen

    @property
    def n_opened(self) -> int:
        """Leaves that the router opens for an example, in all trees."""
        return self.trained.n_opened

    def predict(
        self,
        X: Examples,
        *,
        threshold: float | str = "auto",
        exact: bool = False,
        n_jobs: int | None = None,
    ) -> Any:
        """Return the class of each row of `X`, (n,), by name where names are known; or the labels
        that are likelier than `threshold`, as a sparse array of booleans, (n, n_outputs).

        Parameters
        ----------
        X : ndarray, scipy sparse or Dataset, (n, n_features), or texts
        threshold : float or "auto"
            0 to 1; a lower one answers more labels; "auto": `threshold_`. Of classes the likeliest
            is taken in any case.
        exact, n_jobs
            As for `predict_topk`.

        Raises
        ------
        ValueError
            As `predict_topk`, and for a threshold out of range.

        Examples
        --------
        >>> X = np.eye(4, dtype=np.float32)
        >>> tagger = Tagger("fast", n_jobs=1).fit(X[[0, 1] * 9], [["cat"], ["cat", "dog"]] * 9)
        >>> tagger.predict(X[:2]).toarray()
        array([[ True, False],
               [ True,  True]])
        """
        now = self._now()
        given: Any = now.threshold_ if threshold == "auto" else threshold
        least = check_number("threshold", given, low=0.0, high=1.0)
        data, k = now._examples(X), min(_MANY, now.n_outputs)
        if now.encoding is not None and now.encoding.kind == "classes":
            return now.predict_topk(data, 1, exact=exact, n_jobs=n_jobs).names[:, 0]
        while True:  # until the last of the best is not likely enough
            top = now.predict_topk(data, k, exact=exact, n_jobs=n_jobs)
            if k == now.n_outputs or not (top.scores[:, -1] > least).any():
                break
            k = min(4 * k, now.n_outputs)
        rows, places = np.nonzero(top.scores > least)
        found = np.ones(len(rows), bool)
        shape = (len(data), now.n_outputs)
        return csr_array((found, (rows, top.indices[rows, places])), shape=shape)

    def explain(self, X: Examples, k: int = 1, *, n: int = 10) -> list[list[Reason]]:
        """Return for each row of `X` the `k` best labels, and the `n` features, and pairs of them,
        that spoke most for each.

        >>> X = np.eye(4, dtype=np.float32)
        >>> tagger = Tagger("fast", n_jobs=1).fit(X, [2, 0, 1, 3])
        >>> best = tagger.explain(X[:1])[0][0]
        >>> best.label, best.features, tagger.feature_name(best.features[0])
        (2, array([0]), '0')
        """
        now = self._now()
        data = now._examples(X)
        return now.trained.explain(data, now.predict_topk(data, k), n, now._threads(None))

    def leaves(self, tree: int = 0, *, n: int = 10) -> Iterator[Leaf]:
        """Yield the leaves of a tree: its labels, and the `n` features that lead there most."""
        return self.trained.leaves(tree, n)

    def feature_name(self, feature: int) -> str:
        """Return what a feature or pair is called: by `feature_names`, the words of the text it was
        trained on, or its number."""
        return self.trained.feature_name(feature)

    def __repr__(self) -> str:
        if (trained := self._last) is None:
            return f"Tagger({self.settings})"
        trees = trained.forest.trees
        n_leaves = trees[0].levels[-1].n_nodes
        leaves = "leaf" if n_leaves == 1 else "leaves"
        return (
            f"Tagger({trained.n_features:,} features, {trained.n_labels:,} labels in "
            f"{n_leaves:,} {leaves}, trees: {len(trees)})"
        )

    def _asked(
        self,
        X: Any,
        y: Any,
        label_features: Any,
        eval_sets: Mapping[str, Dataset] | None,
        callbacks: Sequence[Callback],
        max_epochs: int | None = None,
    ) -> tuple[Dataset, Settings, Task]:
        """Return the training set, the settings wanted for it, and what is to be done: with that
        set, and an example for each description of a label."""
        given = weighted(to_learn(X, y), self.class_weight)
        wanted = (
            self._wanted if max_epochs is None else replace(self._wanted, max_epochs=max_epochs)
        )
        wanted = fitted(wanted, given)
        train = with_label_text(given, label_features)
        return given, wanted, Task.to_fit(self, wanted, train, eval_sets, callbacks)

    def _pilot(self, settings: Settings, data: Dataset) -> Tagger:
        """Return another tagger that is trained by these settings, without a word."""
        room = self._limit - data_bytes(data)
        pilot = Tagger(
            memory=max(1, room),
            random_state=self.random_state,
            n_jobs=self.n_jobs,
            deterministic=self.deterministic,
        )
        pilot._wanted = settings
        pilot.fit(data)
        if pilot.history_.interrupted:
            raise KeyboardInterrupt
        return pilot

    def compact(
        self, data: Dataset, *, prune: float = 0.12, n_jobs: int | None = None
    ) -> Compacted[Tagger]:
        """Return a tagger of the larger weights, and what leaving out the others costs on `data`.

        The rows that features share that a node does not know leave, too.

        Parameters
        ----------
        data : Dataset
            What both taggers answer.
        prune : float
            Absolute value below which weights leave.
        n_jobs : int, optional
            As for `predict_topk`.

        Raises
        ------
        ValueError
            If the tagger is not trained, or `data` has no example or does not fit it.

        Examples
        --------
        >>> data = Dataset(np.eye(8, dtype=np.float32), [0, 0, 1, 1, 2, 2, 3, 3])
        >>> tagger = Tagger("fast", max_epochs=3, n_jobs=1).fit(data)
        >>> small = tagger.compact(data, prune=0.01)
        >>> small.n_bytes <= small.n_bytes_before, small.model.n_outputs
        (True, 4)
        """
        least, now = check_number("prune", prune, low=0.0), self._now()
        data = now._examples(data)
        check_examples(data)
        config, arrays = now.state()
        of_trees = pruned(now.forest, least)
        described = config["tagger"]
        settings = {**described["settings"], "prune": least}
        config = {**config, "tagger": {**described, "settings": settings}}
        small = Tagger.from_state(config, {**arrays, **of_trees})
        small.n_jobs = self.n_jobs
        parts = [Part("weights", n_weights(of_trees), n_weights(arrays))]
        return Compacted.measured(small, now, parts, data, n_jobs)

    def _state(self) -> tuple[dict[str, Any], Arrays]:
        return self.trained.state(self._seeds)

    def _find(
        self, data: Dataset, k: int, *, exact: bool, n_threads: int
    ) -> tuple[TopKResult, Ledger]:
        top, ledger = self.forest.find(data, k, exact=exact, n_threads=n_threads)
        check_best(top, self.forest.largest)
        return top, ledger

    def _score(
        self, data: Dataset, wanted: csr_array, *, n_threads: int
    ) -> tuple[csr_array, Ledger]:
        scores, ledger = self.forest.score(data, wanted, n_threads)
        is_seen = self.forest.is_seen[wanted.indices]
        check_given(np.where(is_seen, scores, 0), wanted.indptr, self.forest.largest)
        return csr_array((scores, wanted.indices, wanted.indptr), shape=wanted.shape), ledger

    def _answer(self, data: Dataset, k: int, *, exact: bool, n_threads: int) -> Answers:
        top, work = self._find(data, k, exact=exact, n_threads=n_threads)
        return Answers.counted(top, work + self.forest.dense(data, n_threads))

    def _n_scored(self, data: Dataset, k: int, *, n_threads: int) -> float:
        """Return how many labels the opened leaves hold, each counted once, on average."""
        width = min(self.forest.most_found, self.n_outputs)
        top, _ = self._find(data, width, exact=False, n_threads=n_threads)
        return float((top.indices >= 0).sum(axis=1).mean())

    def _threads(self, n_jobs: int | None) -> int:
        return thread_count(self.n_jobs if n_jobs is None else n_jobs)

    @property
    def _seeds(self) -> TreeSeeds:
        return TreeSeeds(self.random_state, self.first_tree)

    @property
    def _limit(self) -> int:
        return memory_limit(self.memory)

    def _now(self) -> Self:
        """Return a tagger that answers by the trees of this moment, whatever is trained
        meanwhile."""
        now = object.__new__(type(self))
        with self.access.reading():
            vars(now).update(vars(self))
        now.access = _NOBODY
        return now

    @contextmanager
    def _training(self) -> Iterator[None]:
        """Return a context in which nobody else trains; forget what changed in it if it raises."""
        with self.access.training():
            before = self._trained, self.settings, self.history_
            try:
                yield
            except BaseException:
                with self.access.changing():
                    self._trained, self.settings, self.history_ = before
                raise

    def _learn(
        self,
        task: Task,
        prepared: Prepared,
        learned: Learned,
        resumed: Resumed | None = None,
        shown_names: tuple[str, ...] | None = None,
        spent: Ledger | None = None,
        threshold: float = USUAL,
    ) -> None:
        """Train the trees, and pack them."""
        self.settings = prepared.settings
        run = Run(
            self, self._answer_by, task, prepared, learned, resumed, shown_names, spent, threshold
        )
        self.history_ = run.go()
        run.settle_threshold()

    def _answer_by(self, trained: Trained | None) -> None:
        self._trained = trained
        if trained is not None:
            self.settings = trained.forest.settings
