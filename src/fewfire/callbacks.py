"""What a training calls after each epoch: `Trainer(net, callbacks=[EarlyStopping(...)])`, or
`Tagger().fit(X, y, callbacks=[...])`."""

from .model.callbacks import Callback, Checkpoint, EarlyStopping, Record, Run
from .model.loggers import CSVLogger, RunLogger, TensorBoard
from .training.gate_monitor import GateMonitor

__all__ = [
    "CSVLogger",
    "Callback",
    "Checkpoint",
    "EarlyStopping",
    "GateMonitor",
    "Record",
    "Run",
    "RunLogger",
    "TensorBoard",
]
