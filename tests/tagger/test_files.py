"""Files of taggers and blends: the same bits back, and one clear error for what is damaged."""

import contextlib
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array

import fewfire as ff
from fewfire.base.files import read_model, write_model
from fewfire.blend import found_labels
from tags import tagged

NAMES = [f"tag {i}" for i in range(40)]


@pytest.fixture(scope="module")
def data():
    return tagged(names=NAMES)


@pytest.fixture(scope="module")
def tagger(data):
    tagger = ff.Tagger("balanced", labels_per_leaf=5, n_jobs=1).fit(data)
    tagger.set_feature_names([f"w{i}" for i in range(data.n_features)])
    return tagger


@pytest.fixture(scope="module")
def blend(tagger, data):
    net = ff.Network(ff.EmbeddingBag(data.n_features, 16), ff.Linear(16, 40, gain=0.0))
    ff.Trainer(net, n_jobs=1).fit(data)
    return ff.Blend(tagger, net)


@pytest.fixture(scope="module", params=["tagger", "blend"])
def model(request, tagger, blend):
    return {"tagger": tagger, "blend": blend}[request.param]


@pytest.fixture(scope="module")
def folder(tmp_path_factory, tagger):
    folder = tmp_path_factory.mktemp("files")
    tagger.save(folder / "good")
    return folder


def test_a_loaded_tagger_goes_on_and_explains_as_the_saved_one(tagger, data, folder):
    one, other = ff.load(folder / "good"), ff.load(folder / "good")
    for each in (one, other):
        each.n_jobs = 1
        each.partial_fit(data[:100])
    assert_array_equal(one.predict_topk(data, 3).scores, other.predict_topk(data, 3).scores)
    ours, theirs = tagger.explain(data.X[:3], 2), ff.load(folder / "good").explain(data.X[:3], 2)
    for a, b in zip(ours, theirs, strict=True):
        assert_array_equal(a[0].contributions, b[0].contributions)
    assert ff.load(folder / "good").feature_name(3) == "w3"


def mutated(array, rng):
    """An array that is wrong in one way, or the same."""
    match rng.integers(7):
        case 0:
            return array[: len(array) // 2].copy()
        case 1:
            return array.astype(np.float32 if array.dtype != np.float32 else np.int32)
        case 2:
            return array[None].copy()
        case 3:
            return np.concatenate([array, array])
        case way:
            wrong = array.copy()
            if len(wrong):
                at = rng.integers(len(wrong), size=1 if way < 6 else 5)
                if wrong.dtype.kind == "f":
                    wrong[at] = np.nan
                elif way == 4:
                    wrong[at] = np.iinfo(wrong.dtype).max
                else:
                    wrong[at] = rng.integers(-3 if wrong.dtype.kind == "i" else 0, 99, len(at))
            return wrong


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=150)
def test_damaged_arrays_are_refused_or_harmless(folder, data, seed):
    rng = np.random.default_rng(seed)
    config, arrays = read_model(folder / "good")
    name = rng.choice(sorted(arrays))
    if rng.random() < 0.1:
        del arrays[name]
    else:
        arrays[name] = mutated(arrays[name], rng)
    write_model(folder / "bad", {k: v for k, v in config.items() if k != "version"}, arrays)
    with contextlib.suppress(ff.errors.FormatError):
        twin = ff.load(folder / "bad")
        twin.predict_topk(data, 5)
        twin.explain(data.X[:1])


CONFIGS = {
    "more trees": lambda c: c["tagger"]["settings"].update(n_trees=4),
    "more levels": lambda c: c["tagger"].update(n_levels=3),
    "fewer levels": lambda c: c["tagger"].update(n_levels=1),
    "no levels": lambda c: c["tagger"].update(n_levels=0),
    "an unknown loss": lambda c: c["tagger"]["settings"].update(loss="none"),
    "an unknown setting": lambda c: c["tagger"]["settings"].update(x=1),
    "a setting too few": lambda c: c["tagger"]["settings"].pop("largest"),
    "no settings": lambda c: c["tagger"].pop("settings"),
    "fewer features": lambda c: c["encoding"].update(n_features=3),
    "more features": lambda c: c["encoding"].update(n_features=2**40),
    "no room for pairs": lambda c: c["encoding"].update(n_features=2**31 - 1),
    "no feature": lambda c: c["encoding"].update(n_features=0),
    "fewer labels": lambda c: c["encoding"].update(n_labels=3),
    "more labels": lambda c: c["encoding"].update(n_labels=2**31 - 1),
    "values": lambda c: c["encoding"].update(kind="values"),
    "no encoding": lambda c: c.pop("encoding"),
    "negative counts": lambda c: c.update(n_trained=-1),
    "a blend of one": lambda c: c.update(blend=[c.pop("tagger")]),
    "a list": lambda c: c.update(tagger=[]),
    "a blend without a weight": lambda c: c.update(blend={"parts": [c.pop("tagger"), {}]}),
    "power": lambda c: c["tagger"]["settings"].update(power="x"),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_damaged_descriptions_are_refused(folder, name):
    config, arrays = read_model(folder / "good")
    del config["version"]
    config = json.loads(json.dumps(config))
    CONFIGS[name](config)
    write_model(folder / "bad", config, arrays)
    with pytest.raises(ff.errors.FormatError, match="bad"):
        ff.load(folder / "bad")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_cut_files_are_refused(folder, share):
    whole = (folder / "good").read_bytes()
    (folder / "cut").write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(ff.errors.FormatError, match="cut"):
        ff.load(folder / "cut")


def test_a_checkpoint_is_wanted_to_resume_and_no_tagger(folder, data):
    net = ff.Network(ff.Linear(data.n_features, 40))
    with pytest.raises(ValueError, match="resume needs a checkpoint"):
        ff.Trainer(net).fit(data, resume=folder / "good")


# -- in use --------------------------------------------------------------------------------------


def test_latency_compares_the_first_examples_with_what_all_leaves_hold(model, data):
    found = model.latency(data, k=3, n_jobs=1)
    gated, exact = (
        model.predict_topk(data[:200], 3, exact=every).indices for every in (False, True)
    )
    recall = np.mean([np.isin(best, own).mean() for own, best in zip(gated, exact, strict=True)])
    assert found.recall == pytest.approx(recall)
    assert (found.leaves, found.n_examples) == (24, 600)  # three trees of eight leaves


def test_a_search_opens_a_beam_of_cells_and_scores_their_labels(data):
    tagger = ff.Tagger(n_trees=3, labels_per_leaf=5, beam=2, max_epochs=1, n_jobs=1).fit(data)
    found = tagger.latency(data, n_jobs=1)
    assert found.leaves == 3 * 2
    top = tagger.predict_topk(data, 40)
    assert found.candidates == np.isfinite(top.scores).sum() / len(data)
    assert 5 < found.candidates <= tagger.forest.most_found == 3 * 2 * 5
    assert found.recall < 1


def test_the_parts_of_a_blend_both_score_what_either_finds(blend, data):
    assert blend.latency(data, n_jobs=1).candidates == 40  # the 50 best of each are all there are


# -- blends --------------------------------------------------------------------------------------


def test_a_blend_is_the_mean_of_both(blend, data):
    wanted = csr_array(np.ones((600, 40)))
    z = blend.network.decision_function(data)
    p = np.exp(z - z.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    t = blend.tagger.predict_scores(data, wanted).toarray()
    found = blend.predict_scores(data, wanted).toarray()
    assert_allclose(found, 0.9 * t + 0.1 * p, rtol=1e-4, atol=1e-6)
    top = blend.predict_topk(data, 3)
    assert_array_equal(np.take_along_axis(found, top.indices, 1), top.scores)
    assert blend.evaluate(data)["P@1"] > 0.95


@pytest.mark.parametrize("exact", [False, True])
def test_a_blend_counts_the_work_of_both_and_of_scoring_what_they_find(blend, data, exact):
    ledger = blend.evaluate(data, exact=exact, n_jobs=1).ledger
    parts = [
        each.evaluate(data, exact=exact, n_jobs=1).ledger for each in (blend.tagger, blend.network)
    ]
    assert len(ledger.layers) == 3
    assert ledger.dense == sum(part.dense for part in parts)
    assert ledger.dense_nonzero == sum(part.dense_nonzero for part in parts)
    top = [each.predict_topk(data, 40, exact=exact) for each in (blend.tagger, blend.network)]
    wanted = found_labels(np.hstack([own.indices for own in top]), 40)
    _, again = blend.network._score(data, wanted, n_threads=1)
    assert again.layers[1].forward == wanted.nnz * 16
    assert [layer.total for layer in ledger.layers[1:]] == [
        first.total + second.total
        for first, second in zip(parts[1].layers, again.layers, strict=True)
    ]
    assert (
        ledger.layers[0].total
        == parts[0].total + blend.tagger._score(data, wanted, n_threads=1)[1].total
    )


def test_a_blend_of_models_that_do_not_fit_is_refused(tagger, data):
    with pytest.raises(ValueError, match="trained on labels"):
        ff.Blend(tagger, ff.Network(ff.Linear(data.n_features, 40)))
    net = ff.Network(ff.Linear(data.n_features, 40))
    ff.Trainer(net, max_epochs=1, n_jobs=1).fit(ff.Dataset(data.X, data.y))
    with pytest.raises(ValueError, match="different labels"):
        ff.Blend(tagger, net)
    with pytest.raises(ValueError, match="weight must be at least 0 and at most 1"):
        ff.Blend(tagger, net, weight=2.0)
