"""Deformed images: as many as one likes, made from a few when they are asked for.

Image `i` depends on the source, the seed and `i` alone, so any slice can be made again, in any
order, with the same bits. The first images are the source itself.

The recipe is that of MNIST8M: Loosli, Canu and Bottou, "Training invariant support vector machines
using selective sampling" (2007). Its fields are a file that is not available; these are drawn.
"""

from __future__ import annotations

import sys
from copy import copy
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from ...base.checks import check_integer, check_memory
from ..dataset import Dataset, Targets
from .canvas import SIDE, Images, check_square

Fields: TypeAlias = NDArray[np.float32]

N_FIELDS = 512
SMOOTH, BEND = 4.0, 1.4  # pixels of 28: width of the Gaussian, standard deviation of what it leaves
TILT = 0.08  # pixels per pixel: two tilted fields scale, turn and slant
THICKEN = 0.6  # pixels of 28, at most, outwards or inwards
AT_ONCE = 256  # images: their gradients stay in the cache of one core


class Deformed:
    """A sequence of `n` images: those of `source`, then deformed ones, made when asked for.

    Image `i` is image `i % len(source)` of the source, shifted by at most one pixel each way. Then
    it is `x + f D_x x + g D_y x + b sqrt((D_x x)^2 + (D_y x)^2)`, cut to 0..1 and rounded to 255ths
    as in the files of MNIST8M. Two of 512 smooth random fields, `f` and `g`, move the ink; `b`
    makes it thicker or thinner.

    Parameters
    ----------
    source : Dataset
        Square images, dense, from 0 to 1; with or without targets.
    n : int
        Length; nothing is stored, so it may be in the billions.
    random_state : int
        Seeds the deformations.

    Raises
    ------
    ValueError
        If the source is empty or not of square dense images from 0 to 1, or `n` is below 1.

    Examples
    --------
    >>> source = Dataset(np.eye(9, dtype=np.float32), np.arange(9))
    >>> images = Deformed(source, 8_100_000)
    >>> X, y = images.batch(4_000_000, 3)
    >>> X.shape, y
    ((3, 9), array([4, 5, 6], dtype=int32))
    >>> images[:1000]
    Dataset(1,000 examples, 9 dense features, 9 classes)
    """

    def __init__(self, source: Dataset, n: int, *, random_state: int = 0) -> None:
        self.side = check_square(source, "deformed")
        self.source = source
        self.random_state = check_integer("random_state", random_state, low=0)
        self._n = check_integer("n", n, low=1, high=sys.maxsize)
        self._fields = _fields(self.side, self.random_state)

    def __len__(self) -> int:
        return self._n

    def __repr__(self) -> str:
        return f"Deformed({self.source!r}, {self._n:,}, random_state={self.random_state})"

    def as_values(self) -> Deformed:
        """Return the same images, whose classes are numbers that are taken as values."""
        twin = copy(self)
        twin.source = self.source.as_values()
        return twin

    def batch(self, first: int, n: int) -> tuple[Images, Targets]:
        """Return images `first` to `first + n - 1`, (n, n_features), and their targets."""
        first = check_integer("first", first, low=0, high=self._n)
        n = check_integer("n", n, low=0, high=self._n - first)
        part = self[first : first + n]
        return np.asarray(part.X), part.y

    def __getitem__(self, numbers: slice) -> Dataset:
        """Return neighbouring images as a `Dataset` that shares the encoding of the source."""
        if not isinstance(numbers, slice) or numbers.step not in (None, 1):
            raise TypeError("take neighbouring images by a slice: images[3:4], not images[3]")
        first, stop, _ = numbers.indices(self._n)
        n = max(stop - first, 0)
        check_memory(f"a set of {n:,} images", 4 * n * self.source.n_features)
        part = self.source[np.arange(first, first + n) % len(self.source)]
        rows = np.asarray(part.X)  # a copy, since it was taken by position: written in place
        for i in range(max(len(self.source) - first, 0), n, AT_ONCE):
            rows[i : i + AT_ONCE] = self._deform(rows[i : i + AT_ONCE], first + i)
        return part

    def _deform(self, originals: Images, first: int) -> Images:
        n = len(originals)
        # One step of this generator's counter gives four numbers: those of one image.
        bits = np.random.Philox(self.random_state).advance(first).random_raw(4 * n).reshape(n, 4)
        f, g = (self._fields[bits[:, j] % N_FIELDS] for j in (0, 1))
        thicken = (bits[:, 2] >> 40).astype(np.float32) / 2**23 - 1
        thicken *= np.float32(THICKEN * self.side / SIDE)
        shifted = _shift(originals.reshape(n, self.side, self.side), bits[:, 3] % 9)
        right, down = _gradient(shifted)
        steep = np.sqrt(right * right + down * down)
        images = shifted[:, 1:-1, 1:-1] + f * right + g * down + thicken[:, None, None] * steep
        grey: Images = np.rint(np.clip(images, 0, 1).reshape(n, -1) * 255) / 255
        return grey


def _fields(side: int, seed: int) -> Fields:
    """Smooth noise and a tilt, (N_FIELDS, side, side): where a pixel comes from, in pixels."""
    rng, scale = np.random.default_rng(seed), side / SIDE
    noise = rng.standard_normal((N_FIELDS, side, side))
    smooth = gaussian_filter(noise, (0, SMOOTH * scale, SMOOTH * scale))
    smooth *= BEND * scale / smooth.std()
    down, right = rng.normal(0, TILT, size=(2, N_FIELDS, 1, 1))
    from_middle = np.arange(side) - (side - 1) / 2
    fields: Fields = smooth + down * from_middle[:, None] + right * from_middle
    return fields.astype(np.float32)


def _shift(images: NDArray[np.float32], way: NDArray[np.uint64]) -> NDArray[np.float32]:
    """Move each of (n, side, side) by up to a pixel, `way` from 0 to 8, and leave a margin of 1."""
    n, side, _ = images.shape
    framed = np.zeros((n, side + 4, side + 4), dtype=np.float32)
    framed[:, 2:-2, 2:-2] = images
    views = np.lib.stride_tricks.sliding_window_view(framed, (side + 2, side + 2), axis=(1, 2))
    shifted: NDArray[np.float32] = views[np.arange(n), way // 3, way % 3]
    return shifted


def _gradient(framed: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Differences to the right and down, smoothed across, of images with a margin of 1."""
    above, here, below = framed[:, :-2], framed[:, 1:-1], framed[:, 2:]
    tall = above + 2 * here + below
    left, middle, right = framed[:, :, :-2], framed[:, :, 1:-1], framed[:, :, 2:]
    wide = left + 2 * middle + right
    eighth = np.float32(1 / 8)  # the weights 1 + 2 + 1, over a distance of two pixels
    return eighth * (tall[:, :, 2:] - tall[:, :, :-2]), eighth * (wide[:, 2:] - wide[:, :-2])
