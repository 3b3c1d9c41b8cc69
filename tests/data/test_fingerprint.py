"""A fingerprint tells training sets apart, in memory, in files and made from others."""

import numpy as np
import pytest
from scipy.sparse import csr_array

import fewfire as ff
from fewfire.data.fingerprint import fingerprint
from tags import tagged, write_xc

RNG = np.random.default_rng(0)
DENSE = ff.Dataset(RNG.random((50, 4)), RNG.integers(0, 3, 50), n_labels=3)
VALUES = ff.Dataset(DENSE.X, DENSE.X[:, :2])


def changed(array, place):
    other = array.copy()
    other[place] += 1
    return other


def test_equal_data_have_equal_fingerprints():
    for data in (DENSE, VALUES, tagged(n=90)):
        assert fingerprint(data) == fingerprint(data[np.arange(len(data))])
    wide = tagged(n=90)
    narrow = csr_array((wide.X.data, wide.X.indices.astype(np.int64), wide.X.indptr), wide.X.shape)
    assert fingerprint(wide) == fingerprint(ff.Dataset(narrow, wide.y))


@pytest.mark.parametrize("place", [0, 7, 49])
def test_every_value_and_target_counts(place):
    X, y = np.asarray(DENSE.X), np.asarray(DENSE.y)
    seen = {
        fingerprint(data)
        for data in (
            DENSE,
            ff.Dataset(changed(X, (place, 3)), y, n_labels=3),
            ff.Dataset(X, np.where(np.arange(50) == place, (y + 1) % 3, y), n_labels=3),
            VALUES,
            ff.Dataset(X, changed(np.asarray(VALUES.y), (place, 1))),
            DENSE[:place],
            ff.Dataset(X),
        )
    }
    assert len(seen) == 7


def test_data_in_a_file_have_one(tmp_path):
    files = []
    for seed in (0, 0, 1):
        text, path = tmp_path / "text", tmp_path / f"{len(files)}.safetensors"
        write_xc(text, tagged(n=300, seed=seed))
        ff.datasets.convert(text, path)
        files.append(ff.datasets.load(path))
    numbers = [fingerprint(data) for data in files]
    assert numbers[0] == numbers[1] != numbers[2]
    assert fingerprint(files[0][:200]) != numbers[0]


def test_deformed_images_have_that_of_their_source_and_seed():
    source = ff.Dataset(np.eye(9, dtype=np.float32), np.arange(9))
    numbers = [
        fingerprint(ff.datasets.Deformed(source, n, random_state=seed))
        for n, seed in ((90, 0), (90, 0), (91, 0), (90, 1))
    ]
    assert numbers[0] == numbers[1]
    assert len(set(numbers)) == 3
