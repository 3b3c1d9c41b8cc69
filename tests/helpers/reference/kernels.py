"""The loops of core/kernels in float64. What a loop writes into or adds to comes last, as there."""

from __future__ import annotations

import numpy as np
from scipy import linalg


def as_floats(weights: np.ndarray) -> np.ndarray:
    """Of float32, or of bfloat16 as its 16 bits."""
    if weights.dtype == np.float32:
        return weights.astype(float)
    return (weights.astype(np.uint32) << np.uint32(16)).view(np.float32).astype(float)


def bits_of(words: np.ndarray) -> np.ndarray:
    """Bit i % 64 of word [j, i // 64] as number [j, i]."""
    places = np.arange(64, dtype=np.uint64)
    bits = words[..., None] >> places & np.uint64(1)
    return bits.reshape(*words.shape[:-1], 64 * words.shape[-1]).astype(int)


def score_rows(
    weights: np.ndarray, bias: np.ndarray, rows: np.ndarray, ids: np.ndarray, values: np.ndarray
) -> np.ndarray:
    return as_floats(weights)[np.ix_(rows, ids)] @ values.astype(float) + bias[rows]


def score_block(weights: np.ndarray, bias: np.ndarray, inputs: np.ndarray) -> np.ndarray:
    """A row per example."""
    return inputs.astype(float) @ as_floats(weights).T + bias


def score_bytes(
    rows: np.ndarray, scales: np.ndarray, bias: np.ndarray, x: np.ndarray, scale: float
) -> np.ndarray:
    return bias + scales.astype(float) * scale * (rows.astype(int) @ x.astype(int))


def gather_sum(
    weights: np.ndarray, rows: np.ndarray, deltas: np.ndarray, ids: np.ndarray
) -> np.ndarray:
    return deltas.astype(float) @ as_floats(weights)[np.ix_(rows, ids)]


def weighted_sum(
    matrix: np.ndarray, rows: np.ndarray, coefficients: np.ndarray, sums: np.ndarray
) -> np.ndarray:
    return sums + coefficients.astype(float) @ as_floats(matrix)[rows]


def spread(
    values: np.ndarray, rows: np.ndarray, coefficients: np.ndarray, sums: np.ndarray
) -> np.ndarray:
    total = sums.astype(float)
    np.add.at(total, rows, np.outer(coefficients.astype(float), values))
    return total


def spread_lines(
    values: np.ndarray,
    lines: np.ndarray,
    rows: np.ndarray,
    coefficients: np.ndarray,
    sums: np.ndarray,
) -> np.ndarray:
    """A line is 16 columns."""
    is_in = np.isin(np.arange(len(values)) // 16, lines)
    return spread(np.where(is_in, values, 0), rows, coefficients, sums)


def hadamard(values: np.ndarray) -> np.ndarray:
    return linalg.hadamard(len(values)) @ values.astype(float)


def exponentials(scores: np.ndarray, shift: float) -> np.ndarray:
    """Below -87 they are 0, and above 88 they stay, where floats end."""
    x = scores - np.float32(shift)
    return np.where(x < -87, 0, np.exp(np.minimum(x, 88).astype(float)))


def masked_sum(words: np.ndarray, ids: np.ndarray, values: np.ndarray) -> np.ndarray:
    return values.astype(float) @ bits_of(words)[ids]


def count_bits(words: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """How many words have each bit set; the core writes bit p of the counts into plane p."""
    return bits_of(words)[ids].sum(axis=0)


def pattern_sum(
    bits: np.ndarray, rows: np.ndarray, groups: np.ndarray, sums_of_patterns: np.ndarray
) -> np.ndarray:
    """`sums_of_patterns` (n_groups, 16): what each pattern of four bits adds."""
    fours = bits_of(bits)[rows].reshape(len(rows), 16 * bits.shape[1], 4) @ (1 << np.arange(4))
    return sums_of_patterns.astype(float)[np.arange(len(groups)), fours[:, groups]].sum(axis=1)


def hamming(bits: np.ndarray, rows: np.ndarray, words: np.ndarray) -> np.ndarray:
    return (bits_of(bits)[rows] != bits_of(words)).sum(axis=1)
