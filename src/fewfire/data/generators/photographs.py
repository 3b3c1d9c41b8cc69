"""Photographs to cut patches from."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...base.checks import said
from ...base.files import PathLike
from .canvas import SIDE

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
            "photographs are read with scikit-image; install it: pip install 'fewfire[images]'"
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
        raise ValueError(
            f"{path} is not an image that scikit-image can read: {said(error)}"
        ) from error
    if image.ndim == 3 and image.shape[2] in (3, 4):
        image = color.rgb2gray(image[:, :, :3])
    if image.ndim != 2:
        raise ValueError(f"{path} has shape {image.shape}; give one grey or RGB image per file")
    scaled: Any = util.img_as_float32
    return np.asarray(scaled(image), dtype=np.float32)
