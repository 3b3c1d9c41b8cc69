"""What a training calls after each epoch: `Trainer(net, callbacks=[EarlyStopping(...)])`."""

from .training.callbacks import Callback, Checkpoint, EarlyStopping, GateMonitor, Record, Run

__all__ = ["Callback", "Checkpoint", "EarlyStopping", "GateMonitor", "Record", "Run"]
