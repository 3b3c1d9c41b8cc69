"""What the images share: their size and types."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Images: TypeAlias = NDArray[np.float32]
Labels: TypeAlias = NDArray[np.int32]
SIDE = 28
CHUNK = 4096  # images worked on at once: their pixels stay in the cache of one core
