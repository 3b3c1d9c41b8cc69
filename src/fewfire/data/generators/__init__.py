"""Image sets that are generated: convex shapes, rectangles, rectangles over photographs, strokes.

Every function draws `n` images of 28 x 28 pixels from a `numpy.random.Generator` and returns
float32 images (n, 784) with values from 0 to 1, and int32 labels (n,). The first three follow
Larochelle et al., "An empirical evaluation of deep architectures on problems with many factors of
variation" (ICML 2007). Its files are not available; what its text leaves open is settled here, so
compare methods on these sets with each other, never with a published number.

`Deformed` makes as many images as one likes from a few, square and of any size; `mnist_variation`
turns the digits of a folder, or lays them before noise or photographs.
"""

from .convex import convex_images, fills_its_hull
from .deformations import Deformed
from .patches import Patches
from .photographs import TEST_PHOTOGRAPHS, TRAIN_PHOTOGRAPHS, photographs_of
from .rectangles import rectangle_images, rectangles_on_photographs
from .strokes import N_LETTERS, stroke_images
from .variations import ON_PHOTOGRAPHS, VARIATIONS, mnist_variation, rotated

__all__ = [
    "N_LETTERS",
    "ON_PHOTOGRAPHS",
    "TEST_PHOTOGRAPHS",
    "TRAIN_PHOTOGRAPHS",
    "VARIATIONS",
    "Deformed",
    "Patches",
    "convex_images",
    "fills_its_hull",
    "mnist_variation",
    "photographs_of",
    "rectangle_images",
    "rectangles_on_photographs",
    "rotated",
    "stroke_images",
]
