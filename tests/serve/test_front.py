"""What holds for every request: keys, origins, limits, the log, the counters, the schema."""

import asyncio
import json

import pytest

from fewfire.serve.bodies import Bodies
from fewfire.serve.settings import Limits, named_models
from served import Client, tagger_of_texts

BODY = {"texts": ["a red cat"], "k": 2}


@pytest.fixture(scope="module")
def of_texts(paths):
    return {"texts": paths["texts"]}


def test_without_a_key_only_what_tells_nothing_is_open(of_texts):
    client = Client(of_texts, keys=("secret", "other"))
    for path in ("/", "/docs", "/openapi.json", "/v2/health/live", "/v2/health/ready"):
        assert client.ask("GET", path).status_code == 200, path
    for path in ("/v1/models", "/v2", "/v2/models/texts", "/metrics", "/nowhere"):
        answer = client.ask("GET", path)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer"), path
    right = ({"authorization": "Bearer secret"}, {"x-api-key": "other"})
    wrong = ({}, {"authorization": "Bearer secre"}, {"authorization": "Basic secret"},
             {"x-api-key": ""}, {"x-api-key": "Secret"})  # fmt: skip
    statuses = [client.ask("POST", "/v1/topk", BODY, each).status_code for each in (*right, *wrong)]
    assert statuses == [200, 200, 401, 401, 401, 401, 401]


def test_pages_of_named_origins_may_ask(of_texts):
    client = Client(of_texts, cors=("https://ours.example",))
    ask = {"access-control-request-method": "POST"}
    for origin, status in (("https://ours.example", 200), ("https://theirs.example", 400)):
        headers = {**ask, "origin": origin}
        assert client.ask("OPTIONS", "/v1/topk", headers=headers).status_code == status
    answer = client.ask("POST", "/v1/topk", BODY, {"origin": "https://ours.example"})
    assert answer.headers["access-control-allow-origin"] == "https://ours.example"
    plain = Client(of_texts).ask("POST", "/v1/topk", BODY, {"origin": "https://ours.example"})
    assert "access-control-allow-origin" not in plain.headers


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/v1/topk", {}, 405),
        ("PUT", "/v2/models/texts/infer", {}, 405),
        ("POST", "/v2/infer", {}, 404),
        ("POST", "/v2/models/nix/infer", {}, 404),
        ("POST", "/v2/models/texts/versions/9/infer", {}, 404),
        ("GET", "/nowhere", {}, 404),
        ("DELETE", "/v2", {}, 405),
        ("POST", "/v1/topk", {"content-type": "text/plain"}, 415),
        ("POST", "/v1/topk", {"content-encoding": "gzip"}, 415),
        ("POST", "/v1/topk", {"content-length": "x"}, 413),
    ],
)
def test_refusals_are_problems(client, method, path, headers, status):
    answer = client.ask(method, path, b"{}", headers)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status


def test_a_body_is_read_no_further_than_it_may_be_large(of_texts):
    client = Client(of_texts, limits=Limits(body_bytes=100))
    small, large = {**BODY, "texts": ["a" * 50]}, {**BODY, "texts": ["a" * 100]}
    assert client.topk(**small).status_code == 200
    assert client.topk(**large).status_code == 413

    def endless():
        while True:
            n_parts.append(1)
            yield {"type": "http.request", "body": b"x" * 30, "more_body": True}

    n_parts, parts = [], endless()

    async def receive():
        return next(parts)

    answer = asyncio.run(sent(client.app, receive))
    assert answer[0]["status"] == 413
    assert len(n_parts) == 4


async def sent(app, receive, path="/v1/topk"):
    answers = []

    async def send(message):
        answers.append(message)

    await app({"type": "http", "method": "POST", "path": path, "headers": []}, receive, send)
    return answers


def test_bodies_that_arrive_slowly_are_bounded_in_time_and_together(of_texts):
    client = Client(of_texts, limits=Limits(seconds=0.05))

    async def never():
        await asyncio.sleep(60)

    assert asyncio.run(sent(client.app, never))[0]["status"] == 408

    limits = Limits(body_bytes=10)

    async def many():
        bodies, door = Bodies(limits), asyncio.Event()

        def slow():
            parts = iter([(b"x" * 9, True), (b"", False)])

            async def receive():
                body, more = next(parts)
                if not more:
                    await door.wait()
                return {"type": "http.request", "body": body, "more_body": more}

            return receive

        tasks = [asyncio.ensure_future(bodies.read(slow(), {})) for _ in range(30)]
        await asyncio.sleep(0)
        door.set()
        return await asyncio.gather(*tasks, return_exceptions=True)

    found = asyncio.run(many())
    taken = [each for each in found if each == b"x" * 9]
    refused = [each.status for each in found if isinstance(each, Exception)]
    assert len(taken) == limits.unread_bytes // 9
    assert refused == [503] * (30 - len(taken))


def test_a_full_queue_refuses_and_says_when_to_come_again(of_texts):
    client = Client(of_texts, limits=Limits(queue_rows=3, rows=3))
    body = {"texts": ["a red cat"] * 3}
    answers = client.all([("POST", "/v1/topk", body)] * 5)
    statuses = {each.status_code for each in answers}
    assert answers[0].status_code == 200
    assert statuses <= {200, 503}
    assert all(each.headers["retry-after"] for each in answers if each.status_code == 503)


def test_the_log_has_a_line_per_request_without_what_was_asked(of_texts, tmp_path):
    for with_contents in (False, True):
        place = tmp_path / f"{with_contents}.jsonl"
        client = Client(of_texts, access_log=str(place), log_contents=with_contents)
        ids = {"x-request-id": "mine-7"}
        assert client.ask("POST", "/v1/topk", BODY, ids).headers["x-request-id"] == "mine-7"
        made = client.ask("POST", "/v1/topk", {**BODY, "k": 0}, {"x-request-id": "a b"})
        client.log.flush()
        lines = [json.loads(line) for line in place.read_text().splitlines()]
        assert [line["status"] for line in lines] == [200, 422]
        assert [line["id"] for line in lines] == ["mine-7", made.headers["x-request-id"]]
        assert lines[0]["model"] == "texts"
        assert lines[0]["rows"] == 1
        assert set(lines[0]["stages_ms"]) == {"parse", "vectorise", "predict"}
        assert ("red cat" in place.read_text()) == with_contents


def test_counters_tell_what_was_asked(of_texts):
    client = Client(of_texts)
    client.topk(**BODY)
    client.topk(**{**BODY, "k": 0})
    text = client.ask("GET", "/metrics").text
    version = client.ask("GET", "/v1/models").json()[0]["version"]
    for line in (
        'fewfire_requests_total{endpoint="topk",model="texts",status="200"} 1.0',
        'fewfire_rows_total{model="texts"} 1.0',
        'fewfire_request_seconds_count{endpoint="topk",model="texts"} 1.0',
        'fewfire_stage_seconds_count{model="texts",stage="parse"} 1.0',
        'fewfire_stage_seconds_count{model="texts",stage="vectorise"} 1.0',
        'fewfire_stage_seconds_count{model="texts",stage="predict"} 1.0',
        'fewfire_queue_rows{model="texts"} 0.0',
        f'fewfire_model_version{{model="texts",version="{version}"}} 1.0',
    ):
        assert line in text.splitlines()


def test_a_changed_file_is_loaded_and_a_damaged_one_is_not(tmp_path):
    path = tmp_path / "texts.safetensors"
    tagger_of_texts(path)
    client = Client({"texts": path})
    assert client.front.models.changed() == []
    old = client.topk(**BODY).json()
    path.rename(tmp_path / "old")
    path.write_bytes(b"half a model")
    assert client.front.models.changed() == ["texts"]
    asyncio.run(client.front.reload("texts"))
    assert client.front.models.changed() == []  # until it changes once more
    assert client.topk(**BODY).json() == old
    path.unlink()
    assert client.front.models.changed() == ["texts"]
    tagger_of_texts(path, mark="!")
    asyncio.run(client.front.reload("texts"))
    new = client.topk(**BODY).json()
    assert new["version"] != old["version"]
    assert {each["label"] for each in new["predictions"][0]} == {
        each["label"] + "!" for each in old["predictions"][0]
    }
    lines = client.ask("GET", "/metrics").text.splitlines()
    for outcome in ("done", "refused"):
        assert f'fewfire_reloads_total{{model="texts",outcome="{outcome}"}} 1.0' in lines


def test_a_server_that_ends_is_not_ready_and_closes_connections(of_texts):
    client = Client(of_texts)
    client.front.is_draining = True
    answer = client.ask("GET", "/v2/health/ready")
    assert (answer.status_code, answer.json()) == (503, {"ready": False})
    for each in (answer, client.topk(**BODY)):
        assert each.headers["connection"] == "close"
    assert client.ask("GET", "/v2/health/live").json() == {"live": True}


def test_the_schema_describes_every_question(client):
    schema = client.ask("GET", "/openapi.json").json()
    assert {"/v1/topk", "/v1/models", "/v2", "/v2/models/{name}/infer", "/metrics"} <= set(
        schema["paths"]
    )
    fields = schema["components"]["schemas"]["TopK"]["properties"]
    assert {"texts", "rows", "sparse", "k", "threshold", "rank_by", "candidates", "why"} <= set(
        fields
    )


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_pages_need_no_other_host(client, path):
    answer = client.ask("GET", path)
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "http://" not in answer.text.replace("http://www.w3.org", "")
    assert "https://" not in answer.text


@pytest.mark.parametrize("words", [("a", "b/a"), ("=a",), ("a=",), ("a b=c",), ("é/..=x",)])
def test_names_that_clients_could_not_ask_for_are_refused(words):
    with pytest.raises(ValueError, match="NAME=PATH"):
        named_models(words)
