"""What the document says of the Open Inference Protocol v2: tensors, JSON with bytes, refusals.

The routes are views of Django and routes of the serving application, so their shapes stand here
once, as the protocol spells them.

Source: https://github.com/kserve/open-inference-protocol and, for the extension,
https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md
"""

from __future__ import annotations

import json
from typing import Any

JSON, BINARY = "application/json", "application/octet-stream"
HEADER_LENGTH, REQUEST_ID = "Inference-Header-Content-Length", "X-Request-Id"
# As registry/serving/protocol/tensors.py takes them; that file brings NumPy.
DATATYPES = (
    *("BOOL", "UINT8", "UINT16", "UINT32", "UINT64"),
    *("INT8", "INT16", "INT32", "INT64", "FP16", "FP32", "FP64"),
)
TOO_SLOW = "The body did not come within the time it may take"
REFUSALS = {
    400: "What was found, what was expected",
    401: "No token, or one that is unknown, expired or revoked",
    403: "The role or the token's scopes do not allow it",
    404: "Not there, or not visible to you",
    408: TOO_SLOW,
    409: "An archived version, or a session that another version began",
    413: "Larger than 4 MiB",
    415: "Neither application/json nor application/octet-stream",
    429: "Too much at this moment; Retry-After says when to come back",
    503: "The server has too much to do, or cannot reach what it needs",
}
EVERYWHERE = (401, 403, 429, 503)
OF_A_MODEL = (*EVERYWHERE, 404, 409)
OF_A_QUESTION = (*OF_A_MODEL, 400, 408, 413, 415)

TEXT, FLAG = {"type": "string"}, {"type": "boolean"}
COUNT = {"type": "integer", "minimum": 0}
PLAIN = {"anyOf": [TEXT, {"type": "number"}, FLAG]}


def component(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def list_of(items: dict[str, Any], **rest: Any) -> dict[str, Any]:
    return {"type": "array", "items": items, **rest}


def mapping(required: tuple[str, ...], closed: bool = False, **fields: Any) -> dict[str, Any]:
    """Args: closed: whether a field that is not named here is refused."""
    schema: dict[str, Any] = {"type": "object", "properties": fields}
    if required:  # an empty list is no OpenAPI
        schema["required"] = [*required]
    return {**schema, "additionalProperties": False} if closed else schema


def parameters(**known: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "nullable": True,
        "properties": known,
        "additionalProperties": PLAIN,
    }


NAME = {"type": "string", "minLength": 1}
DATATYPE = {"type": "string", "enum": list(DATATYPES)}
NUMBERS = {
    "type": "array",
    "description": "row-major in one list, or nested as the shape says",
    "items": {"anyOf": [{"type": "number"}, FLAG, {"type": "array", "items": {}}]},
}
OF_A_TENSOR = {
    "name": NAME,
    "datatype": DATATYPE,
    "shape": list_of({"type": "integer", "minimum": -1}, description="-1: any number of rows"),
}
BYTES_BEHIND = {**COUNT, "description": "of the bytes behind the JSON that are this tensor"}
SCHEMAS: dict[str, Any] = {
    "V2Server": mapping(
        ("name", "version", "extensions"), name=TEXT, version=TEXT, extensions=list_of(TEXT)
    ),
    "V2Health": mapping(("live", "ready"), live=FLAG, ready=FLAG),
    "V2TensorMetadata": mapping(
        ("name", "datatype", "shape"),
        **OF_A_TENSOR,
        parameters=mapping((), optional={**FLAG, "description": "it may be left out"}),
    ),
    "V2Model": mapping(
        ("name", "versions", "platform", "inputs", "outputs"),
        name=TEXT,
        versions=list_of(TEXT, description="those that answer, oldest first"),
        platform=TEXT,
        inputs=list_of(component("V2TensorMetadata")),
        outputs=list_of(component("V2TensorMetadata")),
    ),
    "V2ModelReady": mapping(("name", "ready"), name=TEXT, ready=FLAG),
    "V2Index": list_of(
        mapping(
            ("name", "version", "state", "reason"),
            name=TEXT,
            version=TEXT,
            state={**TEXT, "enum": ["READY"]},
            reason=TEXT,
        )
    ),
    "V2Input": mapping(
        ("name", "shape", "datatype"),
        closed=True,
        name=NAME,
        shape=list_of(COUNT, minItems=1, maxItems=8),
        datatype=DATATYPE,
        data=NUMBERS,
        parameters=parameters(binary_data_size=BYTES_BEHIND),
    ),
    "V2WantedOutput": mapping(
        ("name",),
        closed=True,
        name=NAME,
        parameters=parameters(
            binary_data={**FLAG, "description": "as bytes behind the JSON"},
        ),
    ),
    "V2Question": mapping(
        ("inputs",),
        closed=True,
        id={**TEXT, "maxLength": 256, "nullable": True, "description": "echoed"},
        model_name={"description": "not read: the address says it"},
        model_version={"description": "not read: the address says it"},
        parameters=parameters(
            binary_data_output={**FLAG, "description": "all outputs as bytes, unless one differs"},
            session={**TEXT, "description": "keep a recurrent model's state under this key"},
            session_reset={**FLAG, "description": "begin the session anew"},
        ),
        inputs=list_of(component("V2Input"), minItems=1, maxItems=64),
        outputs=list_of(
            component("V2WantedOutput"), maxItems=64, nullable=True, description="all without it"
        ),
    ),
    "V2Output": mapping(
        ("name", "datatype", "shape"),
        **OF_A_TENSOR,
        data=NUMBERS,
        parameters=mapping((), binary_data_size=BYTES_BEHIND),
    ),
    "V2Answer": mapping(
        ("model_name", "model_version", "parameters", "outputs"),
        id=TEXT,
        model_name=TEXT,
        model_version=TEXT,
        parameters={
            "type": "object",
            "description": "engine, request_id, batch_rows, times in ms, and of a session its key",
            "additionalProperties": PLAIN,
        },
        outputs=list_of(component("V2Output")),
    ),
    "V2Refusal": mapping(("error",), error=TEXT),
}
OCTETS = {"type": "string", "format": "binary"}
ASKED = {
    "inputs": [
        {
            "name": "observation",
            "shape": [1, 38],
            "datatype": "FP32",
            "parameters": {"binary_data_size": 152},
        }
    ]
}
# Four characters 0 are a small number of FP32, so that all of it can be read and sent.
BYTES_EXAMPLE = json.dumps(ASKED) + "0" * 152
LENGTH = {
    "in": "header",
    "name": HEADER_LENGTH,
    "schema": {"type": "integer", "minimum": 1},
    "description": "bytes of the JSON, where bytes of tensors follow it in the order of the "
    f"inputs; {len(json.dumps(ASKED))} in the example",
}
GIVEN_ID = {
    "in": "header",
    "name": REQUEST_ID,
    "schema": TEXT,
    "description": "echoed, and kept in the log; 1 to 64 of A-Z a-z 0-9 . _ -",
}
ECHOED = {"description": "by which GET /api/v1/predictions/{request_id} finds it", "schema": TEXT}


def describe_protocol(path: str, operation: dict[str, Any]) -> None:
    """Give an operation below /v2 what it takes and gives."""
    if path.endswith("/health/live"):
        operation["responses"] = {"200": good("V2Health")}
    elif path.endswith("/health/ready"):
        away = good("V2Health", "The database is away")
        away["content"][JSON]["examples"] = {"away": {"value": {"live": False, "ready": False}}}
        operation["responses"] = {"200": good("V2Health"), "503": away}
    elif path.endswith("/infer"):
        describe_infer(operation)
    else:
        name, refusals = kind_of(path)
        operation["responses"] = {"200": good(name), **refused(refusals)}
    if path.endswith("}/ready"):
        words = "As above; and where the version's file is damaged, with name and ready"
        operation["responses"]["503"]["description"] = words


def kind_of(path: str) -> tuple[str, tuple[int, ...]]:
    """The schema of a good answer, and the refusals."""
    if path == "/v2":
        return "V2Server", EVERYWHERE
    if path.endswith("/repository/index"):
        return "V2Index", EVERYWHERE
    return ("V2ModelReady" if path.endswith("/ready") else "V2Model"), OF_A_MODEL


def describe_infer(operation: dict[str, Any]) -> None:
    operation["parameters"] = [*operation.get("parameters", []), LENGTH, GIVEN_ID]
    operation["requestBody"] = {
        "required": True,
        "content": {
            JSON: {"schema": component("V2Question")},
            BINARY: {"schema": OCTETS, "example": BYTES_EXAMPLE},
        },
    }
    answer = good("V2Answer", "JSON; or JSON and bytes, where an output is wanted as bytes")
    answer["content"][BINARY] = {"schema": OCTETS}
    answer["headers"] = {
        REQUEST_ID: ECHOED,
        HEADER_LENGTH: {
            "description": "bytes of the JSON, where bytes of tensors follow it",
            "schema": COUNT,
        },
    }
    operation["responses"] = {"200": answer, **refused(OF_A_QUESTION)}


def good(name: str, words: str = "") -> dict[str, Any]:
    return {"description": words, "content": {JSON: {"schema": component(name)}}}


def refused(statuses: tuple[int, ...]) -> dict[str, Any]:
    return {str(status): good("V2Refusal", REFUSALS[status]) for status in statuses}
