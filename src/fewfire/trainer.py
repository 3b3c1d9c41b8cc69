"""Training: a run goes through epochs, an epoch through slices of about a tenth of a second, and
the core trains a slice per call. Between slices Ctrl-C is heard and progress shown."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from . import _core
from .callbacks import Callback
from .config import check_choice, check_flag, check_integer, check_memory, thread_count, to_dict
from .data import Dataset
from .evaluation import core_inputs, core_targets
from .files import FormatError, PathLike, read_model, write_model
from .history import History
from .ledger import Ledger
from .moments import Moments
from .network import LOSS_OF_KIND, LOSSES, Network, from_state
from .optimizers import RMS, Adam, Optimizer, core_optimizer
from .renumber import renumber
from .schedules import LinearDecay, Schedule
from .selectors import Hashed

_SLICE_SECONDS = 0.1
_FIRST_RENUMBERING = 1024  # steps


class DivergenceError(RuntimeError):
    """The loss is no longer a number. The network is as it was after the last good epoch."""


@dataclass(frozen=True)
class Settings:
    """What `Trainer` fits to the network where the caller says nothing."""

    optimizer: Optimizer
    batch_size: int
    max_epochs: int


def fitted_settings(net: Network) -> Settings:
    """Return the settings that did best on 5,000 held-out digits of MNIST (docs/design.md).

    Gated layers: steps of one example with a small rate, because a row must stay positive for the
    inputs that choose it. Dense nets: Adam on mini-batches.
    """
    if net.is_gated:
        return Settings(RMS(lr=0.0005), batch_size=1, max_epochs=12)
    return Settings(Adam(lr=0.001), batch_size=128, max_epochs=12)


class Trainer:
    """Trains a network on a data set.

    Parameters
    ----------
    net : Network
        Changed in place.
    loss : {"softmax", "logistic", "squared"}, optional
        None: softmax for classes, logistic for label lists, squared for values.
    optimizer : SGD, Adagrad, RMS or Adam, optional
    schedule : Schedule, optional
        None: linear decay to 0.
    batch_size : int, optional
        Examples per step; a gradient is their mean.
    max_epochs : int, optional
        Where None is given, optimizer, batch size and epochs are fitted to the net.
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

    Examples
    --------
    >>> from fewfire import Dataset, Linear, Network
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
    ) -> None:
        if not isinstance(net, Network):
            raise TypeError(f"net must be a Network, got {type(net).__name__}")
        fitted = fitted_settings(net)
        self.net = net
        self.loss = loss
        self.optimizer = fitted.optimizer if optimizer is None else optimizer
        self.schedule = LinearDecay() if schedule is None else schedule
        self.batch_size = fitted.batch_size if batch_size is None else batch_size
        self.max_epochs = fitted.max_epochs if max_epochs is None else max_epochs
        self.n_threads = thread_count(n_jobs)
        self.deterministic = deterministic
        self.callbacks = tuple(callbacks)
        self.random_state = random_state
        self.verbose = verbose
        self._check()

    def _check(self) -> None:
        if self.loss is not None:
            check_choice("loss", self.loss, LOSSES)
            _check_output(self.net, self.loss)
        if not isinstance(self.optimizer, Optimizer):
            raise TypeError(f"optimizer must be SGD, Adagrad, RMS or Adam, got {self.optimizer!r}")
        if not isinstance(self.schedule, Schedule):
            raise TypeError(
                f"schedule must be a Schedule such as LinearDecay, got {self.schedule!r}"
            )
        self.batch_size = check_integer("batch_size", self.batch_size, low=1, high=2**31 - 1)
        self.max_epochs = check_integer("max_epochs", self.max_epochs, low=1)
        check_flag("deterministic", self.deterministic)
        self.random_state = check_integer("random_state", self.random_state, low=0)
        if any(not isinstance(callback, Callback) for callback in self.callbacks):
            raise TypeError("callbacks must be Callback objects, such as EarlyStopping(...)")

    def __repr__(self) -> str:
        return (
            f"Trainer({self.optimizer}, {self.schedule}, batch_size={self.batch_size}, "
            f"max_epochs={self.max_epochs}, n_jobs={self.n_threads})"
        )

    def fit(
        self,
        train: Dataset,
        eval_sets: Mapping[str, Dataset] | None = None,
        *,
        resume: PathLike | None = None,
    ) -> History:
        """Train on `train`; measure on `eval_sets` after each epoch, through the gates.

        Parameters
        ----------
        train : Dataset
        eval_sets : dict of str to Dataset, optional
            Their figures are in the history as `<name>/<metric>`.
        resume : path, optional
            A file that `Checkpoint` wrote: training goes on after its last epoch.

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
        """
        if isinstance(eval_sets, Dataset):
            raise TypeError('eval_sets names its data sets: eval_sets={"val": data}')
        if eval_sets and "train" in eval_sets:
            raise ValueError('the history has "train" columns of its own: use another name')
        run = Run(self, train, dict(eval_sets or {}))
        if resume is not None:
            run.load_checkpoint(resume)
        return run.go()


class Run:
    """One training run: its position, its optimizer state, its history."""

    def __init__(self, trainer: Trainer, train: Dataset, eval_sets: dict[str, Dataset]) -> None:
        self.trainer = trainer
        self.net = trainer.net
        self.max_epochs = trainer.max_epochs
        self.train = train
        self.eval_sets = eval_sets
        self.loss = self._check_data()
        # Weights, the copy that a failing epoch goes back to, and the optimizer's moments.
        n_arrays = 2 + core_optimizer(trainer.optimizer).n_moments
        check_memory("training", 4 * n_arrays * self.net.n_parameters)
        self.epoch = 0  # epochs done
        self.history = History([], Ledger.empty(len(self.net.layers)))
        self.moments = Moments(self.net, trainer.optimizer)

    @property
    def steps_per_epoch(self) -> int:
        """Micro-batches of an epoch."""
        return math.ceil(len(self.train) / self.trainer.batch_size)

    def go(self) -> History:
        """Train until the last epoch, an early stop, or Ctrl-C."""
        self.net.loss, self.net.encoding = self.loss, self.train.encoding
        for callback in self.trainer.callbacks:
            callback.on_fit_start(self)
        try:
            while self.epoch < self.max_epochs:
                record = self._one_epoch()
                self.history.append(record)
                self._say(record)
                stops = [callback.on_epoch_end(self, record) for callback in self.trainer.callbacks]
                if any(stops):
                    break
        except KeyboardInterrupt:
            self.history.interrupted = True
        finally:
            for callback in self.trainer.callbacks:
                callback.on_fit_end(self)
        return self.history

    def _check_data(self) -> str:
        train, net = self.train, self.net
        if not isinstance(train, Dataset):
            raise TypeError(f"train must be a fewfire.Dataset, got {type(train).__name__}")
        if train.kind is None:
            raise ValueError("the training set has no targets: give it y")
        loss = self.trainer.loss or LOSS_OF_KIND[train.kind]
        for data in (train, *self.eval_sets.values()):
            net.check_targets(data, loss, train.encoding)
        _check_output(net, loss)
        return loss

    def _one_epoch(self) -> dict[str, Any]:
        start = time.perf_counter()
        weights = self.net.weights()
        try:
            sums = self._train_slices()
        finally:  # also after Ctrl-C: the codes are those of the weights
            self._refresh()
        if not math.isfinite(sums.loss):
            self.net.set_weights(weights)
            raise DivergenceError(
                f"the loss is {sums.loss} in epoch {self.epoch + 1}; the network is as it was "
                f"before that epoch: try a smaller lr than {self.trainer.optimizer.lr:g}"
            )
        seconds = time.perf_counter() - start
        self.epoch += 1
        record: dict[str, Any] = {"epoch": self.epoch, "train/loss": sums.loss / len(self.train)}
        if self.net.loss != "squared":
            record["train/accuracy"] = sums.n_correct / len(self.train)
        for name, data in self.eval_sets.items():
            metrics = self.net.evaluate(data, n_jobs=self.trainer.n_threads)
            record |= {f"{name}/{metric}": value for metric, value in metrics.items()}
        record["density"] = self.net.density(sums.usage, len(self.train))
        record["lr"] = self.trainer.optimizer.lr * float(self._factors(-1, 1)[0])
        record["examples_per_second"] = len(self.train) / seconds
        record["seconds"] = seconds
        return record

    def _factors(self, offset: int, n_steps: int) -> NDArray[np.float32]:
        """Factors of the learning rate from `offset` steps after the epochs done so far."""
        per_epoch = self.steps_per_epoch
        first, total = self.epoch * per_epoch + offset, self.max_epochs * per_epoch
        return self.trainer.schedule.factors(first, n_steps, total)

    def _train_slices(self) -> _Sums:
        trainer, net = self.trainer, self.net
        inputs, targets, model = core_inputs(self.train), core_targets(self.train), net.model()
        optimizer, states = core_optimizer(trainer.optimizer), self.moments.states
        sequence = np.random.SeedSequence([trainer.random_state, self.epoch])
        order = np.random.default_rng(sequence).permutation(len(self.train))
        n_steps, done = self.steps_per_epoch, 0
        sums = _Sums(net)
        pace = _Pace()
        with self._progress() as bar:
            while done < n_steps and math.isfinite(sums.loss):
                # Cut where something is due, so that the result does not depend on the slices.
                size = min(pace.size, n_steps - done, self._steps_to_next(done))
                ids = order[done * trainer.batch_size : (done + size) * trainer.batch_size]
                rates = np.float32(trainer.optimizer.lr) * self._factors(done, size)
                first_step = self.epoch * n_steps + done
                with pace:
                    loss, n_correct, ledger, usage = _core.train(
                        model, inputs, targets, ids, rates, trainer.batch_size, optimizer, states,
                        first_step, self.epoch, trainer.n_threads, trainer.deterministic,
                    )  # fmt: skip
                self.history.ledger += Ledger(ledger)
                self.history.n_examples += len(ids)
                sums.add(loss, n_correct, usage, len(ids))
                done += size
                self._keep_up(done, sums)
                sums.show(bar, len(ids), net)
        self._renumber(sums)
        return sums

    def _refresh_periods(self) -> dict[int, int]:
        """Steps between two refreshes of the layers that ask for them."""
        selectors = {i: layer.settings.selector for i, layer in enumerate(self.net.layers)}
        return {
            i: selector.refresh_every
            for i, selector in selectors.items()
            if isinstance(selector, Hashed) and selector.refresh_every is not None
        }

    def _steps_to_next(self, done: int) -> int:
        """Steps until a refresh or a renumbering is due."""
        step = self.epoch * self.steps_per_epoch + done
        doubled = max(_FIRST_RENUMBERING, 1 << step.bit_length())
        to_refresh = [period - step % period for period in self._refresh_periods().values()]
        return min([doubled - step, *to_refresh])

    def _keep_up(self, done: int, sums: _Sums) -> None:
        """Renumber rows when the number of steps has doubled; refresh what is due."""
        step = self.epoch * self.steps_per_epoch + done
        if step >= _FIRST_RENUMBERING and step.bit_count() == 1:
            self._refresh(self._renumber(sums))
        self._refresh(i for i, period in self._refresh_periods().items() if step % period == 0)

    def _renumber(self, sums: _Sums) -> list[int]:
        """Sort rows by their recent use; return the layers that want a refresh."""
        changed = renumber(self.net, self.moments, sums.recent_usage)
        sums.forget_recent_usage()
        return changed

    def _refresh(self, positions: Iterable[int] | None = None) -> None:
        ledger = self.net.refresh(self.trainer.n_threads, positions=positions)
        self.history.ledger += ledger

    def _progress(self) -> tqdm[Any]:
        return tqdm(
            total=len(self.train),
            desc=f"epoch {self.epoch + 1}/{self.max_epochs}",
            unit=" examples",
            unit_scale=True,
            disable=not (self.trainer.verbose and _on_terminal()),
            leave=False,
        )

    def _say(self, record: Mapping[str, Any]) -> None:
        if not self.trainer.verbose:
            return
        figures = [
            f"{name} {record[name]:.4f}"
            for name in record
            if name.startswith("train/") or name.split("/")[0] in self.eval_sets
        ]
        tqdm.write(
            f"epoch {self.epoch}/{self.max_epochs}: {', '.join(figures)}, "
            f"density {record['density']:.3f}, {record['examples_per_second']:,.0f} examples/s",
            file=sys.stderr,
        )

    def save_checkpoint(self, path: PathLike) -> None:
        """Write the network and all that is needed to go on."""
        training = {
            "epoch": self.epoch,
            "settings": self._settings(),
            "history": list(self.history),
            "ledger": self.history.ledger.counts.tolist(),
            "n_examples": self.history.n_examples,
        }
        config, arrays = self.net.state()
        write_model(path, {**config, "training": training}, {**arrays, **self.moments.arrays()})

    def load_checkpoint(self, path: PathLike) -> None:
        """Take over the state of a run that `save_checkpoint` wrote."""
        config, arrays = read_model(path)
        net = from_state(path, config, arrays)
        if "training" not in config:
            raise ValueError(f"{path} is a model without training state: resume wants a checkpoint")
        layers = [layer.settings for layer in self.net.layers]
        if [layer.settings for layer in net.layers] != layers:
            raise ValueError(f"{path} holds another network than the trainer's")
        try:
            training = config["training"]
            settings, epoch = dict(training["settings"]), training["epoch"]
            history = History(training["history"], Ledger(training["ledger"]))
            history.n_examples = check_integer("n_examples", training["n_examples"], low=0)
            check_integer("epoch", epoch, low=0)
        except (KeyError, TypeError, ValueError) as error:
            raise FormatError(f"{path}: the training state is damaged: {error}") from error
        for name, value in self._settings().items():
            if settings.get(name) != value:
                raise ValueError(
                    f"{path} was trained with {name}={settings.get(name)}, "
                    f"the trainer has {value}: a resumed run needs the same settings"
                )
        self.moments.restore(arrays)
        self.net.set_weights(net.weights())
        self.epoch, self.history = epoch, history

    def _settings(self) -> dict[str, Any]:
        return {
            "loss": self.loss,
            "optimizer": to_dict(self.trainer.optimizer),
            "schedule": to_dict(self.trainer.schedule),
            "batch_size": self.trainer.batch_size,
            "max_epochs": self.trainer.max_epochs,
            "random_state": self.trainer.random_state,
            "n_examples": len(self.train),
        }


def _check_output(net: Network, loss: str) -> None:
    activation = net.layers[-1].settings.activation
    if loss != "squared" and activation != "linear":
        raise ValueError(
            f'the {loss} loss wants activation="linear" in the last layer, got {activation!r}'
        )


def _on_terminal() -> bool:
    return sys.stderr.isatty() or "ipykernel" in sys.modules


class _Sums:
    """Totals of an epoch so far."""

    def __init__(self, net: Network) -> None:
        self.loss = 0.0
        self.n_correct = 0
        self.n_seen = 0
        self.usage = [np.zeros(len(layer.bias), np.int64) for layer in net.layers]
        self.forget_recent_usage()

    def add(self, loss: float, n_correct: int, usage: list[NDArray[np.int64]], n: int) -> None:
        self.loss += loss
        self.n_correct += n_correct
        self.n_seen += n
        for totals in (self.usage, self.recent_usage):
            for total, counts in zip(totals, usage, strict=True):
                total += counts

    def forget_recent_usage(self) -> None:
        self.recent_usage = [np.zeros_like(counts) for counts in self.usage]

    def show(self, bar: tqdm[Any], n_new: int, net: Network) -> None:
        if bar.disable:
            return
        figures = {"loss": f"{self.loss / self.n_seen:.4f}"}
        if net.loss != "squared":
            figures["accuracy"] = f"{self.n_correct / self.n_seen:.4f}"
        figures["density"] = f"{net.density(self.usage, self.n_seen):.3f}"
        bar.set_postfix(figures, refresh=False)
        bar.update(n_new)


class _Pace:
    """Steps per call into the core, so that a call takes about a tenth of a second."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self.size = 16
        self._clock = clock
        self._start = 0.0

    def __enter__(self) -> None:
        self._start = self._clock()

    def __exit__(self, *error: object) -> None:
        seconds = max(1e-6, self._clock() - self._start)
        self.size = max(1, round(self.size * min(4.0, _SLICE_SECONDS / seconds)))
