"""A network: layers with their weights, and everything a trained one can do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.special import expit, softmax

from .. import _core
from ..base.checks import check_integer, check_memory, thread_count, to_dict
from ..base.files import Arrays, PathLike, write_model
from ..base.ledger import Ledger
from ..data import Dataset, Encoding
from ..data.core_views import core_inputs
from ..data.dataset import Examples
from ..data.encoding import Kind
from ..data.given import as_dataset
from ..measure.frequencies import LabelGroup, recall_by_group
from ..measure.latency import Latency, measure_latency
from ..measure.metrics import Metrics, cutoffs
from ..measure.result import TopKResult
from ..measure.scoring import depth_of, figures, formulas_of
from .answers import Evaluation, candidate_scores, evaluate, output_scores
from .architecture import Settings, check_layers, with_fitted_output
from .arrays import array_specs, as_stored, by_layer, check_arrays, parameter_bytes
from .bag import EmbeddingBag
from .gate_stats import TableStats, table_stats
from .gates import All
from .initial import initial_arrays
from .layer import Layer
from .losses import LOSS_OF_KIND

DENSE_BUDGET = 2 * 2**30  # bytes that a dense (examples x outputs) answer may take


class Network:
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
    encoding : Encoding or None
        How the training set's features and targets became numbers. Set by training.
    label_counts : ndarray of int64, (n_outputs,), or None
        Training examples of each label. Set by training; None for values.
    n_trained : int
        Examples that were counted: the training set, of deformed images their source.

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

    def __init__(self, *layers: Settings, random_state: int = 0) -> None:
        check_layers(layers)
        layers, given = with_fitted_output(layers), layers
        seed = check_integer("random_state", random_state, low=0)
        n_parameters = sum(layer.out_features * (layer.in_features + 1) for layer in layers)
        check_memory(f"a network of {n_parameters:,} parameters", parameter_bytes(layers))
        self._assemble(layers, initial_arrays(layers, seed), seed)
        self._hashed_by_default = layers != given

    @classmethod
    def from_arrays(
        cls, layers: Sequence[Settings], arrays: Sequence[NDArray[Any]], random_state: int = 0
    ) -> Network:
        """Make a network on `arrays`: those of `array_specs` in turn, kept, not copied.

        Raises
        ------
        ValueError
            If an array has another shape or dtype than its layer wants, or is not aligned,
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
        self.random_state = random_state
        self._hashed_by_default = False
        self.loss: str | None = None
        self.encoding: Encoding | None = None
        self._label_counts: NDArray[np.int64] | None = None
        self.n_trained = 0
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
        return self.layers[0].settings.in_features

    @property
    def n_outputs(self) -> int:
        """Rows of the last layer."""
        return self.layers[-1].settings.out_features

    @property
    def label_names(self) -> tuple[Any, ...] | None:
        """Names of the output rows; None when ids are their own names."""
        return None if self.encoding is None else self.encoding.label_names

    @property
    def label_counts(self) -> NDArray[np.int64] | None:
        """Occurrences of each label in the training set."""
        return self._label_counts

    @label_counts.setter
    def label_counts(self, counts: NDArray[np.int64] | None) -> None:
        self._label_counts = counts
        self.layers[-1].set_head(counts)

    @property
    def is_gated(self) -> bool:
        """Whether any layer has a gate."""
        return any(not isinstance(layer.settings.gate, All) for layer in self.layers)

    @property
    def n_parameters(self) -> int:
        """Weights and biases."""
        return sum(layer.stored.size + layer.bias.size for layer in self.layers)

    def model(self) -> _core.Model:
        """Return the core's view of the network: it shares the arrays."""
        return _core.Model([layer.core for layer in self.layers], self.loss or "softmax")

    def refresh(self, n_jobs: int | None = 1, *, positions: Iterable[int] | None = None) -> Ledger:
        """Recompute the codes of all rows from the weights; return what it cost.

        Parameters
        ----------
        n_jobs : int, optional
            Threads; None for all cores.
        positions : iterable of int, optional
            Layers; None for all.
        """
        ledger = Ledger.empty(len(self.layers))
        for position in range(len(self.layers)) if positions is None else positions:
            ledger.add_to_layer(position, self.layers[position].refresh(thread_count(n_jobs)))
        return ledger

    def count_labels(self, train: Dataset) -> None:
        """Set `label_counts` and `n_trained` to those of a training set, as training does.

        Raises
        ------
        ValueError
            If `train` does not fit the network.
        """
        self.check_targets(train)
        self.n_trained, self.label_counts = len(train), None
        if train.kind != "values":
            counts = np.zeros(self.n_outputs, np.int64)
            for window in train.windows():
                counts += np.bincount(window.label_lists()[1], minlength=self.n_outputs)
            self.label_counts = counts

    def learn_centers(
        self, data: Dataset, ids: NDArray[np.int64], n_jobs: int | None = 1
    ) -> Ledger:
        """Set the mean inputs that hashing takes away to those of some examples; return the cost.

        A `refresh` makes them count. Layers without `SimHash(center=True)` stay as they are.
        """
        if all(layer.center is None for layer in self.layers):
            return Ledger.empty(len(self.layers))
        some = data[ids]
        means, ledger = _core.mean_inputs(
            self.model(), core_inputs(some), np.arange(len(some)), thread_count(n_jobs)
        )
        for layer, mean in zip(self.layers, means, strict=True):
            if layer.center is not None:
                layer.center[...] = mean
        return Ledger(ledger)

    def predict_topk(
        self, X: Examples, k: int = 5, *, exact: bool = False, n_jobs: int | None = 1
    ) -> TopKResult:
        """Return the `k` best rows of each row of `X`, best first: two (n, k) arrays.

        Parameters
        ----------
        X : ndarray, scipy sparse or Dataset, (n, n_features)
        k : int
            At most the rows of the last layer.
        exact : bool
            Compute every row of every layer. A soft gate then keeps the truly best rows and takes
            the true threshold; a hard gate lets all rows through.
        n_jobs : int, optional
            Threads; None for all cores.

        Raises
        ------
        ValueError
            If `X` has another width than the network or holds NaN, or `k` is out of range.
        """
        k = check_integer("k", k, low=1, high=self.n_outputs)
        return self.find(self._examples(X), k, exact=exact, n_jobs=n_jobs)[0]

    def find(
        self, data: Dataset, k: int, *, exact: bool, n_jobs: int | None
    ) -> tuple[TopKResult, Ledger]:
        """Return the `k` best rows of each example, and the cost of finding them."""
        found = self._evaluate(data, k, exact, n_jobs)
        return found.top, found.ledger

    def decision_function(
        self, X: Examples, *, exact: bool = False, n_jobs: int | None = 1
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
        n_threads = thread_count(n_jobs)
        return output_scores(self.model(), self.n_outputs, data, exact=exact, n_threads=n_threads)

    def predict_scores(
        self, X: Examples, candidates: csr_array, *, n_jobs: int | None = 1
    ) -> csr_array:
        """Return the scores of given rows only: a CSR of the shape and places of `candidates`.

        No other row of the last layer is read: what re-ranks the answers of another system.

        Parameters
        ----------
        X : ndarray, scipy sparse or Dataset, (n, n_features)
        candidates : scipy sparse, (n, n_outputs)
            Its stored places are the rows to score, whatever their values; they come back in
            ascending order.
        n_jobs : int, optional
            Threads; None for all cores.

        Raises
        ------
        ValueError
            If `X` or `candidates` has another shape.

        Examples
        --------
        >>> from fewfire import Linear
        >>> net = Network(Linear(2, 4), random_state=0)
        >>> wanted = csr_array(np.array([[0, 1, 0, 1]]))
        >>> net.predict_scores(np.ones((1, 2)), wanted).indices
        array([1, 3], dtype=int32)
        """
        data = self._examples(X)
        wanted = csr_array(candidates, copy=True)
        if wanted.shape != (len(data), self.n_outputs):
            raise ValueError(
                f"candidates have the shape {wanted.shape}, wanted ({len(data)}, {self.n_outputs}):"
                " a row per example, a column per row of the last layer"
            )
        wanted.sum_duplicates()
        return self.score(data, wanted, n_jobs=n_jobs)[0]

    def score(
        self, data: Dataset, wanted: csr_array, *, n_jobs: int | None
    ) -> tuple[csr_array, Ledger]:
        """Return the scores of the stored places of `wanted`, canonical CSR, and the cost."""
        n_threads = thread_count(n_jobs)
        scores, ledger = candidate_scores(
            self.model(), len(self.layers), data, wanted, n_threads=n_threads
        )
        return csr_array((scores, wanted.indices, wanted.indptr), shape=wanted.shape), ledger

    def predict_proba(
        self, X: Examples, *, exact: bool = False, n_jobs: int | None = 1
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

    def predict(self, X: Examples, *, exact: bool = False, n_jobs: int | None = 1) -> NDArray[Any]:
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

    def evaluate(
        self,
        data: Dataset,
        metrics: Sequence[str] | None = None,
        *,
        exact: bool = False,
        n_jobs: int | None = None,
        propensity: tuple[float, float] = (0.55, 1.5),
    ) -> Metrics:
        """Measure the network on `data`, through its gates unless `exact`.

        Parameters
        ----------
        data : Dataset
            With targets, encoded like the training set.
        metrics : list of str, optional
            "accuracy", "loss", "P@1", "nDCG@3", "PSP@5", ... with any k; default: accuracy and loss
            for classes, P@1, 3, 5 and loss for label lists, loss for values.
        exact : bool
            Compute every row of every layer.
        n_jobs : int, optional
            Threads; None for all cores.
        propensity : (float, float)
            A and B of PSP@k, see `fewfire.metrics.propensities`.

        Returns
        -------
        Metrics

        Raises
        ------
        ValueError
            If a metric is unknown or does not fit the targets, or `data` does not fit the network;
            for PSP@k also if the network has no label counts.
        """
        self.check_targets(data)
        names = list(metrics) if metrics is not None else self.default_metrics(data.kind)
        wanted = cutoffs(names)
        if data.kind == "values" and wanted:
            raise ValueError("values have a loss only; other metrics are for classes and labels")
        formulas = formulas_of(wanted, partial(self._frequencies, "PSP@k"), propensity)
        k = depth_of(wanted, self.n_outputs)
        result = self._evaluate(data, k, exact, n_jobs, losses=True)
        values = {"loss": float(result.losses.mean())} if "loss" in names else {}
        values |= figures(wanted, formulas, result.top.indices, data)
        ordered = {name: values[name] for name in names}
        density = self.density(result.usage, len(data))
        return Metrics(ordered, density, result.ledger, len(data), exact)

    def recall_by_group(
        self, data: Dataset, k: int = 5, *, exact: bool = False, n_jobs: int | None = None
    ) -> dict[str, LabelGroup]:
        """Return recall@k of labels that were frequent, less frequent and rare in training.

        Parameters
        ----------
        data : Dataset
            With classes or label lists, encoded like the training set.
        k : int
        exact : bool
            Compute every row of every layer.
        n_jobs : int, optional
            Threads; None for all cores.

        Returns
        -------
        dict of str to LabelGroup
            Of "head", "torso" and "tail", see `fewfire.metrics.label_groups`.

        Raises
        ------
        ValueError
            If `data` does not fit the network, or the network has no label counts.
        """
        self.check_targets(data)
        if data.kind == "values":
            raise ValueError("values are no labels: there are no groups of them")
        k = check_integer("k", k, low=1)
        counts, _ = self._frequencies("recall by group")
        top = self.predict_topk(data, min(k, self.n_outputs), exact=exact, n_jobs=n_jobs)
        return recall_by_group(k, top.indices, data.label_lists(), counts)

    def latency(self, X: Examples, k: int = 5, *, n_jobs: int | None = 1) -> Latency:
        """Return how fast single examples are answered, and what the gates leave out.

        Parameters
        ----------
        X : ndarray, scipy sparse or Dataset, (n, n_features)
            Up to 1000 examples are looked at, one after another.
        k : int
            At most the rows of the last layer.
        n_jobs : int, optional
            Threads for what is not timed; None for all cores.

        Raises
        ------
        ValueError
            As `predict_topk`, and without an example.
        """
        k = check_integer("k", k, low=1, high=self.n_outputs)
        return measure_latency(self, self._examples(X), k, n_jobs=n_jobs)

    def n_scored(self, data: Dataset, k: int, *, n_jobs: int | None) -> float:
        """Return how many rows of the last layer are scored through the gates, on average."""
        _, ledger = self.find(data, k, exact=False, n_jobs=n_jobs)
        return ledger.layers[-1].rows_touched / len(data)

    def seconds(self, data: Dataset, k: int, *, exact: bool) -> NDArray[np.float64]:
        """Return what each example takes alone to its `k` best rows, in one thread of the core."""
        ids = np.arange(len(data), dtype=np.int64)
        return np.asarray(_core.latencies(self.model(), core_inputs(data), ids, k, exact))

    def table_stats(
        self, data: Dataset | None = None, *, n_jobs: int | None = 1
    ) -> list[TableStats]:
        """Look into the index of each hashed layer, and at its gate on the examples of `data`.

        Every row is scored for that: some hundred examples tell enough.

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
        return table_stats(self.model(), self.layers, data, thread_count(n_jobs))

    def default_metrics(self, kind: Kind) -> list[str]:
        """Return the metrics that `evaluate` computes for targets of this kind, the first first."""
        if kind == "labels":
            return [f"P@{k}" for k in (1, 3, 5) if k <= self.n_outputs] + ["loss"]
        return ["loss"] if kind == "values" else ["accuracy", "loss"]

    def density(self, usage: Sequence[NDArray[np.int64]], n_examples: int) -> float:
        """Return rows chosen / rows over the layers with a gate.

        Parameters
        ----------
        usage : sequence of ndarray (rows,)
            For each layer, how often each row was chosen, or all of them together.
        n_examples : int
            By how many examples.
        """
        gated = [
            (counts.sum(), len(layer.bias))
            for counts, layer in zip(usage, self.layers, strict=True)
            if not isinstance(layer.settings.gate, All)
        ]
        n_rows = sum(n for _, n in gated) * n_examples
        return float(sum(chosen for chosen, _ in gated) / n_rows) if n_rows else 1.0

    def check_targets(
        self, data: Dataset, loss: str | None = None, encoding: Encoding | None = None
    ) -> None:
        """Raise unless `data` has targets that fit the network, the loss and the encoding.

        Parameters
        ----------
        data : Dataset
        loss : str, optional
            Default: the network's own.
        encoding : Encoding, optional
            Of the training set. Default: the network's own.
        """
        if not isinstance(data, Dataset):
            raise TypeError(f"data must be a fewfire.Dataset, got {type(data).__name__}")
        self._check_width(data)
        if len(data) == 0:
            raise ValueError("the data set has no examples")
        if data.kind is None:
            raise ValueError("the data set has no targets: give it y")
        loss = loss or self.loss or default_loss(self, data.kind)
        if (loss == "squared") != (data.kind == "values"):
            wanted = "values" if loss == "squared" else "classes or label lists"
            raise ValueError(f"the {loss} loss wants {wanted} as targets, not {data.kind}")
        if data.kind == "values" and data.n_labels != self.n_outputs:
            raise ValueError(
                f"the data set has {data.n_labels} columns of values but the last layer has "
                f"{self.n_outputs} rows"
            )
        if data.n_labels > self.n_outputs:
            raise ValueError(
                f"the data set has {data.n_labels} labels but the last layer has {self.n_outputs} "
                "rows; read both files with one encoder: like=train"
            )
        if data.label_names is not None and data.n_labels < self.n_outputs:
            raise ValueError(
                f"the data set has {data.n_labels} named labels but the last layer has "
                f"{self.n_outputs} rows: make it Linear(..., {data.n_labels})"
            )
        encoding = encoding or self.encoding
        if encoding is not None and data.label_names != encoding.label_names:
            raise ValueError(
                "the labels of the data set have other names than those of the training set; "
                "read both files with one encoder: like=train, or like=net.encoding"
            )

    def check_loss(self, loss: str) -> None:
        """Raise unless the last layer's activation fits the loss."""
        last = self.layers[-1].settings
        if loss == "squared" and self._hashed_by_default:
            raise ValueError(
                f"values need every row, but a last layer of {last.out_features:,} rows is hashed "
                "unless it is told otherwise: make it Linear(..., gate=All())"
            )
        activation = last.activation
        if loss != "squared" and activation != "linear":
            raise ValueError(
                f'the {loss} loss wants activation="linear" in the last layer, got {activation!r}'
            )

    def save(self, path: PathLike) -> None:
        """Write the network to a safetensors file: beside `path` first, then renamed.

        Raises
        ------
        OSError
            If the file cannot be written; an old file is then left as it was.
        """
        write_model(path, *self.state())

    def state(self) -> tuple[dict[str, Any], Arrays]:
        """Return what a file holds: a description for JSON, and the arrays by name."""
        encoding, of_encoding = (None, {}) if self.encoding is None else self.encoding.state()
        config = {
            "layers": [to_dict(layer.settings) for layer in self.layers],
            "random_state": self.random_state,
            "loss": self.loss,
            "encoding": encoding,
            "n_trained": self.n_trained,
        }
        names = array_specs([layer.settings for layer in self.layers])
        own = (array for layer in self.layers for array in layer.arrays)
        arrays: Arrays = dict(zip(names, own, strict=True)) | of_encoding
        if self.label_counts is not None:
            arrays["label_counts"] = self.label_counts
        return config, arrays

    def copy(self) -> Network:
        """Return a network with arrays of its own and the same state."""
        layers = [layer.settings for layer in self.layers]
        twin = Network.from_arrays(layers, self.weights(), self.random_state)
        twin.loss, twin.encoding, twin.n_trained = self.loss, self.encoding, self.n_trained
        twin.label_counts = None if self.label_counts is None else self.label_counts.copy()
        return twin

    def weights(self) -> list[NDArray[Any]]:
        """Return copies of all arrays: weights and bias of each layer in turn, and what its hashing
        has learned. Weights in bfloat16 are uint16, the upper halves of floats."""
        return [array.copy() for layer in self.layers for array in layer.arrays]

    def set_weights(self, arrays: Sequence[NDArray[Any]]) -> None:
        """Put back what `weights` returned; floats for bfloat16 are rounded to the nearest.

        Raises
        ------
        ValueError
            If the arrays are not those of a network like this; nothing has changed then.
        """
        settings = [layer.settings for layer in self.layers]
        arrays = as_stored(settings, arrays)
        check_arrays(settings, arrays)
        for layer, own in zip(self.layers, by_layer(settings, arrays), strict=True):
            layer.set_arrays(own)

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

    def _examples(self, X: Examples) -> Dataset:
        data = as_dataset(X, self.encoding)
        self._check_width(data)
        return data

    def _check_width(self, data: Dataset) -> None:
        if data.n_features != self.n_features:
            raise ValueError(
                f"the data has {data.n_features} features but the network wants {self.n_features}"
            )

    def _frequencies(self, asker: str) -> tuple[NDArray[np.int64], int]:
        """Return label counts and the number of examples counted; raise if unknown."""
        if self.label_counts is None:
            raise ValueError(
                f"{asker} needs to know how often each label occurs in the training set, and this "
                "network does not: train it, or, if it is of an older file, call "
                "net.count_labels(train)"
            )
        return self.label_counts, self.n_trained

    def _evaluate(
        self, data: Dataset, k: int, exact: bool, n_jobs: int | None, *, losses: bool = False
    ) -> Evaluation:
        return evaluate(
            self.model(),
            len(self.layers),
            data,
            k,
            losses=losses,
            exact=exact,
            n_threads=thread_count(n_jobs),
        )


def default_loss(net: Network, kind: Kind) -> str:
    """Return the loss of a training that is given none: label lists behind an embedding bag have a
    softmax, because few of very many labels are right."""
    assert kind is not None
    is_wide = isinstance(net.layers[0].settings, EmbeddingBag)
    return "softmax" if kind == "labels" and is_wide else LOSS_OF_KIND[kind]
