"""Training on two processes gives the bits of one thread, also where one is killed meanwhile."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import fewfire as ff
import fewfire.dask as fd
import workers
from tags import tagged, write_xc

distributed = pytest.importorskip("distributed", reason="needs dask: pip install 'fewfire[dask]'")
SMALL = {"labels_per_leaf": 5, "n_jobs": 1, "max_epochs": 2, "slowing": 0.0}


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """Text, and a data file of it, that workers read themselves."""
    folder = tmp_path_factory.mktemp("data")
    write_xc(folder / "train.txt", tagged())
    ff.datasets.convert(folder / "train.txt", folder / "train.data")
    return folder / "train.data"


@pytest.fixture(scope="module")
def data(path):
    return ff.datasets.load(path)


@pytest.fixture(scope="module")
def whole(data):
    return ff.Tagger("fast", n_trees=2, **SMALL).fit(data)


def fitted(data, client, **options):
    return fd.fit(ff.Tagger("fast", n_trees=2, **SMALL), data, client, **options)


def assert_same(one, other):
    (described, ours), (told, theirs) = one.state(), other.state()
    assert described == told
    assert ours.keys() == theirs.keys()
    for name, array in ours.items():
        assert_array_equal(array, theirs[name], err_msg=name)


@pytest.mark.parametrize("parts", [None, 3], ids=["whole trees", "parts"])
def test_files_that_workers_map_give_the_bits_of_one_thread(path, client, whole, parts):
    assert_same(fitted(str(path), client, parts=parts), whole)
    assert list(client.run(workers.n_kept).values()) == [0, 0]


def test_a_data_set_is_sent_and_settings_are_chosen_by_pilots_as_on_one_thread(client):
    data = tagged(n=900)
    options = {**SMALL, "slowing": None, "max_epochs": 1}
    one = fd.fit(ff.Tagger("fast", **options), data, client)
    assert_same(one, ff.Tagger("fast", **options).fit(data))


def test_a_worker_that_is_killed_is_replaced_and_the_bits_are_the_same(
    path, client, whole, monkeypatch, tmp_path
):
    killed = workers.KilledOnce(str(tmp_path / "killed"))
    monkeypatch.setattr("fewfire.dask.tasks.train", killed)
    assert_same(fitted(path, client, parts=2), whole)
    assert (tmp_path / "killed").exists()


def test_workers_that_are_lost_again_and_again_end_it_with_one_error(
    path, cluster, client, monkeypatch, tmp_path
):
    monkeypatch.setattr(cluster.scheduler, "allowed_failures", 0)
    killed = workers.KilledOnce(str(tmp_path / "killed"))
    monkeypatch.setattr("fewfire.dask.tasks.train", killed)
    tagger = ff.Tagger("fast", **SMALL)
    with pytest.raises(RuntimeError, match="workers were lost too often"):
        fd.fit(tagger, path, client, parts=2)
    assert not tagger.is_trained


def test_arrays_in_partitions_are_trained_on(client, data, whole):
    from dask import array

    X, y = (array.from_array(x.toarray(), chunks=(250, 70)) for x in (data.X, data.y))
    assert_same(fitted((X, y > 0), client), whole)


def test_bags_of_texts_are_trained_on():
    from dask import bag

    pytest.importorskip("sklearn", reason="texts need scikit-learn")
    texts, labels = ["a red cat", "a blue dog"] * 20, [["cat"], ["dog"]] * 20
    pair = (bag.from_sequence(texts, npartitions=2), bag.from_sequence(labels, npartitions=2))
    here = {"processes": False, "n_workers": 1, "dashboard_address": ":0"}
    with distributed.Client(**here) as client:  # which has imported scikit-learn
        tagger = fd.fit(ff.Tagger("fast"), pair, client)
    assert tagger.predict_topk(["red cat", "blue dog"], 1).names.ravel().tolist() == ["cat", "dog"]


def test_several_files_are_one_data_set(client, tmp_path):
    data = tagged()
    for name, rows in (("a.txt", slice(0, 300)), ("b.txt", slice(300, None))):
        write_xc(tmp_path / name, data[rows])
    write_xc(tmp_path / "all.txt", data)
    two = fitted([tmp_path / "a.txt", tmp_path / "b.txt"], client)
    assert_same(two, fitted(tmp_path / "all.txt", client))


def test_what_is_wrong_is_said_once_and_the_tagger_stays_as_it_was(client, path, tmp_path):
    tagger = ff.Tagger("fast", **SMALL)
    with pytest.raises(FileNotFoundError, match="nothing"):
        fd.fit(tagger, tmp_path / "nothing.txt", client)
    write_xc(tmp_path / "a.txt", tagged())
    write_xc(tmp_path / "b.txt", tagged(n_labels=41, n_noise=57))
    with pytest.raises(ValueError, match=r"b\.txt has 1 labels that .*a\.txt lacks"):
        fd.fit(tagger, [tmp_path / "a.txt", tmp_path / "b.txt"], client)
    with pytest.raises(ValueError, match="values"):
        fd.fit(tagger, ff.Dataset(np.eye(3), [0.5, 1.5, 2.25]), client)
    with pytest.raises(TypeError, match="data is a int"):
        fd.fit(tagger, 3, client)
    with pytest.raises(ValueError, match="parts must be at least 1"):
        fd.fit(tagger, path, client, parts=0)
    assert not tagger.is_trained


def test_a_closed_client_and_what_is_no_client_are_refused(cluster, path):
    client = distributed.Client(cluster)
    client.close()
    with pytest.raises(ValueError, match="the client is closed"):
        fd.fit(ff.Tagger(), path, client)
    with pytest.raises(TypeError, match=r"distributed\.Client, got str"):
        fd.fit(ff.Tagger(), path, "tcp://localhost:8786")


def test_progress_tells_what_is_trained_and_each_tree(client, path, capsys):
    fd.fit(ff.Tagger("fast", verbose=True, **SMALL), path, client, parts=2)
    told = capsys.readouterr().err
    assert "1 tree, 2 epochs" in told
    assert "tree 1/1: 2 epochs in" in told
