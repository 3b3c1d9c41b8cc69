"""Networks of integers as images: one file that a device reads where it lies (docs/device.md).

The runtime's `ff_check` refuses what is damaged, and so does `read_image`.
"""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray

from .integer import KINDS, IntegerLayer, IntegerNet

_MAGIC = 0x31465746  # "FWF1"
_HEAD_WORDS, _LAYER_WORDS = 8, 4
_MOST = 65535  # rows, columns and inputs


def write_image(net: IntegerNet) -> bytes:
    """Return the image of a network.

    Raises
    ------
    ValueError
        If it has more than 65,535 inputs, or rows in a layer.
    """
    for what, n in [("inputs", net.n_inputs), *(("rows", each.n_rows) for each in net.layers)]:
        if n > _MOST:
            raise ValueError(f"{n:,} {what}: a device's lists have room for {_MOST:,}")
    mask = np.zeros(-(-net.n_inputs // 32) * 32, np.uint8)
    mask[net.columns] = 1
    layers = [
        [each.n_rows, each.n_columns, each.active, KINDS.index(each.kind) | each.bits << 8]
        for each in net.layers
    ]
    parts = [np.array(layers, "<u4"), np.packbits(mask, bitorder="little")]
    for each in net.layers:
        parts += [_packed(each), each.multipliers.astype("<i4"), each.biases.astype("<i4")]
    body = b"".join(part.tobytes() for part in parts)
    size = 4 * _HEAD_WORDS + len(body)
    head = np.array([len(net.layers), net.n_inputs, net.n_outputs, 0, 0], "<u4").tobytes()
    checksum = zlib.crc32(head + body)
    return np.array([_MAGIC, size, checksum], "<u4").tobytes() + head + body


def read_image(image: bytes) -> IntegerNet:
    """Return the network of an image.

    Raises
    ------
    ValueError
        If it is damaged, or no image.
    """
    words = np.frombuffer(image[: len(image) // 4 * 4], "<u4")
    if len(image) % 4 or len(words) < _HEAD_WORDS or words[0] != _MAGIC or words[1] != len(image):
        raise ValueError("this is not a device image of version 1, or it is cut")
    if zlib.crc32(image[12:]) != words[2]:
        raise ValueError("the device image is damaged: it does not hold what was written")
    n_layers, n_inputs, n_outputs = (int(word) for word in words[3:6])
    ends = _Words(words, _HEAD_WORDS)
    described = ends.take(n_layers * _LAYER_WORDS).reshape(-1, _LAYER_WORDS)
    mask = np.unpackbits(ends.take(-(-n_inputs // 32)).view(np.uint8), bitorder="little")
    columns = np.flatnonzero(mask).astype(np.int32)
    layers, n_columns = [], len(columns)
    for n_rows, n_own, active, flags in described.tolist():
        kind, bits = flags & 255, flags >> 8
        if n_own != n_columns or not 0 < n_rows <= _MOST or bits not in (8, 4) or kind > 2:
            raise ValueError("the layers of the device image do not fit together")
        weights = _unpacked(ends.take(_n_words(n_rows, n_columns, bits)), n_rows, n_columns, bits)
        multipliers, biases = (ends.take(n_rows).view("<i4").astype(np.int32) for _ in range(2))
        layers.append(IntegerLayer(weights, multipliers, biases, active, KINDS[kind], bits))
        n_columns = n_rows
    if not layers or ends.left or n_columns != n_outputs:
        raise ValueError("the layers of the device image do not fit together")
    return IntegerNet(layers, columns, n_inputs)


class _Words:
    """What is left of an image."""

    def __init__(self, words: NDArray[np.uint32], begin: int) -> None:
        self._words, self._at = words, begin

    @property
    def left(self) -> int:
        return len(self._words) - self._at

    def take(self, n: int) -> NDArray[np.uint32]:
        """Return the next `n` words."""
        if n > self.left:
            raise ValueError("the device image is shorter than its layers")
        self._at += n
        return self._words[self._at - n : self._at]


def _n_words(n_rows: int, n_columns: int, bits: int) -> int:
    return -(-n_rows // (32 // bits)) * n_columns


def _packed(layer: IntegerLayer) -> NDArray[np.uint32]:
    """Return words that hold the weights of one input for 4 or 8 rows: block by block of these
    rows, input by input; the lowest bits are the first row's."""
    per_word, zero = 32 // layer.bits, 2 ** (layer.bits - 1)
    n_blocks = -(-layer.n_rows // per_word)
    padded = np.full((n_blocks * per_word, layer.n_columns), zero, np.uint32)
    padded[: layer.n_rows] = layer.weights.astype(np.int16) + zero
    blocks = padded.reshape(n_blocks, per_word, layer.n_columns)
    shifts = np.arange(per_word, dtype=np.uint32) * np.uint32(layer.bits)
    words: NDArray[np.uint32] = np.bitwise_or.reduce(blocks << shifts[:, None], axis=1)
    return words.astype("<u4")


def _unpacked(
    words: NDArray[np.uint32], n_rows: int, n_columns: int, bits: int
) -> NDArray[np.int8]:
    per_word, zero = 32 // bits, 2 ** (bits - 1)
    shifts = np.arange(per_word, dtype=np.uint32) * np.uint32(bits)
    blocks = words.reshape(-1, 1, n_columns) >> shifts[:, None] & np.uint32(2**bits - 1)
    weights = blocks.reshape(-1, n_columns)[:n_rows].astype(np.int16) - zero
    return np.ascontiguousarray(weights, np.int8)
