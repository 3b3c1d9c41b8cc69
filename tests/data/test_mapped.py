"""A data file is mapped, never copied, and trains as the set in memory does, window by window."""

import subprocess
import sys
import textwrap

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

import fewfire as ff
from fewfire import datasets
from fewfire.data import mapped
from fewfire.data.epoch import windows_of
from texts import TEXTS, assert_same, converted


@pytest.fixture
def small_windows(monkeypatch):
    """Windows of about 20 examples."""
    monkeypatch.setattr(mapped, "WINDOW", 1000)


def test_arrays_are_mapped_and_never_copied(tmp_path):
    data = datasets.load(converted(tmp_path, TEXTS["header"]))
    for array in (data.X.data, data.X.indices, data.X.indptr, data.y.indices, data.y.indptr):
        assert is_mapped(array)
        assert not array.flags.writeable
    indptr, ids = data.label_lists()
    assert np.shares_memory(indptr, data.y.indptr)
    assert np.shares_memory(ids, data.y.indices)
    assert np.shares_memory(np.asarray(data.X.indptr, np.int64), data.X.indptr)
    part = data[40:90]
    assert is_mapped(part.X.data)
    assert is_mapped(part.X.indices)
    assert is_mapped(part.y.indices)
    assert data.y.data.strides == (0,)  # the ones of the labels: a single one is in memory


def is_mapped(array):
    while array is not None:
        if isinstance(array, np.memmap):
            return True
        array = array.base
    return False


SLICES = st.slices(300) | st.lists(st.integers(-300, 299), max_size=9)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chosen=SLICES, again=st.slices(40))
def test_parts_are_those_of_the_set_in_memory(chosen, again, both):
    data, twin = both
    assert_same(data[chosen], twin[chosen])
    assert_same(data[chosen][again], twin[chosen][again])


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mapped")
    return datasets.load(converted(folder, TEXTS["header"])), datasets.load_xc(folder / "a.txt")


def test_slices_that_end_before_they_begin_are_empty(both):
    for data in both:
        assert len(data[9:3]) == len(data[9:3].X.indptr) - 1 == 0


def test_parts_by_position_outside_are_refused(both):
    for data in both:
        with pytest.raises(IndexError):
            data[[300]]


def net(data, family="sign"):
    return ff.Network(
        ff.Linear(data.n_features, 20, "relu", ff.Hashed(density=0.3, family=family)),
        ff.Linear(20, data.n_labels),
    )


def fit(data, **options):
    trained = net(data)
    trainer = ff.Trainer(trained, max_epochs=2, n_jobs=1, batch_size=8, **options)
    return trained, trainer.fit(data, eval_sets={"same": data})


def test_a_set_of_one_window_trains_to_the_bits_of_the_set_in_memory(both):
    (one, history), (other, expected) = map(fit, both)
    for a, b in zip(one.weights(), other.weights(), strict=True):
        assert_array_equal(a, b)
    assert history[-1]["same/P@1"] == expected[-1]["same/P@1"]


def test_windows_hold_every_example_once_and_whole_batches(both, small_windows):
    data, twin = both
    found = list(windows_of(data, 8, np.random.default_rng(0)))
    assert len(found) > 5
    rows = np.concatenate([part.X[order].toarray() for part, order in found])
    assert_array_equal(np.sort(rows.sum(axis=1)), np.sort(twin.X.toarray().sum(axis=1)))
    assert sum(len(part) % 8 > 0 for part, _ in found) <= 1
    firsts = [part._rows.start for part, _ in found]
    assert firsts != sorted(firsts)
    assert all(len(order) == len(part) for part, order in found)


def test_windows_evaluate_as_the_set_in_memory(both, small_windows):
    data, twin = both
    trained, _ = fit(twin)
    got, expected = trained.evaluate(data), trained.evaluate(twin)
    assert dict(got) == pytest.approx(dict(expected))
    assert got.ledger.total == expected.ledger.total
    assert got.density == expected.density
    for a, b in zip(trained.predict_topk(data, 3), trained.predict_topk(twin, 3), strict=True):
        assert_array_equal(a, b)
    assert_array_equal(trained.decision_function(data), trained.decision_function(twin))


def test_training_in_windows_is_repeatable_and_maps_one_at_a_time(both, small_windows, monkeypatch):
    data = both[0]
    sizes = []
    part_of = mapped.DataFile.part
    monkeypatch.setattr(
        mapped.DataFile,
        "part",
        lambda *given: sizes.append(len(part := part_of(*given))) or part,
    )
    (one, _), (other, _) = fit(data), fit(data)
    assert max(sizes) <= 2 * data.window * 6  # entries: up to 6 features per example
    for a, b in zip(one.weights(), other.weights(), strict=True):
        assert_array_equal(a, b)


def test_means_are_learned_of_a_sample_of_a_file(both):
    nets = [net(data, family=ff.gates.SimHash(center=True)) for data in both]
    for trained, data in zip(nets, both, strict=True):
        ff.Trainer(trained, max_epochs=1, n_jobs=1).fit(data)
    assert_array_equal(nets[0].layers[0].center, nets[1].layers[0].center)


SCRIPT = """
    import resource
    import numpy as np
    import fewfire as ff
    from fewfire import datasets
    from fewfire.data import mapped
    from fewfire.data.readers import streaming
    streaming.PIECE, mapped.WINDOW = 1 << 20, 4 << 20
    allowed = 40 << 20
    used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + allowed, used + allowed))
    datasets.convert("a.txt", "a")
    data = datasets.load("a")
    assert 8 * data._file.arrays["X.data"].size > 3 * allowed
    net = ff.Network(ff.Linear(data.n_features, 2, "relu"), ff.Linear(2, data.n_labels))
    history = ff.Trainer(net, batch_size=4096, max_epochs=1, n_jobs=1).fit(data)
    assert history.n_examples == len(data)
    net.evaluate(data, n_jobs=1)
    try:
        datasets.load("a.txt")
    except OSError as error:
        print(error)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits and /proc are those of Linux")
def test_a_file_three_times_larger_than_the_memory_allowed_trains(tmp_path):
    row = "0,2 " + " ".join(f"{i}:0.5" for i in range(0, 400, 2)) + "\n"
    n_rows = 80_000
    with open(tmp_path / "a.txt", "w") as file:
        file.write(f"{n_rows} 400 3\n")
        for _ in range(n_rows // 1000):
            file.write(row * 1000)
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(SCRIPT)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "does not fit into memory: fewfire convert" in done.stdout


def test_weights_stay_with_their_examples(both, small_windows):
    mapped, _ = both
    weights = np.arange(len(mapped)) + 1.0
    weighed = mapped.weighing(weights)
    assert_array_equal(weighed[3:9].sample_weight, weights[3:9])
    assert_array_equal(np.concatenate([x.sample_weight for x in weighed.windows()]), weights)
    parts = weighed.hold_out(5)
    assert_array_equal(np.concatenate([x.sample_weight for x in parts]), weights)
