"""What the paper found: Spring & Shrivastava, KDD 2017 (arXiv 1602.08194v2), figures 4 to 6.

Read off the vector curves of the figures, to half a tenth of a point. Its MNIST is MNIST8M, its
RECTANGLES the set over photographs.
"""

from __future__ import annotations

from typing import NamedTuple

NAMES = {
    "mnist": "MNIST8M",
    "mnist8m": "MNIST8M",
    "norb": "NORB",
    "convex": "CONVEX",
    "rectangles-images": "RECTANGLES",
}

# (set, hidden layers) -> accuracy of the dense net
DENSE = {
    ("MNIST8M", 2): 0.9808, ("NORB", 2): 0.9055, ("CONVEX", 2): 0.7840, ("RECTANGLES", 2): 0.7680,
    ("MNIST8M", 3): 0.9777, ("NORB", 3): 0.8957, ("CONVEX", 3): 0.7771, ("RECTANGLES", 3): 0.7653,
}  # fmt: skip

# (set, hidden layers, method) -> density: accuracy
CURVES: dict[tuple[str, int, str], dict[float, float]] = {
    ("MNIST8M", 2, "LSH"): {
        0.075: 0.9732, 0.1: 0.9755, 0.25: 0.9817, 0.5: 0.9828, 0.75: 0.9826, 0.9: 0.9812},
    ("NORB", 2, "LSH"): {
        0.05: 0.9045, 0.1: 0.9161, 0.25: 0.9084, 0.5: 0.9079, 0.75: 0.9072, 0.9: 0.9119},
    ("CONVEX", 2, "LSH"): {
        0.075: 0.7483, 0.15: 0.7588, 0.25: 0.7660, 0.5: 0.7813, 0.75: 0.7841, 0.9: 0.7832},
    ("RECTANGLES", 2, "LSH"): {
        0.05: 0.7612, 0.1: 0.7585, 0.25: 0.7653, 0.5: 0.7614, 0.75: 0.7662, 0.9: 0.7674},
    ("MNIST8M", 3, "LSH"): {
        0.05: 0.9757, 0.1: 0.9732, 0.25: 0.9805, 0.5: 0.9812, 0.75: 0.9790, 0.9: 0.9793},
    ("NORB", 3, "LSH"): {
        0.05: 0.9044, 0.1: 0.8976, 0.25: 0.9037, 0.5: 0.9181, 0.75: 0.9145, 0.9: 0.9011},
    ("CONVEX", 3, "LSH"): {
        0.075: 0.7515, 0.15: 0.7591, 0.25: 0.7690, 0.5: 0.7746, 0.75: 0.7810, 0.9: 0.7743},
    ("RECTANGLES", 3, "LSH"): {
        0.05: 0.7541, 0.1: 0.7543, 0.25: 0.7576, 0.5: 0.7627, 0.75: 0.7615, 0.9: 0.7671},
    ("MNIST8M", 2, "VD"): {0.05: 0.9006, 0.1: 0.9240, 0.25: 0.9570, 0.5: 0.9659, 0.9: 0.9847},
    ("NORB", 2, "VD"): {0.05: 0.7769, 0.1: 0.8536, 0.25: 0.8843, 0.5: 0.9042, 0.9: 0.9190},
    ("CONVEX", 2, "VD"): {0.05: 0.5589, 0.1: 0.5712, 0.25: 0.6014, 0.5: 0.6869, 0.9: 0.7649},
    ("RECTANGLES", 2, "VD"): {0.05: 0.5608, 0.1: 0.7280, 0.25: 0.7512, 0.5: 0.7599, 0.9: 0.7726},
    ("MNIST8M", 3, "VD"): {0.05: 0.8014, 0.1: 0.9049, 0.25: 0.9469, 0.5: 0.9704, 0.9: 0.9812},
    ("NORB", 3, "VD"): {0.05: 0.7169, 0.1: 0.8366, 0.25: 0.9011, 0.5: 0.9118, 0.9: 0.9158},
    ("CONVEX", 3, "VD"): {0.05: 0.5521, 0.1: 0.5771, 0.25: 0.6339, 0.5: 0.7257, 0.9: 0.7686},
    ("RECTANGLES", 3, "VD"): {0.05: 0.6254, 0.1: 0.7190, 0.25: 0.7451, 0.5: 0.7523, 0.9: 0.7705},
    ("MNIST8M", 2, "WTA"): {0.05: 0.9548, 0.1: 0.9655, 0.25: 0.9731, 0.5: 0.9771, 0.9: 0.9835},
    ("NORB", 2, "WTA"): {0.05: 0.8364, 0.1: 0.8374, 0.25: 0.8828, 0.5: 0.8864, 0.9: 0.8829},
    ("CONVEX", 2, "WTA"): {0.05: 0.6234, 0.1: 0.6233, 0.25: 0.7015, 0.5: 0.7472, 0.9: 0.7766},
    ("RECTANGLES", 2, "WTA"): {0.05: 0.7154, 0.1: 0.7620, 0.25: 0.7668, 0.5: 0.7668, 0.9: 0.7664},
    ("MNIST8M", 3, "WTA"): {0.05: 0.9530, 0.1: 0.9585, 0.25: 0.9749, 0.5: 0.9744, 0.9: 0.9805},
    ("NORB", 3, "WTA"): {0.05: 0.8387, 0.1: 0.8388, 0.25: 0.8747, 0.5: 0.8909, 0.9: 0.8998},
    ("CONVEX", 3, "WTA"): {0.05: 0.6392, 0.1: 0.6815, 0.25: 0.7387, 0.5: 0.7687, 0.9: 0.7912},
    ("RECTANGLES", 3, "WTA"): {0.05: 0.7407, 0.1: 0.7571, 0.25: 0.7569, 0.5: 0.7523, 0.9: 0.7639},
    ("MNIST8M", 2, "AD"): {0.23: 0.9666, 0.92: 0.9812},
    ("NORB", 2, "AD"): {0.24: 0.8856, 0.54: 0.9140, 0.88: 0.9033},
    ("CONVEX", 2, "AD"): {0.31: 0.6771, 0.82: 0.7614},
    ("RECTANGLES", 2, "AD"): {0.21: 0.7395, 0.81: 0.7711},
    ("MNIST8M", 3, "AD"): {0.26: 0.9682, 0.92: 0.9797},
    ("NORB", 3, "AD"): {0.36: 0.8681, 0.74: 0.9115},
    ("CONVEX", 3, "AD"): {0.28: 0.6949, 0.91: 0.7707},
    ("RECTANGLES", 3, "AD"): {0.28: 0.7172, 0.92: 0.7656},
}  # fmt: skip

# Seconds per epoch by threads: three hidden layers, 5 %.
EPOCH_SECONDS = {
    "MNIST8M": {1: 50254, 8: 7939, 28: 2759, 56: 1637},
    "NORB": {1: 2440, 8: 332, 12: 231, 20: 184, 28: 162, 56: 129},
    "CONVEX": {1: 799, 8: 172, 12: 142, 20: 124, 28: 111, 56: 113},
    "RECTANGLES": {1: 1042, 8: 228, 12: 174, 20: 137, 28: 127, 56: 118},
}


class Point(NamedTuple):
    """An accuracy of the paper, and the density it was measured at."""

    accuracy: float
    density: float


def sparsest(data: str, depth: int, method: str) -> Point | None:
    """Return the paper's point of the lowest density: 5 %, or 7.5 % where it has no lower one."""
    curve = CURVES.get((NAMES.get(data, ""), depth, method))
    return None if curve is None else Point(curve[min(curve)], min(curve))


def dense(data: str, depth: int) -> float | None:
    """Return the accuracy of the paper's dense net."""
    return DENSE.get((NAMES.get(data, ""), depth))


def gap(data: str, depth: int) -> float | None:
    """Return how many points the paper's hashed net lies below its dense net."""
    ours, full = sparsest(data, depth, "LSH"), dense(data, depth)
    return None if ours is None or full is None else 100 * (full - ours.accuracy)


def lead(data: str, depth: int) -> float | None:
    """Return how many points the paper's hashed net lies above random dropout."""
    ours, random = sparsest(data, depth, "LSH"), sparsest(data, depth, "VD")
    return None if ours is None or random is None else 100 * (ours.accuracy - random.accuracy)
