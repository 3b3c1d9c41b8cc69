"""Image sets that are generated: convex shapes, rectangles, rectangles over photographs, strokes.

Every function draws `n` images of 28 x 28 pixels from a `numpy.random.Generator` and returns
float32 images (n, 784) with values from 0 to 1, and int32 labels (n,). The first three follow
Larochelle et al., "An empirical evaluation of deep architectures on problems with many factors of
variation" (ICML 2007), whose files are not to be had; what its text leaves open is settled here, so
compare methods on these sets with each other, never with a published number.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..files import PathLike

Images: TypeAlias = NDArray[np.float32]
Labels: TypeAlias = NDArray[np.int32]
SIDE = 28
CHUNK = 4096  # images worked on at once: their pixels stay in the cache of one core


def convex_images(n: int, rng: np.random.Generator) -> tuple[Images, Labels]:
    """Draw white shapes on black; label 1 if convex, 0 if not, with equal chance.

    A convex shape is an intersection of half-planes, each through a uniform point at a uniform
    angle; their number is geometric from 0, so about a third of the convex images are white all
    over. The other shapes are unions of 2 to 4 smaller ones that miss a pixel of their convex hull.

    >>> images, labels = convex_images(5, np.random.default_rng(0))
    >>> images.shape, labels.shape, np.unique(images)
    ((5, 784), (5,), array([0., 1.], dtype=float32))
    """
    labels = rng.integers(2, size=n, dtype=np.int32)
    shapes = np.zeros((n, SIDE, SIDE), dtype=bool)
    n_convex = int(labels.sum())
    shapes[labels == 1] = _collect(n_convex, lambda: _regions(CHUNK, 0.195, 19, rng))
    shapes[labels == 0] = _collect(n - n_convex, lambda: _unions(rng))
    return shapes.reshape(n, SIDE * SIDE).astype(np.float32), labels


def rectangle_images(n: int, rng: np.random.Generator) -> tuple[Images, Labels]:
    """Draw the white border of one rectangle on black; label 1 if it is wider than tall.

    Both sides are uniform from 1 to 28 pixels and differ by at least 3; the place is uniform.

    >>> images, labels = rectangle_images(5, np.random.default_rng(0))
    >>> images.shape, np.unique(images)
    ((5, 784), array([0., 1.], dtype=float32))
    """
    heights, widths = np.mgrid[1 : SIDE + 1, 1 : SIDE + 1].reshape(2, -1)
    outer, inner, labels = _rectangles(n, heights, widths, abs(heights - widths) >= 3, rng)
    return (outer & ~inner).reshape(n, SIDE * SIDE).astype(np.float32), labels


def rectangles_on_photographs(
    n: int, photographs: Sequence[NDArray[Any]], rng: np.random.Generator
) -> tuple[Images, Labels]:
    """Draw a patch of a photograph in a rectangle on another patch; label 1 if wider than tall.

    Both sides have 10 to 28 pixels and differ by at least 5; the area is 196 to 588 pixels.

    Parameters
    ----------
    photographs : sequence of 2-D float arrays, grey from 0 to 1, at least 28 x 28 pixels each

    >>> noise = [np.random.default_rng(1).random((40, 50))]
    >>> rectangles_on_photographs(5, noise, np.random.default_rng(0))[0].shape
    (5, 784)
    """
    heights, widths = np.mgrid[10 : SIDE + 1, 10 : SIDE + 1].reshape(2, -1)
    area = heights * widths
    allowed = (abs(heights - widths) >= 5) & (area >= 196) & (area <= 588)
    inside, _, labels = _rectangles(n, heights, widths, allowed, rng)
    images = np.where(inside, _patches(n, photographs, rng), _patches(n, photographs, rng))
    return images.reshape(n, SIDE * SIDE), labels


def stroke_images(n: int, rng: np.random.Generator) -> tuple[Images, Labels]:
    """Draw ten invented letters by a shaky hand, about as sparse as handwritten digits.

    A letter has three forms, each of two smooth strokes, the same for every seed. A hand bends
    them, turns, slants, scales and shifts the letter, changes pen and pressure, and leaves specks.

    >>> images, labels = stroke_images(5, np.random.default_rng(0))
    >>> images.shape, labels.dtype
    ((5, 784), dtype('int32'))
    """
    labels = rng.integers(N_LETTERS, size=n, dtype=np.int32)
    forms = _letters()[labels, rng.integers(N_FORMS, size=n)]
    parts = [_draw(forms[i : i + CHUNK], rng) for i in range(0, n, CHUNK)]
    return np.concatenate([np.empty((0, SIDE * SIDE), np.float32), *parts]), labels


# ---- convex -------------------------------------------------------------------------------------


def _collect(n: int, draw: Callable[[], NDArray[np.bool_]]) -> NDArray[np.bool_]:
    """The first `n` shapes of as many draws as it takes."""
    parts = [np.zeros((0, SIDE, SIDE), dtype=bool)]
    while sum(len(part) for part in parts) < n:
        parts.append(draw())
    return np.concatenate(parts)[:n]


def _regions(n: int, p: float, min_white: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Intersections of half-planes with at least `min_white` white pixels: what is left of `n`."""
    n_planes = rng.geometric(p, size=n) - 1  # numpy counts from 1
    regions = np.ones((n, SIDE * SIDE), dtype=bool)
    centres = np.arange(SIDE, dtype=np.float32) + 0.5
    done = 0
    while (n_planes > done).any():
        more = np.flatnonzero(n_planes > done)
        angle = rng.uniform(0, 2 * np.pi, size=len(more)).astype(np.float32)
        y, x = rng.uniform(0, SIDE, size=(2, len(more), 1)).astype(np.float32)
        down = (centres - y) * np.sin(angle)[:, None]
        right = (centres - x) * np.cos(angle)[:, None]
        side = down[:, :, None] >= -right[:, None, :]
        regions[more] &= side.reshape(len(more), -1)
        done += 1
        # A region only shrinks: one that is too small already need not be finished.
        kept = np.count_nonzero(regions, axis=1) >= min_white
        regions, n_planes = regions[kept], n_planes[kept]
    return regions.reshape(-1, SIDE, SIDE)


def _unions(rng: np.random.Generator) -> NDArray[np.bool_]:
    """Unions of 2, 3 or 4 regions that are not convex."""
    regions = _regions(4 * CHUNK, 0.07, 10, rng)
    regions = regions[: len(regions) // 4 * 4].reshape(-1, 4, SIDE, SIDE)
    n_parts = rng.integers(2, 5, size=len(regions))
    used = np.arange(4) < n_parts[:, None]
    unions: NDArray[np.bool_] = np.logical_or.reduce(regions & used[:, :, None, None], axis=1)
    return unions[~fills_its_hull(unions)]


def fills_its_hull(shapes: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return for each of (n, height, width) shapes whether no pixel of its convex hull is missing.

    In row j the hull spans what any two rows i <= j <= k span by straight lines between their
    outermost pixels. Rounding inwards keeps the pixel centres inside and commutes with the minimum.
    """
    width = shapes.shape[2]
    far = 1000 * width  # where an empty row starts: any mean with it stays outside the image
    white = shapes.any(axis=2)
    first = np.where(white, shapes.argmax(axis=2), far)
    last_mirrored = np.where(white, shapes[:, :, ::-1].argmax(axis=2), far)
    span = np.zeros(white.shape, dtype=np.int64)
    for edge in (first, last_mirrored):
        span -= _hull_edge(edge)
    span = np.maximum(span + width, 0)
    full: NDArray[np.bool_] = (span == shapes.sum(axis=2)).all(axis=1)
    return full


def _hull_edge(first: NDArray[Any]) -> NDArray[np.int64]:
    """First column inside the hull, per row, from the first white one of each row (n, height)."""
    height = first.shape[1]
    edge = first.astype(np.int64)
    for j in range(1, height - 1):
        i, k = (rows.ravel() for rows in np.mgrid[0:j, j + 1 : height])
        above, below = first[:, i] * (k - j), first[:, k] * (j - i)
        between = -(-(above + below) // (k - i))  # rounded up
        edge[:, j] = np.minimum(edge[:, j], between.min(axis=1))
    return edge


# ---- rectangles ---------------------------------------------------------------------------------


def _rectangles(
    n: int,
    heights: NDArray[Any],
    widths: NDArray[Any],
    allowed: NDArray[np.bool_],
    rng: np.random.Generator,
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], Labels]:
    """Masks (n, 28, 28) of rectangles, uniform in allowed size and place, and of their insides
    without the border; label 1 if wider than tall."""
    size = rng.choice(np.flatnonzero(allowed), size=n)
    height, width = heights[size], widths[size]
    top, left = rng.integers(SIDE - height + 1), rng.integers(SIDE - width + 1)
    outer = _box(top, top + height, left, left + width)
    inner = _box(top + 1, top + height - 1, left + 1, left + width - 1)
    return outer, inner, (width > height).astype(np.int32)


def _box(
    top: NDArray[Any], bottom: NDArray[Any], left: NDArray[Any], right: NDArray[Any]
) -> NDArray[np.bool_]:
    pixel = np.arange(SIDE)
    rows = (pixel >= top[:, None]) & (pixel < bottom[:, None])
    columns = (pixel >= left[:, None]) & (pixel < right[:, None])
    box: NDArray[np.bool_] = rows[:, :, None] & columns[:, None, :]
    return box


def _patches(n: int, photographs: Sequence[NDArray[Any]], rng: np.random.Generator) -> Images:
    """Patches (n, 28, 28): the photograph is uniform, and so is the place in it."""
    patches = np.empty((n, SIDE, SIDE), dtype=np.float32)
    source = rng.integers(len(photographs), size=n)
    for i, photograph in enumerate(photographs):
        places = np.lib.stride_tricks.sliding_window_view(photograph, (SIDE, SIDE))
        mine = np.flatnonzero(source == i)
        top = rng.integers(places.shape[0], size=len(mine))
        left = rng.integers(places.shape[1], size=len(mine))
        patches[mine] = places[top, left]
    return patches


# Photographs in the scikit-image wheel that are in the public domain, CC0, or without known
# restrictions. Training and test share none: a test must not reward a memory of textures.
TRAIN_PHOTOGRAPHS = (
    "astronaut.png",
    "rocket.jpg",
    "camera.png",
    "chelsea.png",
    "coffee.png",
    "retina.jpg",
    "brick.png",
    "grass.png",
)
TEST_PHOTOGRAPHS = (
    "hubble_deep_field.jpg",
    "clock_motion.png",
    "coins.png",
    "ihc.png",
    "gravel.png",
)


def photographs_of(
    folder: PathLike | None = None,
) -> tuple[list[NDArray[np.float32]], list[NDArray[np.float32]]]:
    """Read grey photographs, (height, width) from 0 to 1, for training and, others, for testing.

    Parameters
    ----------
    folder : path, optional
        Its images, by name, go to training and testing in turn. Without a folder: thirteen free
        photographs that come with scikit-image.

    Raises
    ------
    ImportError
        If scikit-image is not installed.
    ValueError
        If a file cannot be read, or fewer than two images are at least 28 x 28 pixels.
    """
    try:
        import skimage.data
    except ImportError as error:
        raise ImportError(
            "rectangles_images reads photographs with scikit-image; "
            "install it: pip install 'fewfire[images]'"
        ) from error
    if folder is None:
        shipped = Path(skimage.data.__file__).parent
        train, test = (
            [_read_grey(shipped / name) for name in names]
            for names in (TRAIN_PHOTOGRAPHS, TEST_PHOTOGRAPHS)
        )
        return train, test
    usable = [grey for grey in _folder_images(Path(folder)) if min(grey.shape) >= SIDE]
    if len(usable) < 2:
        raise ValueError(
            f"{folder} holds {len(usable)} images of at least {SIDE} x {SIDE} pixels; "
            "give at least two, one to train and one to test on"
        )
    return usable[::2], usable[1::2]


def _folder_images(folder: Path) -> Iterator[NDArray[np.float32]]:
    suffixes = {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".gif"}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in suffixes:
            yield _read_grey(path)


def _read_grey(path: Path) -> NDArray[np.float32]:
    from skimage import color, util
    from skimage.io import imread

    try:
        image = imread(io.BytesIO(path.read_bytes()))  # imageio leaves a file it cannot read open
    except Exception as error:  # the decoders raise whatever they like
        raise ValueError(f"{path} is not an image that scikit-image can read: {error}") from error
    if image.ndim == 3 and image.shape[2] in (3, 4):
        image = color.rgb2gray(image[:, :, :3])
    if image.ndim != 2:
        raise ValueError(f"{path} has shape {image.shape}; give one grey or RGB image per file")
    scaled: Any = util.img_as_float32
    return np.asarray(scaled(image), dtype=np.float32)


# ---- strokes ------------------------------------------------------------------------------------

# With the sizes below, a linear model trained on 12,000 images reaches about .90 and a dense net
# about .98; 83 % of the pixels are 0, where MNIST has 81 %.
N_LETTERS, N_FORMS, N_STROKES, N_KNOTS = 10, 3, 2, 4
SPECKS = 0.03  # share of the pixels


def _letters() -> NDArray[np.float32]:
    """Knots (letter, form, stroke, knot, xy) from -1 to 1, the same for every seed."""
    rng = np.random.default_rng(2017)
    shape = (N_LETTERS, N_FORMS, N_STROKES, N_KNOTS, 2)
    return np.asarray(rng.uniform(-1, 1, size=shape), dtype=np.float32)


def _draw(forms: NDArray[np.float32], rng: np.random.Generator) -> Images:
    n = len(forms)
    knots = forms + rng.normal(0, 0.08, size=forms.shape)
    knots = np.einsum("nskx,nyx->nsky", knots, _hands(n, rng)) * 9.5 + (SIDE - 1) / 2
    knots += rng.uniform(-1.2, 1.2, size=(n, 1, 1, 2))
    ink = np.einsum("pk,nskx->nspx", _bernstein(14), knots).reshape(n, -1, 2).astype(np.float32)
    pixel = np.arange(SIDE, dtype=np.float32)
    nearest = np.full((n, SIDE, SIDE), np.inf, dtype=np.float32)
    for x, y in ink.transpose(1, 2, 0)[:, :, :, None]:
        down, right = (pixel - y) ** 2, (pixel - x) ** 2
        np.minimum(nearest, down[:, :, None] + right[:, None, :], out=nearest)
    pen, pressure = rng.uniform([1.2, 0.7], [1.8, 1.0], size=(n, 2)).astype(np.float32).T
    images = np.clip(pen[:, None, None] + 0.5 - np.sqrt(nearest), 0, 1) * pressure[:, None, None]
    images *= 1 - 0.5 * rng.random(images.shape, dtype=np.float32)
    specks = rng.random(images.shape, dtype=np.float32)
    images = np.where(specks < SPECKS, specks / np.float32(SPECKS), images)
    rows: Images = images.reshape(n, -1).astype(np.float32)
    return rows


def _hands(n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Turn, slant and scale, as matrices (n, 2, 2)."""
    turn, slant = rng.normal(0, 0.1, size=(2, n))
    tall, wide = rng.uniform(0.85, 1.15, size=(2, n))
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    shape = np.array([[wide, slant], [np.zeros(n), tall]])
    return np.asarray(np.einsum("ijn,jkn->nik", rotation, shape))


def _bernstein(n_points: int) -> NDArray[np.float64]:
    """Weights (n_points, 4) of a cubic Bezier curve's knots at `n_points` places along it."""
    t = np.linspace(0, 1, n_points)[:, None]
    power = np.arange(4)
    weights: NDArray[np.float64] = np.array([1, 3, 3, 1]) * t**power * (1 - t) ** (3 - power)
    return weights
