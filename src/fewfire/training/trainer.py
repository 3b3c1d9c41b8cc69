"""Training, as the user asks for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..base.checks import thread_count
from ..base.files import refusing
from ..base.history import History
from ..base.progress import tell
from ..data import Dataset
from ..data.generators import Deformed
from ..model.callbacks import Callback
from ..model.checkpoint import Resume, Saved
from ..model.checks import warn_of_values
from ..network.losses import check_loss
from ..network.network import Network
from .fitting import as_before, fitted, usual
from .optimizers import Optimizer
from .run import Run
from .schedules import Schedule
from .settings import Plan
from .weights import ClassWeight


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
        Where no optimizer is given, choose how fast rows learn and how much weights decay by some
        short trainings on parts of the examples, that keep others aside. They take about as long as
        the training itself where examples are few, a fifth of that for 60,000. Not done below 6
        epochs or 40 examples, for a network that has been trained, or one with an `EmbeddingBag` or
        `Retrieve`. `verbose` tells in a line what was chosen and why.
    class_weight : "balanced" or dict, optional
        What the loss of an example counts for by its class. "balanced": n / (k n_c), as in
        scikit-learn, so that all classes count alike; a dict has weights by the name of the class,
        or its id, and others count 1. It is multiplied with `Dataset.sample_weight`. Losses that
        are told are weighted sums divided by the number of examples.

    Examples
    --------
    >>> import numpy as np
    >>> from fewfire import Dataset, Linear, Network
    >>> from fewfire.optim import Adam
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 4)).astype(np.float32)
    >>> net = Network(Linear(4, 16, activation="relu"), Linear(16, 2))
    >>> data = Dataset(X, (X[:, 0] > 0).astype(int))
    >>> trainer = Trainer(net, optimizer=Adam(lr=0.01), batch_size=8, max_epochs=20, n_jobs=1)
    >>> history = trainer.fit(data)
    >>> net.evaluate(data).accuracy > 0.95
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
        train: Dataset | Deformed,
        eval_sets: Mapping[str, Dataset] | None = None,
        *,
        resume: Resume | None = None,
    ) -> History:
        """Train on `train`; measure on `eval_sets` after each epoch, through the gates.

        Parameters
        ----------
        train : Dataset or datasets.Deformed
            Deformed images are made while they are trained on, 65,536 at a time.
        eval_sets : dict of str to Dataset, optional
            Their figures are in the history as `<name>/<metric>`.
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
            if resume is not None:
                run, saved = self._resumed(train, eval_sets, resume)
                run.restore(saved)
                warn_of_values(run.known)
                return run.go()
            run = self._run(self.plan, train, eval_sets)
            warn_of_values(run.known)
            try:
                plan, why, spent = fitted(self.plan, self.net, run.known, run.loss, len(run.train))
            except KeyboardInterrupt:  # nothing was learned yet
                run.history.interrupted = True
                return run.history
            if self.plan.verbose and why:
                tell(f"chosen: {why}")
            if plan is not self.plan:
                run = self._run(plan, train, eval_sets)
            run.history.ledger.add(spent)
            return run.go()

    def check(
        self,
        train: Dataset | Deformed,
        eval_sets: Mapping[str, Dataset] | None = None,
        *,
        resume: Resume | None = None,
    ) -> None:
        """Raise what `fit` would raise before it changes anything."""
        if resume is None:
            self._run(self.plan, train, eval_sets)
        else:
            run, saved = self._resumed(train, eval_sets, resume)
            run.read_checkpoint(saved)

    def _resumed(
        self, train: Dataset | Deformed, eval_sets: Mapping[str, Dataset] | None, resume: Resume
    ) -> tuple[Run, Saved]:
        """Return a run that goes on from a checkpoint once it is restored; what was left open is as
        it was there."""
        saved = Saved.read(resume, "layers")
        past = saved.past(len(self.net.layers))
        with refusing(f"{saved.path}: the training state is damaged"):
            plan = as_before(self.plan, past.settings)
        return self._run(plan, train, eval_sets), saved

    def _run(
        self, plan: Plan, train: Dataset | Deformed, eval_sets: Mapping[str, Dataset] | None
    ) -> Run:
        sets = {} if eval_sets is None else eval_sets
        if not isinstance(sets, Mapping):
            raise TypeError(
                'eval_sets names its data sets: eval_sets={"val": data}; targets are part of a '
                "Dataset(X, y)"
            )
        if "train" in sets:
            raise ValueError('the history has "train" columns of its own: use another name')
        return Run(plan, self.net, train, dict(sets))
