"""Variations of digits differ in nothing but what is varied, and share no digit or photograph."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from fewfire import datasets
from fewfire.data.generators import VARIATIONS, Patches, photographs_of, rotated, variations

UPRIGHT = ("random_background", "photographs")
N_TRAIN, N_TEST = 300, 100
BYTE = np.float32(255)


@pytest.fixture(scope="module")
def digits():
    """Images of bytes, a fifth of them ink, whose first two pixels tell their number."""
    rng = np.random.default_rng(0)
    n = N_TRAIN + N_TEST
    images = rng.integers(256, size=(n, 784)) * (rng.random((n, 784)) < 0.2)
    images[:, 0], images[:, 1] = np.arange(n) // 90 + 1, np.arange(n) % 90 + 1
    return images


@pytest.fixture(scope="module")
def folder(tmp_path_factory, digits):
    """The digits as a folder; the class of image i is 3 (i % 5)."""
    folder = tmp_path_factory.mktemp("digits")
    data = datasets.Dataset(digits / BYTE, 3 * (np.arange(len(digits)) % 5), n_labels=13)
    datasets.save_idx_folder(folder, data[:N_TRAIN], data[N_TRAIN:])
    return folder


@pytest.fixture(autouse=True)
def _photographs(monkeypatch):
    """Photographs for training have even grey levels, the one for testing odd ones."""
    rng = np.random.default_rng(3)
    train, test = [(40, 60), (28, 28)], [(50, 31)]
    parts = [
        [(2 * rng.integers(128, size=size) + odd) / BYTE for size in sizes]
        for odd, sizes in enumerate((train, test))
    ]
    monkeypatch.setattr(variations, "photographs_of", lambda folder: parts)


def vary(folder, variation, n_train=20, n_test=15, random_state=0, **options):
    return datasets.mnist_variation(
        folder, variation, n_train=n_train, n_test=n_test, random_state=random_state, **options
    )


def levels(images):
    return np.rint(images * 255).astype(np.uint8)


def numbers(images):
    """Which digits these are, unless they were turned."""
    high, low = levels(images[:, :2]).astype(int).T
    return (high - 1) * 90 + low - 1


@pytest.mark.parametrize("variation", VARIATIONS)
def test_images_are_grey_in_255ths_with_the_classes_of_the_folder(folder, variation):
    train, test = vary(folder, variation)
    assert (len(train), len(test)) == (20, 15)
    for part in (train, test):
        assert part.X.shape[1] == 784
        assert (part.X.dtype, part.y.dtype) == (np.float32, np.int32)
        assert 0 <= part.X.min() < part.X.max() <= 1
        assert_array_equal(part.X, levels(part.X) / BYTE)
        assert part.label_names == (0, 3, 6, 9, 12)
        assert part.encoding == train.encoding


@pytest.mark.parametrize("variation", VARIATIONS)
def test_the_same_seed_gives_the_same_bits_however_many_are_made_at_once(
    folder, variation, monkeypatch
):
    whole = vary(folder, variation, random_state=1)
    monkeypatch.setattr(variations, "AT_ONCE", 7)
    again, other = (vary(folder, variation, random_state=seed) for seed in (1, 2))
    for a, b, c in zip(whole, again, other, strict=True):
        assert a.X.tobytes() == b.X.tobytes()
        assert_array_equal(a.y, b.y)
        assert not np.array_equal(a.X, c.X)


@pytest.mark.parametrize("variation", VARIATIONS)
def test_the_first_images_depend_on_neither_size(folder, variation):
    few, many = vary(folder, variation, 5, 60), vary(folder, variation, 290, 3)
    for part, (a, b) in enumerate(zip(few, many, strict=True)):
        n = (5, 3)[part]
        assert_array_equal(a.X[:n], b.X[:n])
        assert_array_equal(a.y[:n], b.y[:n])


@pytest.mark.parametrize("variation", UPRIGHT)
def test_each_digit_is_taken_once_and_keeps_its_class(folder, variation):
    parts = vary(folder, variation, 333, 67)
    found = [numbers(part.X) for part in parts]
    assert_array_equal(np.sort(np.concatenate(found)), np.arange(400))
    for part, number in zip(parts, found, strict=True):
        assert_array_equal(part.y, number % 5)
    for number in found:  # both are drawn from both files
        assert 0 < (number < N_TRAIN).mean() < 1


def test_more_images_than_digits_are_refused(folder):
    with pytest.raises(ValueError, match=r"n_train \+ n_test is 401, .* holds 400: ask for fewer"):
        vary(folder, "rotated", 334, 67)
    with pytest.raises(ValueError, match=r"n_train \+ n_test is 62,000, .* holds 400"):
        datasets.mnist_variation(folder, "rotated")


@pytest.mark.parametrize("variation", UPRIGHT)
def test_the_background_shows_only_where_the_digit_is_0(folder, digits, variation):
    train, _ = vary(folder, variation, 300)
    ink = digits[numbers(train.X)]
    assert_array_equal(levels(train.X)[ink > 0], ink[ink > 0])
    assert (levels(train.X)[ink == 0] > 0).mean() > 0.95


def test_variations_of_a_seed_differ_in_nothing_but_what_is_varied(folder):
    made = {variation: vary(folder, variation)[0] for variation in VARIATIONS}
    turned, both = made["rotated"].X, made["rotated_photographs"].X
    assert_array_equal(both[turned > 0], turned[turned > 0])
    assert_array_equal(*(numbers(made[variation].X) for variation in UPRIGHT))
    behind, photographs = turned == 0, made["photographs"].X
    same = (both == photographs)[behind].mean()  # all but where the upright digit was
    assert 0.75 < same < 0.95
    for part in made.values():
        assert_array_equal(part.y, made["rotated"].y)


def test_random_backgrounds_have_each_grey_level_as_often(folder, digits):
    train, _ = vary(folder, "random_background", 300)
    noise = levels(train.X)[digits[numbers(train.X)] == 0]
    counts = np.bincount(noise, minlength=256)
    expected = len(noise) / 256
    assert abs(counts - expected).max() < 5 * expected**0.5
    pixels = train.X.reshape(-1, 28, 28)[:, 20, 5:25:2]
    assert abs(np.corrcoef(pixels.T) - np.eye(10)).max() < 0.3


def test_no_photograph_is_behind_both_training_and_test_digits(folder, digits):
    upright = vary(folder, "photographs", 100, 100)
    behind = [digits[numbers(part.X)] == 0 for part in upright]
    turned = vary(folder, "rotated_photographs", 100, 100)
    behind += [part.X == 0 for part in vary(folder, "rotated", 100, 100)]
    for i, part in enumerate((*upright, *turned)):
        assert_array_equal(levels(part.X)[behind[i]] % 2, i % 2)


def test_turning_by_nothing_changes_nothing(digits):
    images = digits.reshape(-1, 28, 28).astype(np.uint8)
    assert_array_equal(rotated(images, np.zeros(len(images))), images)


def test_turning_is_counter_clockwise_and_by_quarters_exact(digits):
    images = digits.reshape(-1, 28, 28).astype(np.uint8)
    for quarters in (1, 2, 3):
        turned = rotated(images, np.full(len(images), quarters * np.pi / 2))
        assert_array_equal(turned, np.rot90(images, quarters, axes=(1, 2)))


def test_turning_there_and_back_keeps_what_is_smooth():
    y, x = np.mgrid[:28, :28] - 13.5
    blob = np.uint8(255 * np.exp(-((y - 3) ** 2 + (x + 2) ** 2) / 18))[None]
    back = rotated(rotated(blob, [1.1]), [-1.1])
    assert abs(back.astype(int) - blob).max() < 12


def test_angles_are_uniform(tmp_path):
    images = np.zeros((600, 28, 28), np.float32)
    images[:, 2:5, 13:15] = 1  # above the middle
    data = datasets.Dataset(images.reshape(600, -1), np.arange(600) % 2)
    datasets.save_idx_folder(tmp_path, data[:300], data[300:])
    train, _ = vary(tmp_path, "rotated", 590, 10)
    y, x = np.mgrid[:28, :28].reshape(2, -1) - 13.5
    angles = np.arctan2(train.X @ -x, train.X @ -y)
    counts, _ = np.histogram(angles, bins=10, range=(-np.pi, np.pi))
    assert abs(counts - 59).max() < 35


def test_patches_come_from_all_places_with_texture_and_no_others():
    rng = np.random.default_rng(1)
    photograph = np.full((30, 70), 0.5)
    photograph[:, 40:] += np.linspace(-0.4, 0.4, 30) * rng.choice([-1, 1], size=(30, 1))
    grey = np.rint(photograph * 255)
    views = np.lib.stride_tricks.sliding_window_view(grey, (28, 28)).reshape(-1, 28, 28)
    textured = views[views.std(axis=(1, 2)) >= 16]
    assert 0 < len(textured) < len(views)
    drawn = Patches([np.zeros((40, 40)), photograph])(2000, rng)
    assert drawn.dtype == np.uint8
    assert {patch.tobytes() for patch in drawn} == {
        patch.astype(np.uint8).tobytes() for patch in textured
    }


def test_photographs_without_texture_are_refused():
    faint = np.indices((30, 30)).sum(axis=0) % 2 * 30 / 255  # a deviation of 15
    with pytest.raises(ValueError, match="no patch of 2 photographs has a standard deviation"):
        Patches([np.zeros((28, 40)), faint])
    assert len(Patches([faint * 16 / 15])(3, np.random.default_rng(0))) == 3


def test_every_photograph_that_is_shipped_has_texture():
    pytest.importorskip("skimage")
    train, test = photographs_of()
    for photograph in (*train, *test):
        assert Patches([photograph])(2, np.random.default_rng(0)).std(axis=(1, 2)).min() >= 16


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"variation": "blurred"}, "variation must be one of rotated, random_background"),
        ({"variation": None}, "variation must be one of"),
        ({"n_train": 0}, "n_train must be at least 1"),
        ({"n_test": -3}, "n_test must be at least 1"),
        ({"n_test": 2.5}, "n_test must be a whole number"),
        ({"random_state": -1}, "random_state must be at least 0"),
        ({"photographs": "somewhere"}, "rotated has no photographs behind its digits"),
    ],
)
def test_bad_arguments_are_refused_before_anything_is_read(options, named):
    with pytest.raises((ValueError, TypeError), match=named):
        vary("no folder", **{"variation": "rotated", **options})


def test_images_of_another_size_or_range_are_refused(tmp_path):
    for side, value, named in ((20, 1, "only images of 28 x 28 are varied"), (28, 2, "scale the")):
        data = datasets.Dataset(np.full((4, side * side), value, np.float32), [0, 1, 0, 1])
        datasets.save_idx_folder(tmp_path, data, data)
        with pytest.raises(ValueError, match=named):
            vary(tmp_path, "rotated", 1, 1)


def test_a_folder_that_is_missing_is_named(tmp_path):
    with pytest.raises((ValueError, OSError), match="nowhere"):
        vary(tmp_path / "nowhere", "rotated")
