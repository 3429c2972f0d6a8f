"""What an `MLmodel` and a graph say of themselves, and what is made of it. No server is needed."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry.mlflow_bridge import record
from registry.mlflow_bridge.errors import MlflowError, UntakenError
from registry.mlflow_bridge.external_data import files_beside, make_whole
from registry.mlflow_bridge.fetching import judge
from registry.mlflow_bridge.remote import RemoteVersion, Wanted, read_wanted
from registry.versions.errors import FileRejectedError
from tests.mlflow_bridge import foreign

VERSION = RemoteVersion("walker", "3", "", "models:/m-1", "READY", "")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("walker", Wanted("walker")),
        ("walker/3", Wanted("walker", number="3")),
        ("walker@best", Wanted("walker", alias="best")),
        ("a name with@in it@best", Wanted("a name with@in it", alias="best")),
    ],
)
def test_model_version_or_alias_is_read(text, wanted):
    assert read_wanted(text) == wanted


@pytest.mark.parametrize(
    "text", ["", "@best", "walker@", "walker/", "walker/0", "walker/x", "/3", "a:b", "a/1@best"]
)
def test_what_names_no_model_is_refused(text):
    with pytest.raises(MlflowError, match="expected a model of the MLflow server"):
        read_wanted(text)


def test_onnx_flavour_is_taken_and_what_is_beside_it_left():
    said = {
        "flavors": {
            "onnx": {"data": "data/model.onnx"},
            "python_function": {"loader_module": "mlflow.onnx"},
            "sklearn": {"pickled_model": "model.pkl"},
        }
    }
    described = judge(said, VERSION)
    assert (described.exported, described.graph) == (False, "data/model.onnx")
    assert described.left == ("sklearn",)


@pytest.mark.parametrize(
    ("flavours", "words"),
    [
        ({"pytorch": {"model_data": "data"}}, "found the flavour pytorch; expected"),
        (
            {"python_function": {"loader_module": "mlflow.pyfunc.model"}},
            r"python_function \(mlflow.pyfunc.model\)",
        ),
        ({"sklearn": {"serialization_format": "pickle"}}, r"sklearn \(pickle\)"),
        ({}, "found no flavour"),
        (None, "found no flavour"),
        ({"onnx": "model.onnx"}, "found the flavour onnx; expected the flavour onnx"),
        (["onnx"], "found no flavour"),
    ],
)
def test_other_flavours_are_refused_with_what_to_do(flavours, words):
    with pytest.raises(UntakenError, match=words) as error:
        judge({"flavors": flavours}, VERSION)
    assert "log it with mlflow.onnx.log_model" in str(error.value)


@pytest.mark.parametrize(
    "path",
    [
        *("../model.onnx", "/etc/passwd", "a/../../b", "http://x/y", "a\\b", "", ".hidden", "a//b"),
        *("%2e%2e/x", "a/%2e%2e/b", "x\x00y", "x\n", "a" * 200, "a/" * 10 + "b", None, 7, ["a"]),
    ],
)
def test_onnx_file_of_a_strange_path_is_not_asked_for(path):
    with pytest.raises(UntakenError, match="expected a plain path below it"):
        judge({"flavors": {"onnx": {"data": path}}}, VERSION)


def graph_with(tmp_path: Path, **facts: str) -> Path:
    """A model whose first weight lies outside, as `facts` say."""
    from onnx import TensorProto

    proto = foreign.dense()
    tensor = proto.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in facts.items():
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value
    path = tmp_path / "graph"
    path.write_bytes(proto.SerializeToString())
    return path


def test_weights_beside_the_graph_are_put_inside(tmp_path):
    graph = graph_with(tmp_path, location="w.data", offset="8", length="2560")
    assert files_beside(graph, "model.onnx") == ["w.data"]
    weight = foreign.weights()[0].tobytes()
    beside, whole = tmp_path / "fetched", tmp_path / "whole"
    beside.write_bytes(b"12345678" + weight + b"more")
    make_whole(graph, {"w.data": beside}, whole, "model.onnx")
    assert whole.read_bytes() == foreign.dense().SerializeToString(deterministic=True)
    assert files_beside(whole, "model.onnx") == []


@pytest.mark.parametrize(
    "location", ["../w", "/etc/passwd", "a/b", "", ".", "..", "a\\b", "w\x00", "w" * 300]
)
def test_weights_elsewhere_are_refused(tmp_path, location):
    with pytest.raises(FileRejectedError, match="expected a file beside it"):
        files_beside(graph_with(tmp_path, location=location), "model.onnx")


@pytest.mark.parametrize(
    "facts",
    [
        {"offset": "9", "length": "1"},
        {"offset": "0", "length": "9"},
        {"offset": "-1", "length": "4"},
        {"offset": "0", "length": "1e3"},
        {"offset": "9" * 13},
        {"offset": "٣"},
    ],
)
def test_weights_that_are_not_where_the_graph_says_are_refused(tmp_path, facts):
    graph = graph_with(tmp_path, location="w.data", **facts)
    beside = tmp_path / "fetched"
    beside.write_bytes(b"12345678")
    with pytest.raises(FileRejectedError, match="of a file of 8 bytes"):
        make_whole(graph, {"w.data": beside}, tmp_path / "whole", "model.onnx")
    assert not (tmp_path / "whole").exists()


def test_graph_that_is_none_is_refused(tmp_path):
    path = tmp_path / "graph"
    path.write_bytes(b"\x80\x04K\x01.")
    with pytest.raises(FileRejectedError, match="cannot be parsed"):
        files_beside(path, "model.onnx")


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{}", b"\xff", b'{"format": "hamlet-mlflow-1"}', b"[" * 10_000, b'{"a":1,"a":2}'],
)
def test_record_that_hamlet_did_not_write_is_refused(content):
    with pytest.raises((UntakenError, ValueError), match=r"hamlet\.json"):
        record.read(content, "walker/3")
