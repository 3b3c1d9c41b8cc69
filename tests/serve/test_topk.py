"""/v1/topk answers what the library does, and refuses by the field that is wrong."""

import numpy as np
import pytest
from scipy.sparse import csr_array

import fewfire as ff
from served import SPARSE, STROKES, TEXTS, Client

SPARSE_ROWS = [
    {
        "indices": SPARSE.indices[begin:end].tolist(),
        "values": SPARSE.data[begin:end].tolist(),
    }
    for begin, end in zip(SPARSE.indptr[:-1], SPARSE.indptr[1:], strict=True)
]
GIVEN = {
    "texts": ({"texts": TEXTS[:5]}, TEXTS[:5]),
    "digits": ({"rows": STROKES.tolist()}, STROKES),
    "sparse": ({"sparse": SPARSE_ROWS}, SPARSE),
}


def as_told(top):
    return [
        [
            {"label": label, "score": score}
            for label, score in zip(labels, scores, strict=True)
            if label is not None
        ]
        for labels, scores in zip(top.names.tolist(), top.scores.tolist(), strict=True)
    ]


@pytest.mark.parametrize("name", GIVEN)
@pytest.mark.parametrize("asked", [{}, {"k": 2}, {"k": 4, "exact": True}, {"rank_by": 0.5}])
def test_answers_are_those_of_the_library(client, paths, name, asked):
    given, X = GIVEN[name]
    answer = client.topk(model=name, **given, **asked)
    assert answer.status_code == 200, answer.text
    top = ff.load(paths[name]).predict_topk(X, **asked)
    assert answer.json()["predictions"] == as_told(top)


def test_requests_that_come_together_are_answered_as_if_alone(client):
    alone = [client.topk(model="texts", texts=[text], k=3).json() for text in TEXTS]
    body = [{"model": "texts", "texts": [text], "k": 3} for text in TEXTS]
    together = client.all([("POST", "/v1/topk", each) for each in body])
    assert [each.json() for each in together] == alone


def test_values_are_those_of_the_library(client, paths):
    rows = [[1.0, 2.0], [3.0, 0.5]]
    answer = client.topk(model="values", rows=rows).json()
    assert answer["values"] == ff.load(paths["values"]).predict(rows).tolist()
    assert "predictions" not in answer


def test_candidates_alone_are_scored(client, paths):
    answer = client.topk(model="texts", texts=TEXTS[:2], candidates=[["cat", "dog", "red"]]).json()
    model = ff.load(paths["texts"])
    wanted = csr_array(
        np.array([[name in ("cat", "dog", "red") for name in model.label_names]] * 2)
    )
    scores = model.predict_scores(TEXTS[:2], wanted).toarray()
    for row, own in zip(answer["predictions"], scores, strict=True):
        assert {each["label"]: each["score"] for each in row} == {
            name: float(own[model.label_names.index(name)]) for name in ("cat", "dog", "red")
        }
        assert [each["score"] for each in row] == sorted((e["score"] for e in row), reverse=True)


def test_a_threshold_leaves_out_what_is_not_above_it(client):
    every = client.topk(model="texts", texts=TEXTS, k=5).json()["predictions"]
    some = client.topk(model="texts", texts=TEXTS, k=5, threshold=0.5).json()["predictions"]
    assert some == [[each for each in row if each["score"] > 0.5] for row in every]


def test_why_are_the_words_that_the_library_names(client, paths):
    answer = client.topk(model="texts", texts=TEXTS[:1], k=2, why=3).json()
    model = ff.load(paths["texts"])
    for told, reason in zip(
        answer["predictions"][0], model.explain(TEXTS[:1], 2, n=3)[0], strict=True
    ):
        assert told["label"] == model.label_names[reason.label]
        assert [each["feature"] for each in told["why"]] == [
            model.feature_name(feature) for feature in reason.features
        ]


def test_active_rows_are_those_that_the_gate_lets_through(client, paths):
    answer = client.topk(model="digits", rows=STROKES[:2].tolist(), active=True).json()
    settings = ff.load(paths["digits"]).layers[0].settings
    for (layer,) in answer["active"]:
        assert layer["layer"] == 0
        assert layer["n_rows"] == 64
        assert 0 < len(layer["rows"]) <= settings.active
        assert set(layer["rows"]) < set(range(64))


TEXT = {"model": "texts", "texts": ["a cat"]}
WRONG = [
    ({"texts": ["a"]}, 422, "/model"),
    ({"model": "nix", "texts": ["a"]}, 404, "/model"),
    ({"model": "texts"}, 422, ""),
    ({"model": "texts", "texts": []}, 422, "/texts"),
    ({"model": "texts", "texts": ["a", 7]}, 422, "/texts/1"),
    ({"model": "texts", "texts": "a"}, 422, "/texts"),
    ({"model": "texts", "texts": ["a"], "rows": [[1.0]]}, 422, ""),
    ({"model": "texts", "texts": ["a"] * 9}, 422, "/texts"),
    ({**TEXT, "k": 0}, 422, "/k"),
    ({**TEXT, "k": 10**9}, 422, "/k"),
    ({**TEXT, "k": "5"}, 422, "/k"),
    ({**TEXT, "nonsense": 1}, 422, ""),
    ({**TEXT, "rank_by": "fame"}, 422, "/rank_by"),
    ({**TEXT, "rank_by": 1.5}, 422, "/rank_by"),
    ({**TEXT, "why": 2, "rank_by": 0.5}, 422, "/rank_by"),
    ({**TEXT, "active": True}, 422, "/active"),
    ({**TEXT, "candidates": [["cat", "unicorn"]]}, 422, "/candidates/0/1"),
    ({**TEXT, "candidates": [["cat"], ["dog"], ["red"]]}, 422, "/candidates"),
    ({**TEXT, "candidates": [["cat"]], "why": 1}, 422, "/why"),
    ({"model": "digits", "texts": ["a"]}, 422, "/texts"),
    ({"model": "digits", "rows": [[1.0] * 784], "why": 1}, 422, "/why"),
    ({"model": "digits", "rows": [[1.0] * 784, [1.0] * 783]}, 422, "/rows/1"),
    ({"model": "digits", "rows": [[1.0] * 783 + [1e300]]}, 422, "/rows"),
    ({"model": "digits", "rows": [[]]}, 422, "/rows/0"),
    ({"model": "sparse", "sparse": [{"indices": [10**6]}]}, 422, "/sparse/0"),
    ({"model": "sparse", "sparse": [{"indices": [0]}, {"indices": [-1]}]}, 422, "/sparse/1"),
    ({"model": "sparse", "sparse": [{"indices": [0], "values": []}]}, 422, "/sparse/0/values"),
    ({"model": "sparse", "sparse": [{"indices": [2**63]}]}, 422, "/sparse"),
    ({"model": "values", "rows": [[1.0, 2.0]], "k": 1}, 422, "/k"),
    (b"{", 400, None),
    (b"[" * 100_000, 422, ""),
    (b"\xff\xfe", 400, None),
    (b"", 400, None),
]


@pytest.fixture(scope="module")
def strict(paths):
    from fewfire.serve.settings import Limits

    return Client(paths, limits=Limits(rows=8))


@pytest.mark.parametrize(("body", "status", "pointer"), WRONG, ids=lambda x: str(x)[:40])
def test_what_is_wrong_is_named(strict, body, status, pointer):
    answer = strict.ask("POST", "/v1/topk", body)
    told = answer.json()
    assert (answer.status_code, told["status"]) == (status, status), told
    assert answer.headers["content-type"] == "application/problem+json"
    assert told["detail"]
    assert told["title"]
    if pointer is not None:
        assert [each["pointer"] for each in told["errors"]] == [f"#{pointer}"]


def test_one_bad_request_spoils_no_other(client):
    good, bad = {"model": "digits", "rows": [[0.5] * 784]}, [3e38] * 784
    bodies = [good, {"model": "digits", "rows": [bad]}, good]
    answers = client.all([("POST", "/v1/topk", each) for each in bodies])
    assert [each.status_code for each in answers] == [200, 422, 200]
    assert answers[0].json() == answers[2].json()
