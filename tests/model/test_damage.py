"""Damaged files of every kind of model: any bit that changed is noticed, and whatever a file says
that no model says is one clear error."""

import json

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import fewfire as ff
from fewfire.base import checksum
from fewfire.base.files import read_model
from model_contract import MAKERS
from tags import tagged

DATA = tagged(n=300, n_labels=30, names=[f"tag {i}" for i in range(30)])
SIMHASH = ff.Hashed(0.5, ff.gates.SimHash(n_bits=3, center=True, redraw_every=7), soft=False)
CENTROID = ff.Hashed(0.5, ff.gates.Centroid(n_cells=4))


def checkpoint(path):
    net = ff.Network(
        ff.Linear(DATA.n_features, 16, "relu", SIMHASH, dtype="bfloat16"),
        ff.Linear(16, 20, "relu", CENTROID),
        ff.Linear(20, 30, gate=ff.gates.AdaptiveDropout()),
    )
    callbacks = [ff.callbacks.Checkpoint(path)]
    ff.Trainer(net, max_epochs=1, n_jobs=1, callbacks=callbacks).fit(DATA)


FILES = {
    "checkpoint": checkpoint,
    **{
        make.__name__: lambda path, make=make: make(DATA).save(path)
        for makers in MAKERS.values()
        for make in makers
    },
}


@pytest.fixture(scope="module", params=FILES)
def saved(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("files") / "good"
    FILES[request.param](path)
    return path


many = settings(
    deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@many
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
@example(place=0.0, bit=3)
def test_any_bit_that_changed_is_noticed(saved, tmp_path, place, bit):
    content = bytearray(saved.read_bytes())
    content[int(place * len(content))] ^= 1 << bit
    (tmp_path / "bad").write_bytes(content)
    for mapped in (False, True):
        with pytest.raises(ff.errors.FormatError, match="bad"):
            ff.load(tmp_path / "bad", mapped=mapped)


def test_any_bit_of_the_checksum_and_of_its_name_is_noticed(saved, tmp_path):
    content = saved.read_bytes()
    place = content.index(checksum.KEY.encode())
    for at in range(place - 4, place + len(checksum.KEY) + 14):
        for bit in range(8):
            bad = bytearray(content)
            bad[at] ^= 1 << bit
            (tmp_path / "bad").write_bytes(bad)
            with pytest.raises(ff.errors.FormatError, match="bad"):
                ff.load(tmp_path / "bad")


def rewritten(saved, path, change):
    """The file with its header changed by `change`, and without a checksum."""
    content = saved.read_bytes()
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    header["__metadata__"].pop(checksum.KEY)
    text = json.dumps(change(header) or header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + content[8 + size :])
    return path


@pytest.mark.parametrize("mapped", [False, True])
def test_a_file_without_a_checksum_is_read(saved, tmp_path, mapped):
    """Its header has any length: arrays may not be aligned."""
    model = ff.load(rewritten(saved, tmp_path / "old", lambda header: None), mapped=mapped)
    best = model.predict_topk(DATA, 3).indices
    np.testing.assert_array_equal(best, ff.load(saved).predict_topk(DATA, 3).indices)


TYPES = ["F8_E4M3", "F8_E5M2", "F16", "BOOL", "I8", "I16", "U16", "C64", "F64", "F4", "", 7, None]


@pytest.mark.parametrize("kind", TYPES)
def test_an_array_of_another_type_is_refused_by_its_name(saved, tmp_path, kind):
    names = list(read_model(saved)[1])
    path = rewritten(saved, tmp_path / "bad", lambda header: header[names[0]].update(dtype=kind))
    with pytest.raises(ff.errors.FormatError, match=rf"bad.*{names[0]}.* of the type"):
        ff.load(path)


ENTRIES = {
    "more than there is": lambda entry: entry.update(shape=[2**40], data_offsets=[0, 2**42]),
    "a shape beyond all numbers": lambda entry: entry.update(shape=[2**63, 2**63]),
    "a negative shape": lambda entry: entry.update(shape=[-1]),
    "half a value": lambda entry: entry.update(shape=[0.5]),
    "a shape of words": lambda entry: entry.update(shape="x"),
    "no shape": lambda entry: entry.pop("shape"),
    "a place before the file": lambda entry: entry.update(data_offsets=[-8, 0]),
    "three offsets": lambda entry: entry.update(data_offsets=[0, 4, 8]),
    "offsets of words": lambda entry: entry.update(data_offsets=["a", "b"]),
}


@pytest.mark.parametrize("name", ENTRIES)
def test_an_array_that_is_not_in_the_file_is_refused(saved, tmp_path, name):
    def change(header):
        ENTRIES[name](header[[*header][-1]])

    with pytest.raises(ff.errors.FormatError, match="bad"):
        ff.load(rewritten(saved, tmp_path / "bad", change))


@pytest.mark.parametrize("header", [[], "x", None, {"__metadata__": []}, {"a": []}, {"a": 1}])
def test_a_header_of_another_shape_is_refused(tmp_path, header):
    text = json.dumps(header).encode()
    (tmp_path / "bad").write_bytes(len(text).to_bytes(8, "little") + text)
    with pytest.raises(ff.errors.FormatError, match="bad"):
        ff.load(tmp_path / "bad")


ODD = [None, True, -1, 0, 0.5, 2**31, 2**63, 2**64, 10**30, 1e39, "x", "x" * 10**4, [], [[]], {}]
ODD += [{"type": "x"}, {"type": []}, {"type": {}}, [1] * 3, float("nan"), float("inf")]


def places(tree, path=()):
    """The path to every part of nested lists and dicts."""
    yield path
    if isinstance(tree, dict | list):
        for key, part in tree.items() if isinstance(tree, dict) else enumerate(tree):
            yield from places(part, (*path, key))


def replaced(tree, path, value):
    """The tree with another part there."""
    if not path:
        return value
    twin = dict(tree) if isinstance(tree, dict) else list(tree)
    twin[path[0]] = replaced(tree[path[0]], path[1:], value)
    return twin


def test_whatever_a_description_says_is_a_model_or_one_clear_error(saved, tmp_path):
    config, _ = read_model(saved)
    some = DATA[:3]
    rng = np.random.default_rng(0)
    for place in places(config):
        for at in rng.choice(len(ODD), 6, replace=False):
            said = json.dumps(replaced(config, place, ODD[at]))

            def say(header, said=said):
                header["__metadata__"]["fewfire"] = said

            path = rewritten(saved, tmp_path / "bad", say)
            try:
                model = ff.load(path)
            except ff.errors.FormatError as error:
                refusal = str(error)
            else:
                model.predict_topk(some, 1, n_jobs=1)
                continue
            assert "bad" in refusal
            assert len(refusal) < 500
