"""What tests let the workers of a cluster do: in a file that these can import."""

import os
import signal
from pathlib import Path

from fewfire.dask import tasks
from fewfire.tagger import apart

train = tasks.train  # before a test puts another in its place


def n_kept():
    """Things that a worker keeps of a training."""
    return len(tasks._KEPT._things)


class Deadly(apart.LeavesLesson):
    """A lesson that kills its process."""

    def start_epoch(self):
        """Begin an epoch, the second in vain."""
        super().start_epoch()
        if self.epoch == 2:
            os.kill(os.getpid(), signal.SIGKILL)


class KilledOnce:
    """`tasks.train`, but the first worker that trains leaves of a tree is killed in its second
    epoch."""

    def __init__(self, mark):
        self.mark = mark

    def __call__(self, part, *arguments):
        if part.first is not None and not Path(self.mark).exists():
            Path(self.mark).touch()
            apart.LeavesLesson = Deadly  # of this process, which ends with it
        return train(part, *arguments)
