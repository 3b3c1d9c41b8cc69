"""The generated image sets follow their recipes, and the same seed gives the same bits."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.sparse import csr_array
from scipy.spatial import ConvexHull, QhullError

from fewfire import datasets
from fewfire.data import generators

PATTERNED = {
    "convex": generators.convex_images,
    "rectangles": generators.rectangle_images,
    "strokes": generators.stroke_images,
}


@pytest.fixture(scope="module")
def convex():
    return generators.convex_images(3000, np.random.default_rng(5))


@pytest.fixture(scope="module")
def noise():
    rng = np.random.default_rng(3)
    return [rng.random((40, 60), dtype=np.float32), rng.random((28, 28), dtype=np.float32)]


@pytest.mark.parametrize("name", PATTERNED)
def test_the_same_seed_gives_the_same_bits(name):
    draw = getattr(datasets, name)
    first, second, other = (draw(50, 30, random_state=seed) for seed in (1, 1, 2))
    for a, b, c in zip(first, second, other, strict=True):
        assert_array_equal(a.X, b.X)
        assert_array_equal(a.y, b.y)
        assert not np.array_equal(a.X, c.X)


@pytest.mark.parametrize("name", PATTERNED)
def test_the_test_set_does_not_depend_on_the_size_of_the_training_set(name):
    draw = getattr(datasets, name)
    assert_array_equal(draw(10, 30)[1].X, draw(70, 30)[1].X)


@pytest.mark.parametrize("name", PATTERNED)
@pytest.mark.parametrize("n", [0, 1, 17])
def test_any_size_has_rows_of_784_from_0_to_1(name, n):
    images, labels = PATTERNED[name](n, np.random.default_rng(0))
    assert images.shape == (n, 784)
    assert labels.shape == (n,)
    assert (images.dtype, labels.dtype) == (np.float32, np.int32)
    assert ((images >= 0) & (images <= 1)).all()


def test_convex_shapes_are_white_or_black_and_half_are_convex(convex):
    images, labels = convex
    assert set(np.unique(images)) == {0, 1}
    assert abs(labels.mean() - 0.5) < 0.04
    assert images[labels == 1].sum(axis=1).min() >= 19
    assert images[labels == 0].sum(axis=1).min() >= 10


def test_convex_classes_have_the_same_white_on_average(convex):
    images, labels = convex
    white = images.sum(axis=1)
    assert abs(white[labels == 1].mean() - 449) < 25
    assert abs(white[labels == 0].mean() - 444) < 25


def test_a_third_of_the_convex_images_is_white_all_over(convex):
    images, labels = convex
    assert abs(images[labels == 1].all(axis=1).mean() - 0.34) < 0.05


def test_labels_agree_with_the_hull_that_qhull_finds(convex):
    images, labels = convex
    for image, label in zip(images[:400], labels, strict=False):
        assert hull_is_white(image.reshape(28, 28) > 0) == bool(label)


def test_fills_its_hull_agrees_with_qhull_on_scattered_pixels():
    rng = np.random.default_rng(8)
    shapes = rng.random((500, 5, 6)) < rng.uniform(0.02, 1, size=(500, 1, 1))
    got = generators.fills_its_hull(shapes)
    assert 0 < got.sum() < 500
    assert_array_equal(got, [hull_is_white(shape) for shape in shapes])


def test_rectangles_are_one_border_labelled_by_its_longer_side():
    images, labels = generators.rectangle_images(1000, np.random.default_rng(2))
    for image, label in zip(images.reshape(-1, 28, 28), labels, strict=True):
        rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
        border = np.zeros((28, 28))
        border[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = 1
        border[rows[0] + 1 : rows[-1], columns[0] + 1 : columns[-1]] = 0
        assert_array_equal(image, border)
        assert abs(len(rows_between(rows)) - len(rows_between(columns))) >= 3
        assert label == (len(rows_between(columns)) > len(rows_between(rows)))
    assert abs(labels.mean() - 0.5) < 0.06


def test_rectangles_on_photographs_have_the_sides_and_area_of_the_recipe():
    dark, light = np.zeros((30, 30), np.float32), np.ones((30, 30), np.float32)
    images, labels = generators.rectangles_on_photographs(
        1000, [dark, light], np.random.default_rng(2)
    )
    seen = 0
    for image, label in zip(images.reshape(-1, 28, 28), labels, strict=True):
        area = image.sum()
        height, width = image.any(axis=1).sum(), image.any(axis=0).sum()
        if area == height * width and 0 < max(height, width) < 28:  # surely light on dark
            seen += 1
            assert 196 <= area <= 588
            assert min(height, width) >= 10
            assert abs(height - width) >= 5
            assert label == (width > height)
    assert seen > 150


def test_patches_are_cut_from_the_photographs(noise):
    images, _ = generators.rectangles_on_photographs(20, noise, np.random.default_rng(0))
    assert np.isin(images, np.concatenate([photograph.ravel() for photograph in noise])).all()


def test_photographs_of_scikit_image_are_grey_and_free():
    pytest.importorskip("skimage")
    train, test = generators.photographs_of()
    assert len(train) + len(test) == 13
    assert not set(generators.TRAIN_PHOTOGRAPHS) & set(generators.TEST_PHOTOGRAPHS)
    for photograph in (*train, *test):
        assert photograph.dtype == np.float32
        assert min(photograph.shape) >= 28
        assert 0 <= photograph.min() < photograph.max() <= 1
    assert datasets.rectangles_images(20, 10)[0].n_labels == 2


def test_a_folder_of_images_trains_and_tests_on_different_ones(tmp_path):
    io = pytest.importorskip("skimage.io")
    io.imsave(tmp_path / "a.png", np.full((30, 30), 51, np.uint8), check_contrast=False)
    io.imsave(tmp_path / "b.png", np.full((30, 30, 3), 102, np.uint8), check_contrast=False)
    io.imsave(tmp_path / "c.png", np.full((9, 9), 153, np.uint8), check_contrast=False)
    train, test = datasets.rectangles_images(5, 5, photographs=tmp_path)
    np.testing.assert_allclose(train.X, 0.2, rtol=1e-6)
    np.testing.assert_allclose(test.X, 0.4, rtol=1e-6)


def test_a_folder_without_usable_images_is_named(tmp_path):
    pytest.importorskip("skimage")
    with pytest.raises(ValueError, match=f"{tmp_path.name} holds 0 images"):
        datasets.rectangles_images(5, 5, photographs=tmp_path)
    (tmp_path / "a.png").write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"a\.png is not an image"):
        datasets.rectangles_images(5, 5, photographs=tmp_path)


def test_without_scikit_image_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "skimage.data", None)
    with pytest.raises(ImportError, match=r"fewfire\[images\]"):
        datasets.rectangles_images(5, 5)


def test_strokes_are_ten_letters_about_as_sparse_as_digits():
    images, labels = generators.stroke_images(2000, np.random.default_rng(1))
    assert set(labels) == set(range(10))
    assert 0.78 < (images == 0).mean() < 0.86


def test_strokes_are_harder_than_their_class_means():
    train, test = datasets.strokes(3000, 1000)
    means = np.array([train.X[train.y == label].mean(axis=0) for label in range(10)])
    distance = ((test.X[:, None] - means) ** 2).sum(axis=2)
    nearest_mean = (distance.argmin(axis=1) == test.y).mean()
    gaps = (test.X**2).sum(1)[:, None] - 2 * test.X @ train.X.T + (train.X**2).sum(1)
    nearest_example = (train.y[gaps.argmin(axis=1)] == test.y).mean()
    assert 0.5 < nearest_mean < 0.9
    assert nearest_example > nearest_mean + 0.05


@pytest.fixture(scope="module")
def strokes():
    return datasets.strokes(600, 200)


@pytest.fixture(scope="module")
def deformed(strokes):
    return datasets.Deformed(strokes[0], 100 * 600, random_state=3)


def test_the_first_deformed_images_are_the_originals(strokes, deformed):
    assert_array_equal(deformed.batch(0, 600)[0], strokes[0].X)
    assert_array_equal(deformed.batch(590, 20)[0][:10], strokes[0].X[590:])
    assert (deformed.batch(600, 600)[0] != strokes[0].X).any(axis=1).all()


@pytest.mark.parametrize(("first", "n"), [(0, 1), (599, 2), (601, 256), (1000, 513), (1799, 1)])
def test_any_slice_of_deformed_images_has_the_same_bits(strokes, deformed, first, n):
    whole, y = deformed.batch(0, 1800)
    again = datasets.Deformed(strokes[0], first + n, random_state=3)
    for images in (deformed, again):
        part = images[first : first + n]
        assert part.X.tobytes() == whole[first : first + n].tobytes()
        assert_array_equal(part.y, y[first : first + n])


def test_deformed_images_far_out_are_made_like_the_first(strokes):
    images = datasets.Deformed(strokes[0], 10**15)
    assert_array_equal(images.batch(10**14 + 1, 9)[0][1:], images.batch(10**14 + 2, 8)[0])


def test_another_seed_deforms_otherwise(strokes, deformed):
    other = datasets.Deformed(strokes[0], 1200, random_state=4)
    assert_array_equal(other.batch(0, 600)[0], strokes[0].X)
    assert (other.batch(600, 600)[0] != deformed.batch(600, 600)[0]).any(axis=1).all()


def test_deformed_images_are_grey_from_0_to_1_in_255ths(deformed):
    images, _ = deformed.batch(600, 1000)
    assert images.dtype == np.float32
    assert 0 == images.min() < images.max() == 1
    assert_array_equal(images, np.rint(images * 255) / np.float32(255))


def test_deforming_leaves_the_source_alone_and_black_black():
    source = datasets.Dataset(np.zeros((2, 25)))
    images, y = datasets.Deformed(source, 50).batch(0, 50)
    assert y is None
    assert not images.any()
    source = datasets.strokes(5, 1)[0]
    before = source.X.copy()
    datasets.deformed(source, 50)
    assert_array_equal(source.X, before)


def test_deformed_images_have_the_targets_of_their_source():
    X = np.random.default_rng(0).random((3, 16))
    for y in (["b", "a", "c"], [-1, 1, 7], [0.5, 1.25, 3.0], csr_array(np.eye(3, 4))):
        source = datasets.Dataset(X, y)
        images = datasets.deformed(source, 8)
        assert images.encoding == source.encoding
        got, expected = (part.y for part in (images, source[[0, 1, 2, 0, 1, 2, 0, 1]]))
        if isinstance(expected, csr_array):
            got, expected = got.toarray(), expected.toarray()
        assert_array_equal(got, expected)


def test_deformed_images_resemble_their_source_more_than_another_class(strokes, deformed):
    X, y = strokes[0].X, strokes[0].y
    images, _ = deformed.batch(6000, 600)
    own = np.sqrt(((images - X) ** 2).sum(axis=1))
    others = [np.flatnonzero(y != label)[i % 500] for i, label in enumerate(y)]
    other = np.sqrt(((images - X[others]) ** 2).sum(axis=1))
    assert 1 < own.mean() < 0.8 * other.mean()
    assert (own < other).mean() > 0.95


def test_deformed_letters_are_still_recognised(strokes):
    test = strokes[1]
    images = datasets.deformed(test, 1000, random_state=1)[200:]
    original, moved = (nearest_label(strokes[0], part.X) == part.y for part in (test, images))
    assert moved.mean() > 0.7
    assert moved.mean() > original.mean() - 0.2


def test_training_on_deformed_letters_helps(strokes, deformed):
    test = datasets.strokes(1, 1500)[1]
    few, many = strokes[0], deformed[:6000]
    original, more = (nearest_label(part, test.X) == test.y for part in (few, many))
    assert more.mean() > original.mean()


def nearest_label(train, X):
    gaps = (train.X**2).sum(axis=1) - 2 * X @ train.X.T
    return train.y[gaps.argmin(axis=1)]


def test_what_cannot_be_deformed_is_refused(strokes):
    Dataset, Deformed = datasets.Dataset, datasets.Deformed
    for source in (
        Dataset(np.zeros((2, 15))),
        Dataset(np.zeros((2, 0))),
        Dataset(csr_array(np.eye(4))),
        strokes[0][:0],
    ):
        with pytest.raises(ValueError, match=r"only square images, dense, .* not Dataset"):
            Deformed(source, 10)
    for value in (-0.5, 255):
        with pytest.raises(ValueError, match=r"scale the images to 0\.\.1"):
            Deformed(Dataset(np.full((2, 4), value)), 10)
    with pytest.raises(ValueError, match="n must be at least 1"):
        datasets.deformed(strokes[0], 0)
    with pytest.raises(ValueError, match="random_state must be at least 0"):
        datasets.deformed(strokes[0], 5, random_state=-1)
    with pytest.raises(MemoryError, match="a set of 10,000,000,000 images takes"):
        datasets.deformed(strokes[0], 10**10)


def test_deformed_images_beyond_the_end_are_refused_by_batch_and_cut_by_slices(strokes):
    images = datasets.Deformed(strokes[0], 700)
    assert len(images) == 700
    assert len(images[690:900]) == 10
    assert len(images[-5:]) == 5
    assert len(images[500:3]) == len(images.batch(700, 0)[0]) == 0
    for first, n in ((690, 11), (701, 0), (-1, 1), (5, -1)):
        with pytest.raises(ValueError, match="must be at least 0 and at most"):
            images.batch(first, n)
    for wrong in (3, slice(0, 10, 2)):
        with pytest.raises(TypeError, match="neighbouring images"):
            images[wrong]


def rows_between(places):
    return range(places[0], places[-1] + 1)


def hull_is_white(shape):
    """No black pixel centre is in the hull, by Qhull, or by hand where all white is in line."""
    white = np.argwhere(shape)
    black = np.argwhere(~shape)
    if len(white) < 2 or len(black) == 0:
        return True
    try:
        faces = ConvexHull(white).equations
    except QhullError:  # all in one line
        start, end = white[0], white[-1]  # argwhere sorts by rows, so these are the two ends
        along = (black - start) @ (end - start)
        offset = (black - start) @ np.array([-(end - start)[1], (end - start)[0]])
        return not ((offset == 0) & (along > 0) & (along < (end - start) @ (end - start))).any()
    return not (black @ faces[:, :2].T + faces[:, 2] <= 1e-9).all(axis=1).any()
