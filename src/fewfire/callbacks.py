"""What a training calls after each epoch: `Trainer(net, callbacks=[EarlyStopping(...)])`, or
`Tagger().fit(X, y, callbacks=[...])`."""

from .model.callbacks import Callback, Checkpoint, EarlyStopping, Record, Run
from .training.gate_monitor import GateMonitor

__all__ = ["Callback", "Checkpoint", "EarlyStopping", "GateMonitor", "Record", "Run"]
