"""What models answer."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class TopKResult(NamedTuple):
    """The k best rows of each example, best first; -1 and -inf where fewer were computed."""

    indices: NDArray[np.int32]
    scores: NDArray[np.float32]
