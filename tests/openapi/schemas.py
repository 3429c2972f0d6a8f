"""Judge data by the schemas of the description, which are those of OpenAPI 3.0."""

from __future__ import annotations

from typing import Any

import jsonschema


def as_json_schema(schema: Any) -> Any:
    """`nullable` in the words of JSON Schema."""
    if isinstance(schema, list):
        return [as_json_schema(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    known = {name: as_json_schema(part) for name, part in schema.items() if name != "nullable"}
    if schema.get("nullable") is True:
        return {"anyOf": [known, {"type": "null"}]}
    return known


def problems(document: dict[str, Any], schema: dict[str, Any], data: Any) -> list[str]:
    """What of the data breaks the schema; empty where it fits."""
    whole = {**as_json_schema(schema), "components": as_json_schema(document["components"])}
    validator = jsonschema.Draft202012Validator(whole)
    return [
        f"{'.'.join(map(str, error.absolute_path)) or '(document)'}: {error.message[:200]}"
        for error in validator.iter_errors(data)
    ]
