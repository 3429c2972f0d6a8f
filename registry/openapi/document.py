"""What drf-spectacular's document gets besides: groups, short titles, limits and examples.

The settings name `one_address_each` and `complete` as hooks of the generator.
"""

from __future__ import annotations

from typing import Any

from registry.api_schema import PROBLEM_MEDIA_TYPE, WORDS
from registry.openapi.examples import add_examples
from registry.openapi.grouping import group_of, tags
from registry.problems import problem_data

METHODS = ("get", "post", "put", "patch", "delete")
BY_VERSION = "/versions/{number}"
SESSION = (
    "The cookie of a signed-in browser. Whatever changes something also needs the header "
    "X-CSRFToken with the value of the csrftoken cookie."
)
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
            answer_limits(path, operation)
            operation["responses"] = dict(sorted(operation["responses"].items()))
            add_examples(operation)
    result["tags"] = tags(used)
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
    """Every request with a token may come too often."""
    if operation.get("security") and path.startswith("/api/"):
        operation["responses"].setdefault("429", problem_response(429))


def problem_response(status: int) -> dict[str, Any]:
    content = {"schema": PROBLEM, "example": problem_data(status, WORDS[status])}
    return {"description": WORDS[status], "content": {PROBLEM_MEDIA_TYPE: content}}
