"""What drf-spectacular's document gets besides: groups, short titles, limits and examples.

The settings name `one_address_each` and `complete` as hooks of the generator.
"""

from __future__ import annotations

from typing import Any

from registry.api_schema import PROBLEM_MEDIA_TYPE, WORDS
from registry.openapi.examples import add_examples
from registry.openapi.grouping import group_of, tags
from registry.openapi.inference_protocol import (
    ECHOED,
    REQUEST_ID,
    SCHEMAS,
    TOO_SLOW,
    describe_protocol,
)
from registry.problems import problem_data

METHODS = ("get", "post", "put", "patch", "delete")
BY_VERSION = "/versions/{number}"
SESSION = (
    "The cookie of a signed-in browser. Whatever changes something also needs the header "
    "X-CSRFToken with the value of the csrftoken cookie."
)
RETRY_AFTER = {"description": "seconds until it is worth trying", "schema": {"type": "integer"}}
PROBLEM = {"$ref": "#/components/schemas/ProblemData"}
Endpoint = tuple[str, str, str, Any]


def one_address_each(endpoints: list[Endpoint]) -> list[Endpoint]:
    """Addresses that are taken with and without a slash at the end are described once."""
    there = {path for path, *_ in endpoints}
    return [one for one in endpoints if not (one[0].endswith("/") and one[0][:-1] in there)]


def complete(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    used = set()
    for path, operations in result["paths"].items():
        for method, operation in operations.items():
            if method not in METHODS:
                continue
            rename(path, method, operation)
            used.add(group_of(path))
            operation["tags"] = [group_of(path)]
            operation["summary"] = operation["operationId"].replace("_", " ").capitalize()
            if path.startswith("/v2"):
                describe_protocol(path, operation)
            else:
                answer_limits(path, operation)
            add_headers(operation)
            operation["responses"] = dict(sorted(operation["responses"].items()))
            add_examples(operation)
    result["tags"] = tags(used)
    result["components"]["schemas"] |= SCHEMAS
    schemes = result.get("components", {}).get("securitySchemes", {})
    if "cookieAuth" in schemes:
        schemes["cookieAuth"]["description"] = SESSION
    return result


def rename(path: str, method: str, operation: dict[str, Any]) -> None:
    """The protocol's routes are served with and without a version, by the same views."""
    name = operation["operationId"]
    if not path.startswith("/v2"):
        return
    name = name.rstrip("0123456789_") if name[-1:].isdigit() else name
    if BY_VERSION in path:
        name = name.replace("v2_model", "v2_version").replace("v2_infer", "v2_version_infer")
    if name.endswith("_get"):
        name = name.removesuffix("_get") + "_by_get"
    operation["operationId"] = name


def answer_limits(path: str, operation: dict[str, Any]) -> None:
    """Every request with a token may come too often, and every body too slowly."""
    if not path.startswith("/api/"):
        return
    if operation.get("security"):
        operation["responses"].setdefault("429", problem_response(429, WORDS[429]))
    if "requestBody" in operation:
        operation["responses"].setdefault("408", problem_response(408, TOO_SLOW))


def add_headers(operation: dict[str, Any]) -> None:
    """Who is told to come back is told when; who may name a question hears the name."""
    if "429" in operation["responses"]:
        operation["responses"]["429"]["headers"] = {"Retry-After": RETRY_AFTER}
    named = any(one["name"] == REQUEST_ID for one in operation.get("parameters", ()))
    if named:
        operation["responses"]["200"].setdefault("headers", {})[REQUEST_ID] = ECHOED


def problem_response(status: int, words: str) -> dict[str, Any]:
    content = {"schema": PROBLEM, "example": problem_data(status, words)}
    return {"description": words, "content": {PROBLEM_MEDIA_TYPE: content}}
