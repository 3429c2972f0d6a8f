"""A conformance suite of the Open Inference Protocol v2 over REST, for any server.

    OIP_URL=http://127.0.0.1:8000 OIP_MODEL=walker OIP_TOKEN=hw_... \\
        pytest tests/protocol/test_conformance.py

Each function takes a Subject and raises AssertionError. The model must take one required FP32 input
of fixed width behind a batch axis, and may take more that are optional. What the specification
leaves to a server is said where it is decided here.

Source: https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.serving.asking import Program, Told

HEADER_LENGTH = "Inference-Header-Content-Length"
CASES: list[Callable[[Subject], None]] = []


@dataclass
class Subject:
    """A server and a model on it. `metadata` is what the server says of the model."""

    program: Program
    model: str

    @property
    def path(self) -> str:
        return f"/v2/models/{self.model}"

    @property
    def metadata(self) -> dict[str, Any]:
        told = self.program.get(self.path)
        assert told.status == 200, told.body
        return told.data

    @property
    def required(self) -> dict[str, Any]:
        """The FP32 input that a request needs."""
        return next(
            spec
            for spec in self.metadata["inputs"]
            if spec["datatype"] == "FP32" and not spec.get("parameters", {}).get("optional")
        )

    @property
    def width(self) -> int:
        return abs(math.prod(self.required["shape"]))

    def tensor(self, rows: int = 1, **changes: Any) -> dict[str, Any]:
        """The required input, zeros, with these fields changed; None leaves one out."""
        shape = [rows if size == -1 else size for size in self.required["shape"]]
        tensor = {
            "name": self.required["name"],
            "shape": shape,
            "datatype": "FP32",
            "data": [0.0] * math.prod(shape),
        } | changes
        return {name: value for name, value in tensor.items() if value is not None}

    def infer(self, body: Any, headers: dict[str, str] | None = None, version: str = "") -> Told:
        where = f"{self.path}/versions/{version}" if version else self.path
        return self.program.ask(f"{where}/infer", body, headers)


def case(check: Callable[[Subject], None]) -> Callable[[Subject], None]:
    CASES.append(check)
    return check


def refused(told: Told, status: int = 400) -> str:
    """That it was refused as the protocol says. Returns: why."""
    assert told.status == status, (told.status, told.body)
    data = told.data
    assert isinstance(data, dict), data
    assert isinstance(data["error"], str), data
    assert data["error"], data
    return data["error"]


def check_outputs(subject: Subject, data: dict[str, Any], rows: int) -> None:
    specs = {spec["name"]: spec for spec in subject.metadata["outputs"]}
    for output in data["outputs"]:
        spec = specs[output["name"]]
        assert output["datatype"] == spec["datatype"]
        assert output["shape"] == [rows if size == -1 else size for size in spec["shape"]]
        if "data" in output:
            assert len(output["data"]) == math.prod(output["shape"]), "flat, row-major"


@case
def health_has_both_keys(subject: Subject) -> None:
    for question in ("live", "ready"):
        told = Program(subject.program.url, None).get(f"/v2/health/{question}")
        assert told.status == 200
        assert told.data["live"] is True
        assert told.data["ready"] is True


@case
def server_metadata_is_complete_with_and_without_slash(subject: Subject) -> None:
    for path in ("/v2", "/v2/"):
        data = subject.program.get(path).data
        assert isinstance(data["name"], str)
        assert isinstance(data["version"], str)
        assert isinstance(data["extensions"], list)


@case
def model_metadata_is_complete(subject: Subject) -> None:
    data = subject.metadata
    assert data["name"] == subject.model
    assert data["versions"]
    assert all(isinstance(version, str) for version in data["versions"])
    assert data["platform"].count("_") >= 1
    for spec in [*data["inputs"], *data["outputs"]]:
        assert {"name", "datatype", "shape"} <= set(spec)
        assert all(isinstance(size, int) for size in spec["shape"])


@case
def every_version_has_metadata_and_is_ready(subject: Subject) -> None:
    for version in subject.metadata["versions"]:
        where = f"{subject.path}/versions/{version}"
        assert subject.program.get(where).data["name"] == subject.model
        assert subject.program.get(f"{where}/ready").data == {"name": subject.model, "ready": True}


@case
def model_is_ready(subject: Subject) -> None:
    told = subject.program.get(f"{subject.path}/ready")
    assert told.data == {"name": subject.model, "ready": True}


@case
def inference_answers_with_all_outputs(subject: Subject) -> None:
    told = subject.infer({"inputs": [subject.tensor(rows=3)]})
    assert told.status == 200, told.body
    data = told.data
    assert data["model_name"] == subject.model
    assert data["model_version"] in subject.metadata["versions"]
    assert "id" not in data
    named = [output["name"] for output in data["outputs"]]
    assert named == [spec["name"] for spec in subject.metadata["outputs"]]
    check_outputs(subject, data, 3)


@case
def id_is_echoed(subject: Subject) -> None:
    told = subject.infer({"id": "42 / é", "inputs": [subject.tensor()]})
    assert told.data["id"] == "42 / é"


@case
def named_version_answers(subject: Subject) -> None:
    version = subject.metadata["versions"][0]
    told = subject.infer({"inputs": [subject.tensor()]}, version=version)
    assert told.data["model_version"] == version


@case
def nested_and_flat_data_give_the_same(subject: Subject) -> None:
    rows = [[row + column / 7 for column in range(subject.width)] for row in range(2)]
    flat = [number for row in rows for number in row]
    first, second = (
        subject.infer({"inputs": [subject.tensor(rows=2, data=data)]}) for data in (rows, flat)
    )
    assert first.status == second.status == 200, first.body
    assert first.data["outputs"] == second.data["outputs"]


@case
def only_requested_outputs_come(subject: Subject) -> None:
    name = subject.metadata["outputs"][-1]["name"]
    told = subject.infer({"inputs": [subject.tensor()], "outputs": [{"name": name}]})
    assert [output["name"] for output in told.data["outputs"]] == [name]


@case
def parameters_it_does_not_know_have_no_effect(subject: Subject) -> None:
    tensor = subject.tensor(parameters={"content_type": "np", "flag": True, "number": 1.5})
    told = subject.infer({"parameters": {"custom": "x"}, "inputs": [tensor]})
    assert told.status == 200, told.body


@case
def other_datatypes_stand_in_where_no_value_changes(subject: Subject) -> None:
    ones = subject.infer({"inputs": [subject.tensor(data=[1.0] * subject.width)]}).data["outputs"]
    for datatype in ("FP64", "INT8", "UINT8", "INT32", "INT64", "UINT64"):
        tensor = subject.tensor(datatype=datatype, data=[1] * subject.width)
        told = subject.infer({"inputs": [tensor]})
        assert told.status == 200, told.body
        assert told.data["outputs"] == ones
    for datatype, value in (("INT64", 2**24 + 1), ("FP64", 0.1)):
        tensor = subject.tensor(datatype=datatype, data=[value] * subject.width)
        assert datatype in refused(subject.infer({"inputs": [tensor]}))


@case
def bytes_go_in_and_out(subject: Subject) -> None:
    numbers = [column / 3 for column in range(subject.width)]
    as_json = subject.infer({"inputs": [subject.tensor(data=numbers)]}).data
    content = struct.pack(f"<{subject.width}f", *numbers)
    tensor = subject.tensor(data=None, parameters={"binary_data_size": len(content)})
    told = ask_binary(subject, {"inputs": [tensor]}, content)
    assert told.status == 200, told.body
    assert told.data["outputs"] == as_json["outputs"]
    wanted = {"inputs": [tensor], "parameters": {"binary_data_output": True}}
    told = ask_binary(subject, wanted, content)
    assert told.headers["content-type"] == "application/octet-stream"
    assert read_binary(told) == {output["name"]: output["data"] for output in as_json["outputs"]}


@case
def each_output_chooses_its_form(subject: Subject) -> None:
    names = [spec["name"] for spec in subject.metadata["outputs"]]
    wanted = [{"name": names[0], "parameters": {"binary_data": True}}, {"name": names[1]}]
    told = subject.infer({"inputs": [subject.tensor()], "outputs": wanted})
    head, _ = part(told)
    assert "data" not in head["outputs"][0]
    assert "data" in head["outputs"][1]
    wanted = [{"name": names[0], "parameters": {"binary_data": False}}, {"name": names[1]}]
    body = {
        "inputs": [subject.tensor()],
        "outputs": wanted,
        "parameters": {"binary_data_output": True},
    }
    head, _ = part(subject.infer(body))
    assert "data" in head["outputs"][0]
    assert "data" not in head["outputs"][1]


@case
def bytes_that_do_not_fit_are_refused(subject: Subject) -> None:
    good = struct.pack(f"<{subject.width}f", *[0.0] * subject.width)
    size = len(good)
    for said, sent in ((size, good[:-4]), (size, good + b"more"), (size - 4, good), (-1, good)):
        tensor = subject.tensor(data=None, parameters={"binary_data_size": said})
        refused(ask_binary(subject, {"inputs": [tensor]}, sent))
    both = subject.tensor(parameters={"binary_data_size": size})
    refused(ask_binary(subject, {"inputs": [both]}, good))
    nan = struct.pack(f"<{subject.width}f", *[math.nan] * subject.width)
    tensor = subject.tensor(data=None, parameters={"binary_data_size": size})
    refused(ask_binary(subject, {"inputs": [tensor]}, nan))
    for length in ("0", "-1", "x", str(10**9), "9" * 30):
        refused(subject.infer({"inputs": [tensor]}, {HEADER_LENGTH: length}))


@case
def unknown_model_and_version_are_404(subject: Subject) -> None:
    """The specification lets a server choose a version of its own; this suite wants an error."""
    body = {"inputs": [subject.tensor()]}
    refused(subject.infer(body, version="9999.0.0"), 404)
    for path in (f"{subject.path}/versions/9999.0.0", f"{subject.path}-not-there"):
        refused(subject.program.get(path), 404)
        refused(subject.program.get(f"{path}/ready"), 404)
        refused(subject.program.ask(f"{path}/infer", body), 404)


@case
def the_specifications_own_wrong_example_is_refused(subject: Subject) -> None:
    """A BOOL of shape [3] with a single datum."""
    tensor = {"name": "input0", "shape": [3], "datatype": "BOOL", "data": [True]}
    refused(subject.infer({"inputs": [tensor]}))


@case
def requests_that_are_none_are_refused(subject: Subject) -> None:
    tensor = subject.tensor()
    for body in (
        [],
        {},
        {"inputs": None},
        {"inputs": []},
        {"inputs": {}},
        {"inputs": ["x"]},
        {"inputs": [tensor, tensor]},
        {"inputs": [tensor, {**tensor, "name": "not-there"}]},
        {"inputs": [tensor], "id": 7},
        {"inputs": [tensor], "parameters": []},
        {"inputs": [tensor], "parameters": {"nested": {}}},
        {"inputs": [tensor], "outputs": "all"},
        {"inputs": [tensor], "outputs": [{"name": "not-there"}]},
        {"inputs": [tensor], "outputs": [{"name": 7}]},
        {"inputs": [tensor], "outpust": []},
    ):
        refused(subject.infer(body))


@case
def tensors_that_contradict_themselves_are_refused(subject: Subject) -> None:
    width = subject.width
    for changes in (
        {"name": None},
        {"name": ""},
        {"shape": None},
        {"datatype": None},
        {"data": None},
        {"datatype": "FP31"},
        {"datatype": "BYTES"},
        {"datatype": "FP16"},
        {"datatype": "BOOL", "data": [True] * width},
        {"shape": []},
        {"shape": [width]},
        {"shape": [1, -width]},
        {"shape": [-1, width]},
        {"shape": [0, width], "data": []},
        {"shape": [1.0, width]},
        {"shape": [True, width]},
        {"shape": [2**31, 2**31]},
        {"shape": [2**62, 2**62, 2**62]},
        {"shape": [2, width]},
        {"shape": [1] * 100},
        {"data": [0.0] * (width + 1)},
        {"data": [["0.0"] * width]},
        {"data": [True] * width},
        {"data": [None] * width},
        {"data": [[0.0] * (width - 1)]},
        {"data": [[0.0] * width, 0.0]},
        {"data": "AAAA"},
        {"data": [1e39] * width},
        {"datatype": "UINT8", "data": [256] * width},
        {"datatype": "UINT8", "data": [-1] * width},
        {"datatype": "INT64", "data": [1.5] * width},
        {"parameters": {"shared_memory_region": "x"}},
        {"extra": 1},
    ):
        refused(subject.infer({"inputs": [subject.tensor(**changes)]}))


@case
def documents_that_are_no_strict_json_are_refused(subject: Subject) -> None:
    for body in (b"", b"{", b'{"inputs": [NaN]}', b"[" * 10_000 + b"]" * 10_000, b"\xff\xfe"):
        refused(subject.infer(body))


@case
def other_content_types_are_refused(subject: Subject) -> None:
    refused(subject.infer({"inputs": [subject.tensor()]}, {"Content-Type": "text/plain"}), 415)


@case
def nobody_is_answered_without_a_token(subject: Subject) -> None:
    stranger = Program(subject.program.url, None)
    refused(stranger.get(subject.path), 401)
    refused(stranger.ask(f"{subject.path}/infer", {"inputs": [subject.tensor()]}), 401)


@case
def addresses_that_are_not_there_are_told(subject: Subject) -> None:
    refused(subject.program.get("/v2/nothing"), 404)
    refused(subject.program.get(f"{subject.path}/infer"), 405)


def ask_binary(subject: Subject, head: Any, content: bytes) -> Told:
    encoded = json.dumps(head).encode()
    headers = {HEADER_LENGTH: str(len(encoded)), "Content-Type": "application/octet-stream"}
    return subject.infer(encoded + content, headers)


def part(told: Told) -> tuple[dict[str, Any], bytes]:
    """The JSON of a reply and the bytes behind it."""
    assert told.status == 200, told.body
    size = int(told.headers.get(HEADER_LENGTH.lower(), len(told.body)))
    return json.loads(told.body[:size]), told.body[size:]


FORMATS = {"FP32": "f", "INT64": "q", "BOOL": "?"}


def read_binary(told: Told) -> dict[str, list[Any]]:
    head, rest = part(told)
    found = {}
    for output in head["outputs"]:
        size = output["parameters"]["binary_data_size"]
        count = math.prod(output["shape"])
        found[output["name"]] = list(
            struct.unpack(f"<{count}{FORMATS[output['datatype']]}", rest[:size])
        )
        rest = rest[size:]
    assert rest == b""
    return found
