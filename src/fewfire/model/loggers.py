"""Callbacks that write down the figures of each epoch: for a table, TensorBoard, or the run of a
tracker such as Weights & Biases or MLflow."""

from __future__ import annotations

import csv
import io
import math
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..base.files import PathLike
from ..base.replacing import check_writable, replacing
from .callbacks import Callback, Record, Run


class CSVLogger(Callback):
    """Write the history to a table after each epoch: a line per epoch, a column per figure.

    The file is replaced each time, so it is whole whenever it is there; a training that goes on
    from a checkpoint has the earlier epochs in it, too. `fewfire plot FILE` draws it. If it
    cannot be written, for instance because the disk is full, there is a warning, and training goes
    on.

    Parameters
    ----------
    path : str or path

    Examples
    --------
    >>> from fewfire import Tagger
    >>> _ = Tagger("fast").fit([[1, 0], [0, 1]] * 5, [0, 1] * 5, callbacks=[CSVLogger("run.csv")])
    >>> Path("run.csv").read_text().split()[0]
    'epoch,train/loss,examples_per_second,seconds'
    """

    def __init__(self, path: PathLike) -> None:
        self.path = Path(path)

    def check(self, model: Any) -> None:
        """Refuse a path that no file can be written to."""
        check_writable(self.path)

    def on_epoch_end(self, run: Run, record: Record) -> bool:
        """Write all epochs."""
        columns = list(dict.fromkeys(name for row in run.history for name in row))
        text = io.StringIO()
        table = csv.DictWriter(text, columns, lineterminator="\n")
        table.writeheader()
        table.writerows(run.history)
        try:
            with replacing(self.path) as file:
                file.write(text.getvalue().encode())
        except OSError as error:
            why = error.strerror or error
            warnings.warn(f"{self.path} could not be written: {why}", RuntimeWarning, stacklevel=2)
        return False


class TensorBoard(Callback):
    """Write the figures of each epoch to a folder that TensorBoard shows.

    Needs `tensorboardX` (`pip install tensorboardX`).

    Parameters
    ----------
    folder : str or path

    Raises
    ------
    ImportError
        If `tensorboardX` is not installed.

    Examples
    --------
    >>> from fewfire import Tagger
    >>> callback = TensorBoard("runs")
    >>> _ = Tagger("fast").fit([[1, 0], [0, 1]] * 5, [0, 1] * 5, callbacks=[callback])
    >>> [path.name.split(".")[1] for path in Path("runs").iterdir()]
    ['out']
    """

    def __init__(self, folder: PathLike) -> None:
        try:
            from tensorboardX import SummaryWriter
        except ImportError as error:
            raise ImportError("TensorBoard needs tensorboardX: pip install tensorboardX") from error
        self.folder, self._make, self._writer = Path(folder), SummaryWriter, None

    def on_fit_start(self, run: Run) -> None:
        """Open the folder."""
        self._writer = self._make(str(self.folder))

    def on_epoch_end(self, run: Run, record: Record) -> bool:
        """Write what is a number."""
        assert self._writer is not None
        for name, value in figures_of(record).items():
            self._writer.add_scalar(name, value, int(record["epoch"]))
        self._writer.flush()
        return False

    def on_fit_end(self, run: Run) -> None:
        """Close the folder."""
        assert self._writer is not None
        self._writer.close()
        self._writer = None


class RunLogger(Callback):
    """Give the figures of each epoch to a run of a tracker, which you have begun and will end.

    Parameters
    ----------
    run : object
        With `log(figures, step=)`, as a run of Weights & Biases has it, or
        `log_metrics(figures, step=)`, as the module `mlflow` does, which gets P_at_1 for P@1.

    Raises
    ------
    TypeError
        If it has neither.

    Examples
    --------
    >>> class Mine:
    ...     def log(self, figures, step):
    ...         print(step, sorted(figures))
    >>> from fewfire import Tagger
    >>> callback = RunLogger(Mine())
    >>> _ = Tagger("fast", max_epochs=1).fit([[1, 0], [0, 1]] * 5, [0, 1] * 5, callbacks=[callback])
    1 ['examples_per_second', 'seconds', 'train/loss']
    """

    def __init__(self, run: Any) -> None:
        self._is_strict = hasattr(run, "log_metrics")  # MLflow has no @ in names
        log = getattr(run, "log_metrics", None) or getattr(run, "log", None)
        if not callable(log):
            raise TypeError(
                f"{type(run).__name__} has neither log(figures, step=) nor log_metrics(figures, "
                "step=): give a run of Weights & Biases, the module mlflow, or the like"
            )
        self._log: Callable[..., Any] = log

    def on_epoch_end(self, run: Run, record: Record) -> bool:
        """Give what is a number."""
        figures = figures_of(record)
        if self._is_strict:
            figures = {name.replace("@", "_at_"): value for name, value in figures.items()}
        self._log(figures, step=int(record["epoch"]))
        return False


def figures_of(record: Mapping[str, Any]) -> dict[str, float]:
    """Return the numbers of an epoch but for its own.

    >>> figures_of({"epoch": 2, "train/loss": 0.5, "note": "warm"})
    {'train/loss': 0.5}
    """
    return {
        name: float(value)
        for name, value in record.items()
        if name != "epoch" and isinstance(value, int | float) and math.isfinite(value)
    }
