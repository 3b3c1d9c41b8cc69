"""A network: layers with their weights, and everything a trained one can do."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.special import expit, log_expit, softmax

from .. import _core
from ..base.access import Access
from ..base.checks import check_integer, check_memory, to_dict
from ..base.files import Arrays
from ..base.finite import all_finite
from ..base.ledger import Ledger
from ..data import Dataset
from ..data.core_views import core_inputs
from ..data.dataset import Examples
from ..measure.metrics import Explained
from ..measure.result import TopKResult
from ..model.checks import check_examples
from ..model.compacted import Compacted, Part
from ..model.contract import Answers, Model, Ways
from ..model.finite import check_all, check_best, check_given
from ..model.learned import Learned
from .answers import Evaluation, candidate_scores, core_model, density, output_scores, predict
from .architecture import Settings, check_layers, with_fitted_output
from .arrays import array_specs, as_stored, by_layer, check_arrays, parameter_bytes
from .compact import cut, used
from .explanation import Explanation, explanation
from .gate_stats import TableStats, table_stats
from .gates import All
from .initial import initial_arrays
from .layer import Layer
from .targets import fitting


class Teacher(Protocol):
    """What trains a network one epoch."""

    def __call__(
        self,
        net: Network,
        X: Examples,
        y: Any,
        *,
        classes: Sequence[Any] | None,
        n_jobs: int | None,
    ) -> object: ...


_AT_ONCE = 1 << 14  # examples whose values are held
DENSE_BUDGET = 2 * 2**30  # bytes that a dense (examples x outputs) answer may take


class Network(Model):
    """Fully connected layers, each with what chooses its rows.

    Parameters
    ----------
    *layers : Linear, the first of them Linear or EmbeddingBag
        The out_features of one are the in_features of the next.
    random_state : int
        Seeds the weights, the hash functions and what gates draw.

    Attributes
    ----------
    layers : list of Layer
        `net.layers[0].weights` is a float32 array (rows, columns), of weights in bfloat16 a copy;
        call `refresh` after changes.
    loss : {"softmax", "decoupled", "logistic", "squared"} or None
        Set by training.
    hashed_by_default : bool
        Whether the library chose to hash the last layer, which was given no gate.
    columns : ndarray of int32, or None
        The inputs that it reads, ascending, where `compact` left some out; None for all.

    Any thread may ask it anything while another trains it: it sees a whole network, with weights of
    the moment, and may wait for a refresh. `save` and `table_stats` hold up refreshes meanwhile.

    Raises
    ------
    ValueError
        If there is no layer, or the widths do not fit.
    MemoryError
        If the machine cannot hold the weights.

    Examples
    --------
    >>> from fewfire import Linear
    >>> net = Network(Linear(4, 8, activation="relu"), Linear(8, 3), random_state=0)
    >>> net.predict_topk(np.ones((2, 4)), k=2).indices.shape
    (2, 2)
    """

    ways = Ways("gates", "row", "rows", exact_is_slow=False)
    own_metrics = ("loss",)
    teacher: ClassVar[Teacher]  # who trains a network imports it, and so it sets this

    def __init__(self, *layers: Settings, random_state: int = 0) -> None:
        check_layers(layers)
        layers, given = with_fitted_output(layers), layers
        seed = check_integer("random_state", random_state, low=0)
        n_parameters = sum(layer.out_features * (layer.in_features + 1) for layer in layers)
        check_memory(f"a network of {n_parameters:,} parameters", parameter_bytes(layers))
        self._assemble(layers, initial_arrays(layers, seed), seed)
        self.hashed_by_default = layers != given

    @classmethod
    def from_arrays(
        cls, layers: Sequence[Settings], arrays: Sequence[NDArray[Any]], random_state: int = 0
    ) -> Network:
        """Make a network on `arrays`: those of `array_specs` in turn, kept, not copied.

        Raises
        ------
        ValueError
            If an array has another shape or dtype than its layer has, or is not aligned,
            writeable and C-contiguous.
        """
        check_layers(layers)
        check_arrays(layers, arrays)
        net = cls.__new__(cls)
        own = by_layer(layers, arrays)
        net._assemble(layers, own, check_integer("random_state", random_state, low=0))
        return net

    def _assemble(
        self, layers: Sequence[Settings], arrays: Iterable[list[NDArray[Any]]], random_state: int
    ) -> None:
        self.access = Access()
        self.random_state = random_state
        self.hashed_by_default = False
        self.loss: str | None = None
        self.columns: NDArray[np.int32] | None = None
        self._n_features = layers[0].in_features
        self._learned = Learned()
        self.going_on: object = None  # what trainings in pieces keep between them
        self.layers = [
            Layer(
                settings,
                *own,
                random_state=random_state,
                position=position,
            )
            for position, (settings, own) in enumerate(zip(layers, arrays, strict=True))
        ]

    @property
    def n_features(self) -> int:
        """Width of the inputs."""
        return self._n_features

    @property
    def n_outputs(self) -> int:
        """Rows of the last layer."""
        return self.layers[-1].settings.out_features

    @property
    def learned(self) -> Learned:
        """What training learned of its data: encoding, label counts, number of examples."""
        return self._learned

    @learned.setter
    def learned(self, learned: Learned) -> None:
        with self.access.changing():
            self._learned = learned
            self.layers[-1].set_label_counts(learned.label_counts)

    @property
    def is_gated(self) -> bool:
        """Whether any layer has a gate."""
        return any(not isinstance(layer.settings.gate, All) for layer in self.layers)

    @property
    def n_parameters(self) -> int:
        """Weights and biases."""
        return sum(layer.stored.size + layer.bias.size for layer in self.layers)

    def refresh(self, n_jobs: int | None = 1, *, positions: Iterable[int] | None = None) -> Ledger:
        """Recompute the codes of all rows from the weights; return what it cost.

        Parameters
        ----------
        n_jobs : int, optional
            Threads; None for all cores.
        positions : iterable of int, optional
            Layers; None for all.
        """
        ledger, n_threads = Ledger.empty(len(self.layers)), self._threads(n_jobs)
        with self.access.changing():
            for position in range(len(self.layers)) if positions is None else positions:
                ledger.add_to_layer(position, self.layers[position].refresh(n_threads))
        return ledger

    def count_labels(self, train: Dataset) -> None:
        """Set `label_counts` and `n_trained` to those of a training set, as training does.

        Raises
        ------
        ValueError
            If `train` does not fit the network.
        """
        train = self._fitting(train)
        counted = Learned.of(train, self.n_outputs)
        self.learned = replace(counted, encoding=self.encoding)

    def decision_function(
        self, X: Examples, *, exact: bool = False, n_jobs: int | None = None
    ) -> NDArray[np.float32]:
        """Return the scores of every output row, (n, n_outputs); -inf where none was computed.

        Raises
        ------
        ValueError
            As `predict_topk`, and if the answer would take more than 2 GiB.
        """
        data = self._examples(X)
        size = len(data) * self.n_outputs * 4
        if size > DENSE_BUDGET:
            raise ValueError(
                f"a dense ({len(data)}, {self.n_outputs}) answer takes {size / 2**30:.1f} GiB; "
                "use predict_topk, or fewer examples at a time"
            )
        n_threads = self._threads(n_jobs)
        scores = output_scores(
            self.core, self.n_outputs, data, exact=exact, n_threads=n_threads, columns=self.columns
        )
        check_all(scores, self._largest)
        return scores

    def predict_proba(
        self, X: Examples, *, exact: bool = False, n_jobs: int | None = None
    ) -> NDArray[np.float32]:
        """Return probabilities (n, n_outputs): softmax over the computed rows, or a sigmoid each.

        Raises
        ------
        ValueError
            As `decision_function`, and for a network trained with the squared loss.
        """
        if self.loss == "squared":
            raise ValueError("a squared loss gives values, not probabilities; use predict")
        scores = self.decision_function(X, exact=exact, n_jobs=n_jobs)
        if self.loss == "logistic":
            return np.asarray(expit(scores), dtype=np.float32)
        return np.asarray(softmax(scores, axis=1), dtype=np.float32)

    def predict(
        self, X: Examples, *, exact: bool = False, n_jobs: int | None = None
    ) -> NDArray[Any]:
        """Return the class of each row of `X`, (n,), by name where names are known.

        For the squared loss the values (n, n_outputs); for the logistic loss a boolean (n,
        n_outputs) array of the labels whose probability is above one half.
        """
        if self.loss in ("squared", "logistic"):
            values = self.decision_function(X, exact=exact, n_jobs=n_jobs)
            return values if self.loss == "squared" else values > 0
        best = self.predict_topk(X, 1, exact=exact, n_jobs=n_jobs).indices[:, 0]
        if self.label_names is None:
            return best
        chosen, place = np.unique(best, return_inverse=True)  # of a million names, those alone
        names = [self.label_names[row] for row in chosen]
        return np.asarray(names or self.label_names[:1])[place]

    def partial_fit(
        self,
        X: Examples,
        y: Any = None,
        *,
        classes: Sequence[Any] | None = None,
        n_jobs: int | None = None,
    ) -> Network:
        """Train one epoch on these examples, from the start or after those of earlier calls.

        Short for `Trainer(net, n_jobs=n_jobs).partial_fit(X, y, classes=classes)`, and a trainer
        takes an optimizer, a batch size and a loss of yours.

        Parameters
        ----------
        X : Dataset, array_like or sparse, (n, n_features)
        y : array_like or sparse, optional
            Targets, as a `Dataset` takes them. Left out with a data set.
        classes : sequence, optional
            The name of each class or label there will ever be, at the first call, where they are
            not 0, 1, ...
        n_jobs : int, optional
            Threads; None for all cores, which train without locks.

        Returns
        -------
        Network
            Itself.

        Examples
        --------
        >>> from fewfire import Linear
        >>> net = Network(Linear(2, 50, activation="relu"), Linear(50, 3))
        >>> rng = np.random.default_rng(0)
        >>> for _ in range(90):  # batches as they come
        ...     X = rng.normal(size=(200, 2))
        ...     net = net.partial_fit(X, 1 * (X[:, 0] > 0), n_jobs=1)
        >>> net.predict([[2, 0], [-2, 0]])
        array([1, 0], dtype=int32)
        """
        self.teacher(self, X, y, classes=classes, n_jobs=n_jobs)
        return self

    def explain(self, X: Examples, row: int = 0, *, label: Any = None) -> Explanation:
        """Show what made a score: which rows fired and why, and what each feature gave.

        Parameters
        ----------
        X : ndarray, scipy sparse or Dataset, (n, n_features), or texts
        row : int
            Of `X`.
        label : optional
            The label whose score is explained, by its name or number; None: the best, or the first
            column of values.

        Returns
        -------
        Explanation
            Contributions are gradient x (input - mean input), with the rows that fired held; with
            `rest` they add up to the score, of ReLU networks as a sum of what was.

        Raises
        ------
        ValueError
            If there is no such row or label, or `X` does not fit.

        Examples
        --------
        >>> from fewfire import Hashed, Linear
        >>> net = Network(Linear(3, 40, "relu", Hashed(density=0.1)), Linear(40, 2))
        >>> found = net.explain([[1.0, 0.0, 2.0]])
        >>> bool(np.isclose(found.contributions.sum() + found.rest, found.score))
        True
        >>> sorted(found.features.tolist()), len(found.layers[0].rows)
        ([0, 2], 4)
        """
        data = self._examples(X)
        row = check_integer("row", row, low=0, high=len(data) - 1)
        with self.access.reading():  # rows, tables and scores are of the same moment
            model = core_model(self.layers, self.loss)
            one = data[row : row + 1]
            if label is None and self.loss == "squared":
                label = 0
            if label is None:
                best = predict(model, len(self.layers), one, 1, exact=False, n_threads=1).top
                place, score = int(best.indices[0, 0]), float(best.scores[0, 0])
            else:
                place = self._place_of(label)
                wanted = csr_array(([1.0], [place], [0, 1]), shape=(1, self.n_outputs))
                score = float(
                    candidate_scores(model, len(self.layers), one, wanted, n_threads=1)[0][0]
                )
            return explanation(self.layers, one, place, score)

    def _place_of(self, label: Any) -> int:
        """Return the row of a label, given by its name or number."""
        names = self.label_names or ()
        if label in names:
            return names.index(label)
        if isinstance(label, int | np.integer) and 0 <= label < self.n_outputs:
            return int(label)
        raise ValueError(f"the network has no label {label!r}: give a name, or a number from 0 on")

    def feature_name(self, feature: int) -> str:
        """Return what a feature is called: by the names of columns, the words of the text it was
        trained on, or its number.

        >>> from fewfire import Linear
        >>> Network(Linear(3, 2)).feature_name(1)
        '1'
        """
        feature = check_integer("feature", feature, low=0, high=self.n_features - 1)
        words = None if self.encoding is None else self.encoding.words_of_features
        return str(feature) if words is None else words[feature]

    def table_stats(
        self, data: Dataset | None = None, *, n_jobs: int | None = 1
    ) -> list[TableStats]:
        """Look into the index of each hashed layer, and at its gate on the examples of `data`.

        Every row is scored for that: about a hundred examples are enough.

        Parameters
        ----------
        data : Dataset, optional
            Without it only the tables themselves are looked at.
        n_jobs : int, optional
            Threads; None for all cores.

        Returns
        -------
        list of TableStats
            One for each hashed layer: bucket loads, usage of rows, recall, cost.

        Examples
        --------
        >>> from fewfire import Hashed, Linear
        >>> from fewfire.gates import SimHash
        >>> tables = Hashed(density=0.1, family=SimHash(n_bits=2, n_tables=3))
        >>> net = Network(Linear(4, 40, "relu", tables), Linear(40, 2))
        >>> net.table_stats()[0].load_histogram.sum()  # buckets
        np.int64(12)
        """
        if data is not None:
            data = self._examples(data)
        n_threads = self._threads(n_jobs)
        with self.access.reading():  # all figures are of the same rows, tables and numbers
            return table_stats(self.layers, data, n_threads, self.columns)

    def copy(self) -> Network:
        """Return a network with arrays of its own and the same state."""
        layers = [layer.settings for layer in self.layers]
        twin = Network.from_arrays(layers, self.weights(), self.random_state)
        twin.loss, twin.learned = self.loss, self.learned
        if self.columns is not None:
            twin.read_only(self.columns, self.n_features)
        return twin

    def read_only(self, columns: NDArray[np.int32], n_features: int) -> None:
        """Read these `columns` of inputs that have `n_features` from now on, as many as the first
        layer has.

        Raises
        ------
        ValueError
            If they do not ascend, or are not so many.
        """
        width = self.layers[0].settings.in_features
        if columns.dtype != np.int32 or columns.shape != (width,):
            raise ValueError(f"columns are {columns.dtype}{columns.shape}, wanted int32({width},)")
        if columns[0] < 0 or columns[-1] >= n_features or (columns[1:] <= columns[:-1]).any():
            raise ValueError(f"columns must ascend from 0 to {n_features - 1} at most")
        self.columns, self._n_features = columns, n_features

    def compact(
        self, data: Dataset, *, measure_on: Dataset | None = None, n_jobs: int | None = None
    ) -> Compacted[Network]:
        """Return the part of the network that `data` uses, and what leaving out the rest costs.

        Rows that give no example a value leave, with their columns in the layer above, and inputs
        that are always 0. Order and codes stay; inputs are as wide as before. Rows stay below a
        layer whose hash functions belong to its columns, as those of `SimHash` do.

        Parameters
        ----------
        data : Dataset
            The training set: a row that other data would need is gone.
        measure_on : Dataset, optional
            Examples that both networks answer; None for `data`.
        n_jobs : int, optional
            Threads; None for all cores.

        Raises
        ------
        ValueError
            If `data` has no example or does not fit the network.

        Examples
        --------
        >>> from fewfire import Linear
        >>> net = Network(Linear(3, 8, "relu"), Linear(8, 2), random_state=0)
        >>> small = net.compact(Dataset([[1, 0, 2], [2, 0, 1]]))
        >>> small.model, small.model.n_features
        (Network(3-3-2, 17 parameters), 3)
        """
        data = self._examples(data)
        check_examples(data)
        measured = data if measure_on is None else self._examples(measure_on)
        n_threads = self._threads(n_jobs)
        kept = used(self.layers, self.core, data, self.columns, n_threads)
        with self.access.reading():
            twin = Network.from_arrays(*cut(self.layers, kept), self.random_state)
        twin.loss, twin.learned = self.loss, self.learned
        columns = kept.columns if self.columns is None else self.columns[kept.columns]
        if len(columns) < self.n_features:
            twin.read_only(columns, self.n_features)
        parts = [Part("inputs", len(columns), self.n_features)]
        for position, (rows, layer) in enumerate(zip(kept.rows, self.layers, strict=True)):
            parts.append(Part(f"rows of layer {position}", len(rows), len(layer.bias)))
        return Compacted.measured(twin, self, parts, measured, n_jobs)

    def weights(self) -> list[NDArray[Any]]:
        """Return copies of all arrays: weights and bias of each layer in turn, and what its hashing
        has learned. Weights in bfloat16 are uint16, the upper halves of floats."""
        with self.access.reading():
            return [array.copy() for layer in self.layers for array in layer.arrays]

    def set_weights(self, arrays: Sequence[NDArray[Any]]) -> None:
        """Put back what `weights` returned; floats for bfloat16 are rounded to the nearest.

        Raises
        ------
        ValueError
            If the arrays are not those of a network like this, or hold values that are not finite;
            nothing has changed then.
        """
        settings = [layer.settings for layer in self.layers]
        arrays = as_stored(settings, arrays)
        check_arrays(settings, arrays)
        self.put_back(arrays)

    def put_back(self, arrays: Sequence[NDArray[Any]]) -> None:
        """Put back what `weights` returned, whatever it holds."""
        settings = [layer.settings for layer in self.layers]
        with self.access.changing():
            for layer, own in zip(self.layers, by_layer(settings, arrays), strict=True):
                layer.set_arrays(own)

    @property
    def is_finite(self) -> bool:
        """Whether all weights and biases are finite."""
        return all(all_finite(x) for layer in self.layers for x in (layer.stored, layer.bias))

    def summary(self) -> str:
        """Return a table of the layers, one line each."""
        lines = [f"{'layer':<8}{'shape':<16}{'activation':<12}{'active':<14}{'parameters':<12}gate"]
        for position, layer in enumerate(self.layers):
            settings = layer.settings
            shape = f"{settings.in_features} -> {settings.out_features}"
            active = f"{settings.active} ({settings.active / settings.out_features:.1%})"
            size = f"{layer.stored.size + layer.bias.size:,}"
            lines.append(
                f"{position:<8}{shape:<16}{settings.activation:<12}{active:<14}{size:<12}"
                f"{settings.gate}"
            )
        return "\n".join(lines)

    def __repr__(self) -> str:
        widths = "-".join(
            str(n)
            for n in (self.n_features, *(layer.settings.out_features for layer in self.layers))
        )
        return f"Network({widths}, {self.n_parameters:,} parameters)"

    def _at_rest(self) -> AbstractContextManager[Any]:
        return self.access.reading()

    def _state(self) -> tuple[dict[str, Any], Arrays]:
        learned, arrays = self.learned.state()
        config = {
            "layers": [to_dict(layer.settings) for layer in self.layers],
            "random_state": self.random_state,
            "loss": self.loss,
            **learned,
        }
        if self.columns is not None:
            config["n_features"] = self.n_features
            arrays = {**arrays, "columns": self.columns}
        names = array_specs([layer.settings for layer in self.layers])
        own = (array for layer in self.layers for array in layer.arrays)
        return config, dict(zip(names, own, strict=True)) | arrays

    def _find(
        self, data: Dataset, k: int, *, exact: bool, n_threads: int
    ) -> tuple[TopKResult, Ledger]:
        found = self._evaluate(data, k, exact=exact, n_threads=n_threads)
        return found.top, found.ledger

    def _score(
        self, data: Dataset, wanted: csr_array, *, n_threads: int
    ) -> tuple[csr_array, Ledger]:
        scores, ledger = candidate_scores(
            self.core, len(self.layers), data, wanted, n_threads=n_threads, columns=self.columns
        )
        check_given(scores, wanted.indptr, self._largest)
        return csr_array((scores, wanted.indices, wanted.indptr), shape=wanted.shape), ledger

    def _answer(self, data: Dataset, k: int, *, exact: bool, n_threads: int) -> Answers:
        found = self._evaluate(data, k, exact=exact, n_threads=n_threads, losses=True)
        losses, weights = found.losses, data.sample_weight
        weights = np.ones(len(data), np.float32) if weights is None else weights
        if data.kind == "classes" and data.unknown_labels is not None:
            has_row = np.asarray(data.y) >= 0  # of a class without a row there is no loss
            losses, weights = losses[has_row], weights[has_row]
        count = weights.sum(dtype=np.float64)
        loss = {"loss": float(losses @ weights / count) if count > 0 else float("nan")}
        return Answers(found.top, found.ledger, density(self.layers, found.usage, len(data)), loss)

    def _log_likelihoods(self, scores: NDArray[np.float32]) -> NDArray[np.floating]:
        return log_expit(scores) if self.loss == "logistic" else scores

    def _explained(self, data: Dataset, *, exact: bool, n_jobs: int | None) -> float:
        sums = Explained()
        for window in data.windows():
            for begin in range(0, len(window), _AT_ONCE):
                part = window[begin : begin + _AT_ONCE]
                found = self.decision_function(part, exact=exact, n_jobs=n_jobs)
                sums.add(found, np.asarray(part.y), part.sample_weight)
        return sums.share

    def _n_scored(self, data: Dataset, k: int, *, n_threads: int) -> float:
        _, ledger = self._find(data, k, exact=False, n_threads=n_threads)
        return ledger.layers[-1].rows_touched / len(data)

    def _seconds(self, data: Dataset, k: int, *, exact: bool) -> NDArray[np.float64]:
        """Return what each example takes alone, timed in the core."""
        inputs, ids = core_inputs(data, self.columns), np.arange(len(data), dtype=np.int64)
        return np.asarray(_core.latencies(self.core, inputs, ids, k, exact))

    def _fitting(self, data: Dataset) -> Dataset:
        return fitting(self.layers, data, self.loss, self.encoding, self.n_features)

    @property
    def core(self) -> _core.Model:
        """The core's view of the network, for threads beside others."""
        return core_model(self.layers, self.loss, self.access.turnstile)

    def _evaluate(
        self, data: Dataset, k: int, *, exact: bool, n_threads: int, losses: bool = False
    ) -> Evaluation:
        found = predict(
            self.core, len(self.layers), data, k, losses=losses, exact=exact, n_threads=n_threads,
            columns=self.columns,
        )  # fmt: skip
        check_best(found.top, self._largest)
        return found

    def _largest(self) -> str:
        """Return where the largest weight or bias is, in words."""
        sizes = [max(_size(layer.weights), _size(layer.bias)) for layer in self.layers]
        position = int(np.argmax(sizes))
        return f"largest {sizes[position]:.3g} in layer {position}"


def _size(values: NDArray[np.float32]) -> float:
    """Return the largest absolute value; NaN counts as infinite."""
    size = max(float(values.max()), -float(values.min()))
    return math.inf if math.isnan(size) else size
