"""What is asked now and then, with FastAPI: the page, health, metadata, counters, the schema."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.exceptions import HTTPException

import fewfire

from . import infer
from .front import App, Front
from .metrics import CONTENT_TYPE
from .problems import Problem
from .schema import PROBLEMS, complete

_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_HEADERS = {"content-security-policy": _POLICY, "x-content-type-options": "nosniff"}


@dataclass
class Server:
    """Who answers."""

    name: str
    version: str
    extensions: list[str]


@dataclass
class TensorOf:
    """An input or output; -1 is any extent."""

    name: str
    datatype: str
    shape: list[int]


@dataclass
class ModelOf:
    """What the Open Inference Protocol says of a model."""

    name: str
    versions: list[str]
    platform: str
    inputs: list[TensorOf]
    outputs: list[TensorOf]


@dataclass
class Live:
    """Whether the process answers."""

    live: bool


@dataclass
class Ready:
    """Whether requests should come here."""

    ready: bool


@dataclass
class ReadyModel:
    """Whether a model answers."""

    name: str
    ready: bool


@dataclass
class Described:
    """A model, for people and pages."""

    name: str
    version: str
    type: str
    description: str
    takes: str
    n_features: int
    n_outputs: int
    gives: str
    explains: bool
    gated_layers: list[int]
    image_side: int | None
    loaded_at: str


def cold_app(front: Front) -> App:
    """Return FastAPI's part of a server."""
    app = FastAPI(
        title="fewfire",
        version=fewfire.__version__,
        description="Labels for texts and rows. `/v1/topk` is the plain question, `/v2` the Open "
        "Inference Protocol.",
        docs_url=None,
        redoc_url=None,
        responses=PROBLEMS,
    )
    _add_pages(app)
    _add_health(app, front)
    _add_models(app, front)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    plain = app.openapi
    made: dict[str, Any] = {}

    def openapi() -> dict[str, Any]:
        if not made:
            made.update(complete(plain(), with_keys=bool(front.settings.keys)))
        return made

    app.openapi = openapi  # type: ignore[method-assign]
    return app


def _add_pages(app: FastAPI) -> None:
    for path, name in (("/", "page.html"), ("/docs", "docs.html")):
        text = files(__package__).joinpath(name).read_text(encoding="utf-8")
        _add_page(app, path, text)


def _add_page(app: FastAPI, path: str, text: str) -> None:
    @app.get(path, include_in_schema=False)
    async def page() -> HTMLResponse:
        return HTMLResponse(text, headers=_HEADERS)


def _add_health(app: FastAPI, front: Front) -> None:
    @app.get("/v2/health/live", tags=["health"])
    async def live() -> Live:
        """Whether the process answers."""
        return Live(True)

    @app.get(
        "/v2/health/ready",
        tags=["health"],
        responses={503: {"model": Ready, "description": "The server ends."}},
    )
    async def ready(response: Response) -> Ready:
        """Whether requests should come here: not while the server ends."""
        response.status_code = 503 if front.is_draining else 200
        return Ready(not front.is_draining)

    @app.get("/metrics", tags=["health"], response_class=Response,
             responses={200: {"content": {"text/plain": {}}}})  # fmt: skip
    async def metrics() -> Response:
        """Counters, for Prometheus."""
        return Response(front.metrics.text(), headers={"content-type": CONTENT_TYPE.decode()})


def _add_models(app: FastAPI, front: Front) -> None:
    @app.get("/v1/models", tags=["models"])
    async def models() -> list[Described]:
        """Return what is served."""
        return [Described(**each.described()) for each in front.models]

    @app.get("/v2", tags=["models"])
    async def server() -> Server:
        """Return who answers."""
        return Server("fewfire", fewfire.__version__, ["binary_tensor_data"])

    @app.get("/v2/models/{name}/versions/{version}", tags=["models"])
    async def model_version(name: str, version: str) -> ModelOf:
        """Return what a version of a model takes and gives."""
        return _model_of(front, name, version)

    @app.get("/v2/models/{name}", tags=["models"])
    async def model(name: str) -> ModelOf:
        """Return what a model takes and gives."""
        return _model_of(front, name)

    @app.get("/v2/models/{name}/versions/{version}/ready", tags=["models"])
    async def model_version_ready(name: str, version: str) -> ReadyModel:
        """Whether a version of a model answers."""
        return ReadyModel(_named(front, name, version).name, True)

    @app.get("/v2/models/{name}/ready", tags=["models"])
    async def model_ready(name: str) -> ReadyModel:
        """Whether a model answers."""
        return ReadyModel(_named(front, name).name, True)


def _model_of(front: Front, name: str, version: str | None = None) -> ModelOf:
    told = infer.metadata(_named(front, name, version))
    tensors = {part: [TensorOf(**each) for each in told[part]] for part in ("inputs", "outputs")}
    return ModelOf(**{**told, **tensors})


def _named(front: Front, name: str, version: str | None = None) -> Any:
    try:
        return front.models.get(name, version)
    except Problem as problem:
        raise HTTPException(problem.status, problem.detail) from None


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _problem(Problem(error.status_code, str(error.detail)), error.headers)


async def _invalid(request: Request, error: Exception) -> Response:
    return _problem(Problem(422, str(error)))


def _problem(problem: Problem, headers: Any = None) -> Response:
    return JSONResponse(
        problem.body, problem.status, headers=headers, media_type="application/problem+json"
    )
