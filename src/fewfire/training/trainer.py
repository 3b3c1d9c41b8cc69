"""Training, as the user asks for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from ..base.checks import thread_count
from ..base.files import refusing
from ..base.history import History
from ..base.progress import tell
from ..data import Dataset
from ..data.class_weights import ClassWeight
from ..data.dataset import Examples
from ..data.encoding import Kind
from ..data.epoch import known
from ..data.generators import Deformed
from ..data.given import as_eval_sets, as_training_set
from ..model.callbacks import Callback
from ..model.checkpoint import Resume, Saved
from ..model.checks import warn_of_values
from ..network.losses import check_loss
from ..network.network import Network
from .fitting import as_before, fitted, usual
from .optimizers import Optimizer
from .pieces import as_piece, train_piece
from .run import Run
from .schedules import Schedule
from .settings import Plan

EvalSets: TypeAlias = "Mapping[str, Dataset | tuple[Any, Any]] | tuple[Any, Any] | None"


class Trainer:
    """Trains a network on a data set.

    Other threads may use the network meanwhile; one that trains it waits until this is done.

    Parameters
    ----------
    net : Network
        Changed in place.
    loss : {"softmax", "decoupled", "logistic", "squared"}, optional
        None: softmax for classes, logistic for label lists (softmax behind an `EmbeddingBag`),
        squared for values. "squared" takes classes that are numbers as values; so does
        None for a network that has learned values. With several labels "softmax" spreads its target
        over them; "decoupled" lets each label compete with the rows that are none, one at a time
        (Jain et al., ICLR 2024).
    optimizer : SGD, Adagrad, RMS or Adam, optional
    schedule : Schedule, optional
        None: linear decay to 0; behind an `EmbeddingBag` one cycle.
    batch_size : int, optional
        Examples per step; a gradient is their mean.
    max_epochs : int, optional
        Where None is given, optimizer, batch size and epochs follow the network and the data: few
        examples come again more often, and `tune` chooses rate and decay.
    n_jobs : int, optional
        Threads. None uses all cores. More than one train asynchronously on shared weights without
        locks (Recht et al., NIPS 2011): fast, and not reproducible to the bit; one thread is.
    deterministic : bool
        Run one step at a time with its loops spread over the threads: the same bits for any n_jobs.
    callbacks : sequence of Callback
    random_state : int
        Seeds the order of the examples.
    verbose : bool
        Show progress on stderr: a line per epoch, and a bar on a terminal or in a notebook.
    tune : bool
        Where no optimizer is given, choose how fast rows learn and how much weights decay. Some
        short trainings on parts of the examples, that keep others aside, decide. They take about as
        long as the training itself where examples are few, a fifth of that for 60,000. Not done
        below 6 epochs or 40 examples, for a network that has been trained, or one with an
        `EmbeddingBag` or `Retrieve`. `verbose` says in a line what was chosen and why.
    class_weight : "balanced" or dict, optional
        What the loss of an example counts for by its class. "balanced": n / (k n_c), as in
        scikit-learn, so that all classes count alike; a dict has weights by the name of the class,
        or its id, and others count 1. It is multiplied with `Dataset.sample_weight`. Losses that
        are shown are weighted sums divided by the number of examples.

    Examples
    --------
    >>> import numpy as np
    >>> from fewfire import Dataset, Linear, Network
    >>> from fewfire.optim import Adam
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 4)).astype(np.float32)
    >>> net = Network(Linear(4, 16, activation="relu"), Linear(16, 2))
    >>> y = X[:, 0] > 0
    >>> trainer = Trainer(net, optimizer=Adam(lr=0.01), batch_size=8, max_epochs=20, n_jobs=1)
    >>> history = trainer.fit(X, y)
    >>> float((net.predict(X) == y).mean()) > 0.95
    True
    """

    def __init__(
        self,
        net: Network,
        *,
        loss: str | None = None,
        optimizer: Optimizer | None = None,
        schedule: Schedule | None = None,
        batch_size: int | None = None,
        max_epochs: int | None = None,
        n_jobs: int | None = None,
        deterministic: bool = False,
        callbacks: Sequence[Callback] = (),
        random_state: int = 0,
        verbose: bool = False,
        tune: bool = True,
        class_weight: ClassWeight = None,
    ) -> None:
        if not isinstance(net, Network):
            raise TypeError(f"net must be a Network, got {type(net).__name__}")
        if not isinstance(callbacks, Sequence):
            raise TypeError(f"callbacks must be a list of callbacks, got {callbacks!r}")
        given = {
            "optimizer": optimizer,
            "schedule": schedule,
            "batch_size": batch_size,
            "max_epochs": max_epochs,
        }
        chosen = {name: value for name, value in given.items() if value is not None}
        self.net = net
        self.plan = Plan(
            loss=loss,
            n_threads=thread_count(n_jobs),
            deterministic=deterministic,
            callbacks=tuple(callbacks),
            random_state=random_state,
            verbose=verbose,
            tune=tune,
            class_weight=class_weight,
            left_out=frozenset(given) - chosen.keys(),
            **usual(net) | chosen,
        )
        if loss is not None:
            check_loss(net.layers, loss, hashed_by_default=net.hashed_by_default)

    def __repr__(self) -> str:
        return f"Trainer({self.plan})"

    def fit(
        self,
        X: Examples | Deformed,
        y: Any = None,
        *,
        eval_sets: EvalSets = None,
        resume: Resume | None = None,
    ) -> History:
        """Train on `X` and `y`; measure on `eval_sets` after each epoch, through the gates.

        Parameters
        ----------
        X : Dataset, datasets.Deformed, array_like or sparse, (n, n_features)
            Deformed images are made while they are trained on, 65,536 at a time.
        y : array_like or sparse, optional
            Targets, as a `Dataset` takes them. Left out with a data set.
        eval_sets : dict of str to Dataset or (X, y), or one (X, y), optional
            Their figures are in the history as `<name>/<metric>`; a single pair is called "val".
        resume : path, optional
            A file that `Checkpoint` wrote: training goes on after its last epoch, with the same
            data, settings and callbacks. `max_epochs` may be another; learning rates then go on as
            in a plan of that length.

        Returns
        -------
        History
            Ctrl-C ends training early, keeps what was learned, and sets `interrupted`.

        Raises
        ------
        ValueError
            If the data does not fit the network, or a checkpoint does not fit the trainer; nothing
            has changed then.
        DivergenceError
            If the loss is no longer a number.
        RuntimeError
            If a callback trains the network that it watches.

        Warns
        -----
        UserWarning
            If numbers are taken as classes that look like values (`Dataset.looks_like_values`).
        """
        with self.net.access.training():
            train, sets = self._given(X, y, eval_sets)
            if resume is not None:
                run, saved = self._resumed(train, sets, resume)
                run.restore(saved)
                warn_of_values(run.known)
                return run.go()
            run = Run(self.plan, self.net, train, sets)
            warn_of_values(run.known)
            try:
                plan, why, spent = fitted(self.plan, self.net, run.known, run.loss, len(run.train))
            except KeyboardInterrupt:  # nothing was learned yet
                run.history.interrupted = True
                return run.history
            if self.plan.verbose and why:
                tell(f"chosen: {why}")
            if plan is not self.plan:
                run = Run(plan, self.net, train, sets)
            run.history.ledger.add(spent)
            return run.go()

    def partial_fit(
        self, X: Examples, y: Any = None, *, classes: Sequence[Any] | None = None
    ) -> History:
        """Train one more epoch, on these examples, whatever `max_epochs` is.

        The optimizer's state and the count of steps go on from the last call, as long as nothing
        else trains the network. So calls with the same data are the epochs of one `fit` with a
        constant rate. Nothing is tuned: an optimizer that is not given is the usual one, without
        a choice of rate and decay. Features are standardised, and values scaled, by the first
        call: let it have some hundred examples.

        Parameters
        ----------
        X : Dataset, array_like or sparse, (n, n_features)
        y : array_like or sparse, optional
            Targets, as a `Dataset` takes them. Left out with a data set.
        classes : sequence, optional
            The name of each class or label there will ever be, at the first call, where they are
            not 0, 1, ...; later the same, or None.

        Returns
        -------
        History
            Of this epoch.

        Raises
        ------
        ValueError
            If the data does not fit the network or has a class that it does not know; if the
            trainer has callbacks or a schedule that is not `Constant`. Nothing has changed then.
        DivergenceError
            If the loss is no longer a number.

        Examples
        --------
        >>> from fewfire import Linear, Network
        >>> from fewfire.optim import Adam
        >>> net = Network(Linear(2, 8, activation="relu"), Linear(8, 2))
        >>> trainer = Trainer(net, optimizer=Adam(lr=0.05), n_jobs=1)
        >>> for _ in range(30):
        ...     history = trainer.partial_fit([[0, 1], [1, 0]], ["a", "b"], classes=["a", "b"])
        >>> history[0]["epoch"], net.predict([[0, 1], [1, 0]]).tolist()
        (30, ['a', 'b'])
        """
        with self.net.access.training():
            data = as_piece(self.net, X, y, classes, self.plan.loss)
            return train_piece(self.plan, self.net, data)

    def check(
        self,
        X: Examples | Deformed,
        y: Any = None,
        *,
        eval_sets: EvalSets = None,
        resume: Resume | None = None,
    ) -> None:
        """Raise what `fit` would raise before it changes anything."""
        train, sets = self._given(X, y, eval_sets)
        if resume is None:
            Run(self.plan, self.net, train, sets)
        else:
            run, saved = self._resumed(train, sets, resume)
            run.read_checkpoint(saved)

    def _given(
        self, X: Any, y: Any, eval_sets: EvalSets
    ) -> tuple[Dataset | Deformed, dict[str, Dataset]]:
        """Return the training set, and those to measure on."""
        kind: Kind = "values" if self.plan.loss == "squared" else None
        train = as_training_set(X, y, self.net.encoding, kind)
        like = known(train)
        if self.plan.loss == "squared" and like.kind == "classes":
            like = like.as_values()
        sets = as_eval_sets(eval_sets, like)
        if "train" in sets:
            raise ValueError('the history has "train" columns of its own: use another name')
        return train, sets

    def _resumed(
        self, train: Dataset | Deformed, eval_sets: dict[str, Dataset], resume: Resume
    ) -> tuple[Run, Saved]:
        """Return a run that goes on from a checkpoint once it is restored; what was left open is as
        it was there."""
        saved = Saved.read(resume, "layers")
        past = saved.past(len(self.net.layers))
        with refusing(f"{saved.path}: the training state is damaged"):
            plan = as_before(self.plan, past.settings)
        return Run(plan, self.net, train, eval_sets), saved


def _teach(
    net: Network, X: Examples, y: Any, *, classes: Sequence[Any] | None, n_jobs: int | None
) -> History:
    return Trainer(net, n_jobs=n_jobs).partial_fit(X, y, classes=classes)


Network.teacher = staticmethod(_teach)
