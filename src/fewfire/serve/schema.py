"""The OpenAPI description: FastAPI's, and in it the two questions that `front.py` answers itself,
with the types that check them."""

from __future__ import annotations

from typing import Any

import msgspec

from .asked import EXAMPLE, Answered, TopK
from .tensors import Infer, Inferred

_PROBLEM: dict[str, Any] = {
    "type": "object",
    "title": "Problem",
    "description": "What is wrong, as RFC 9457 has it.",
    "required": ["type", "title", "status", "detail", "error"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What is wrong, and what to do."},
        "error": {"type": "string", "description": "The same, for clients of /v2."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "detail"],
                "properties": {
                    "pointer": {"type": "string", "description": "The field, as JSON pointer."},
                    "detail": {"type": "string"},
                },
            },
        },
    },
}
_REFUSAL = {
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
}
PROBLEMS: dict[int | str, dict[str, Any]] = {
    "4XX": {"description": "The request is wrong.", **_REFUSAL},
    "5XX": {"description": "The server cannot answer now.", **_REFUSAL},
}


def complete(described: dict[str, Any], *, with_keys: bool) -> dict[str, Any]:
    """Return FastAPI's description with what it does not know of."""
    asked, answered, infer, inferred = _add_types(described)
    for operations in described["paths"].values():
        for operation in operations.values():
            if "422" in operation["responses"] and "4XX" in operation["responses"]:
                del operation["responses"]["422"]
    described["components"]["schemas"].pop("HTTPValidationError", None)
    described["components"]["schemas"].pop("ValidationError", None)
    described["paths"]["/v1/topk"] = {
        "post": _operation("The best labels of examples.", "topk", asked, answered, EXAMPLE)
    }
    for path, names in (
        ("/v2/models/{name}/infer", ["name"]),
        ("/v2/models/{name}/versions/{version}/infer", ["name", "version"]),
    ):
        what = "The best labels of examples, as tensors of the Open Inference Protocol."
        one = _operation(what, "_".join(["infer", *names[1:]]), infer, inferred, None)
        one["parameters"] = [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
            for name in names
        ]
        described["paths"][path] = {"post": one}
    if with_keys:
        schemes = {
            "bearer": {"type": "http", "scheme": "bearer"},
            "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
        }
        described["components"]["securitySchemes"] = schemes
        described["security"] = [{name: []} for name in schemes]
    return described


def _add_types(described: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    """Add the types of both questions; return references to them."""
    found, components = msgspec.json.schema_components(
        [TopK, Answered, Infer, Inferred], ref_template="#/components/schemas/{name}"
    )
    described.setdefault("components", {}).setdefault("schemas", {})
    described["components"]["schemas"] |= {**components, "Problem": _PROBLEM}
    return tuple(found)


def _operation(
    what: str, name: str, asked: dict[str, Any], answered: dict[str, Any], example: Any
) -> dict[str, Any]:
    body: dict[str, Any] = {"schema": asked}
    if example is not None:
        body["example"] = example
    return {
        "tags": ["predict"],
        "summary": what,
        "operationId": name,
        "requestBody": {"required": True, "content": {"application/json": body}},
        "responses": {
            "200": {
                "description": "Answered.",
                "content": {"application/json": {"schema": answered}},
            },
            **PROBLEMS,
        },
    }
