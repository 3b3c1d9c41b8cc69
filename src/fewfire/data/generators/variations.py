"""Digits with one or two factors of variation more: the angle, and what is behind them.

Grey levels are bytes until the end, so that images can be written as such. Each factor draws from a
stream of its own, image by image: the first images do not depend on how many follow, and two
variations of one seed differ in nothing but what is varied.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import map_coordinates

from ...base.checks import check_choice, check_integer
from ...base.files import PathLike
from ..dataset import Dataset
from ..encoding import Encoding
from ..readers import read_idx_folder
from .canvas import SIDE, Bytes, Images, check_square
from .patches import Patches
from .photographs import photographs_of

Background: TypeAlias = Callable[[int, np.random.Generator], Bytes]

TURNED = ("rotated", "rotated_photographs")
ON_PHOTOGRAPHS = ("photographs", "rotated_photographs")
VARIATIONS = ("rotated", "random_background", "photographs", "rotated_photographs")
AT_ONCE = 256  # images: their coordinates take 5 MB


def mnist_variation(
    folder: PathLike,
    variation: str,
    *,
    n_train: int,
    n_test: int,
    random_state: int,
    photographs: PathLike | None,
) -> tuple[Dataset, Dataset]:
    """Make what `datasets.mnist_variation` describes."""
    check_choice("variation", variation, VARIATIONS)
    n_train, n_test = (
        check_integer(name, n, low=1) for name, n in (("n_train", n_train), ("n_test", n_test))
    )
    random_state = check_integer("random_state", random_state, low=0)
    order_seed, *part_seeds = np.random.SeedSequence(random_state).spawn(3)
    if photographs is not None and variation not in ON_PHOTOGRAPHS:
        raise ValueError(f"{variation} has no photographs behind its digits: leave them out")
    digits, targets, encoding = _pool(folder)
    if n_train + n_test > len(digits):
        raise ValueError(
            f"n_train + n_test is {n_train + n_test:,}, each image of a digit of its own, but "
            f"{folder} holds {len(digits):,}: ask for fewer"
        )
    order = np.random.default_rng(order_seed).permutation(len(digits))
    chosen = order[:n_train], order[::-1][:n_test]
    backgrounds = _backgrounds(variation, photographs)
    train, test = (
        Dataset(_varied(digits[part], variation, behind, seed), targets[part], like=encoding)
        for part, behind, seed in zip(chosen, backgrounds, part_seeds, strict=True)
    )
    return train, test


def rotated(digits: Bytes, angles: ArrayLike) -> Bytes:
    """Turn each of (n, height, width) images about its middle, counter-clockwise, by radians.

    Values between pixels are bilinear, outside of the image 0, and rounded.

    >>> rotated(np.array([[[1, 2], [3, 4]]], dtype=np.uint8), [np.pi / 2])
    array([[[2, 4],
            [1, 3]]], dtype=uint8)
    """
    n, height, width = digits.shape
    cos, sin = (turn(angles).reshape(n, 1, 1) for turn in (np.cos, np.sin))
    down = np.arange(height)[:, None] - (height - 1) / 2
    right = np.arange(width) - (width - 1) / 2
    y = cos * down + sin * right + (height - 1) / 2
    x = cos * right - sin * down + (width - 1) / 2
    places = np.broadcast_arrays(np.arange(n)[:, None, None], y, x)
    grey = map_coordinates(digits, places, np.float64, order=1, mode="grid-constant")
    return np.asarray(np.rint(grey), dtype=np.uint8)


def _pool(folder: PathLike) -> tuple[Bytes, NDArray[Any], Encoding]:
    """All digits of a folder, (n, 28, 28), their targets, and how these are encoded."""
    parts = read_idx_folder(folder)
    for part in parts:
        if check_square(part, "varied") != SIDE:
            raise ValueError(f"{folder}: only images of {SIDE} x {SIDE} are varied, not {part!r}")
    digits = np.concatenate([_bytes(np.asarray(part.X)) for part in parts])
    targets = np.concatenate([np.asarray(part.y) for part in parts])
    encoding = parts[0].encoding
    names = encoding.label_names
    return digits, targets if names is None else np.asarray(names)[targets], encoding


def _bytes(images: Images) -> Bytes:
    digits = np.empty((len(images), SIDE, SIDE), dtype=np.uint8)
    for i in range(0, len(images), AT_ONCE):
        digits[i : i + AT_ONCE] = np.rint(images[i : i + AT_ONCE] * 255).reshape(-1, SIDE, SIDE)
    return digits


def _backgrounds(variation: str, photographs: PathLike | None) -> tuple[Background | None, ...]:
    """What is behind the digits, for training and for testing."""
    if variation in ON_PHOTOGRAPHS:
        return tuple(map(Patches, photographs_of(photographs)))
    return (_noise if variation == "random_background" else None,) * 2


def _noise(n: int, rng: np.random.Generator) -> Bytes:
    return rng.integers(256, size=(n, SIDE, SIDE), dtype=np.uint8)


def _varied(
    digits: Bytes, variation: str, background: Background | None, seed: np.random.SeedSequence
) -> Images:
    of_angles, of_background = map(np.random.default_rng, seed.spawn(2))
    images = np.empty((len(digits), SIDE * SIDE), dtype=np.float32)
    for i in range(0, len(digits), AT_ONCE):
        part = digits[i : i + AT_ONCE]
        if variation in TURNED:
            part = rotated(part, of_angles.uniform(0, 2 * np.pi, size=len(part)))
        if background is not None:
            part = np.where(part == 0, background(len(part), of_background), part)
        images[i : i + AT_ONCE] = part.reshape(len(part), -1)
    images /= 255
    return images
