"""NVIDIA's own client of the protocol works unchanged."""

from __future__ import annotations

from urllib.parse import urlsplit

import numpy as np
import pytest
from tritonclient import http as triton
from tritonclient.utils import InferenceServerException

from hamlet.model import HamletModel
from registry.artifacts.store import open_artifact

ROWS = np.random.default_rng(1).normal(size=(3, 38)).astype(np.float32)


@pytest.fixture
def version(register):
    return register(onnx=True)


@pytest.fixture
def expected(version) -> dict[str, np.ndarray]:
    home = HamletModel.load_from_checkpoint(open_artifact(version.artifact))
    return {name: tensor.numpy() for name, tensor in home.run({"observation": ROWS}).items()}


@pytest.fixture
def headers(program) -> dict[str, str]:
    return {"Authorization": f"Bearer {program.secret}"}


@pytest.fixture
def client(program):
    with triton.InferenceServerClient(urlsplit(program.url).netloc) as found:
        yield found


def observation(rows: np.ndarray = ROWS, *, binary: bool = True) -> triton.InferInput:
    tensor = triton.InferInput("observation", list(rows.shape), "FP32")
    tensor.set_data_from_numpy(rows, binary_data=binary)
    return tensor


def check(result: triton.InferResult, expected: dict[str, np.ndarray]) -> None:
    assert np.allclose(result.as_numpy("q_values"), expected["q_values"], rtol=1e-5, atol=1e-6)
    assert result.as_numpy("q_values").dtype == np.float32
    assert np.array_equal(result.as_numpy("actions"), expected["actions"])


@pytest.mark.parametrize("binary_in", [True, False])
@pytest.mark.parametrize("binary_out", [True, False])
def test_infer_in_every_form(client, headers, expected, binary_in, binary_out):
    outputs = [triton.InferRequestedOutput(name, binary_data=binary_out) for name in expected]
    inputs = [observation(binary=binary_in)]
    result = client.infer("walker", inputs, outputs=outputs, request_id="7", headers=headers)
    check(result, expected)
    assert result.get_response()["id"] == "7"
    assert result.get_response()["model_version"] == "1.0.0"


@pytest.mark.parametrize("packing", ["gzip", "deflate"])
def test_compressed_both_ways(client, headers, expected, packing):
    result = client.infer(
        "walker",
        [observation()],
        headers=headers,
        request_compression_algorithm=packing,
        response_compression_algorithm=packing,
    )
    check(result, expected)


@pytest.mark.parametrize("asked", ["1.0.0", "latest"])
def test_version_by_number_and_by_alias(client, headers, expected, asked):
    check(client.infer("walker", [observation()], asked, headers=headers), expected)


def test_several_inputs_and_at_once(client, headers, version):
    mask = np.zeros((3, 8), bool)
    mask[:, 5] = True
    tensor = triton.InferInput("action_mask", [3, 8], "BOOL")
    tensor.set_data_from_numpy(mask)
    asked = [
        client.async_infer("walker", [observation(), tensor], headers=headers) for _ in range(5)
    ]
    for one in asked:
        assert one.get_result().as_numpy("actions").tolist() == [5, 5, 5]


def test_everything_it_may_ask_about_a_server_and_a_model(client, headers, version):
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("walker", headers=headers)
    assert client.is_model_ready("walker", "1.0.0", headers=headers)
    assert not client.is_model_ready("walker", "9.0.0", headers=headers)
    assert "binary_tensor_data" in client.get_server_metadata(headers=headers)["extensions"]
    metadata = client.get_model_metadata("walker", headers=headers)
    assert metadata["versions"] == ["1.0.0"]
    assert metadata["inputs"][0] == {
        "name": "observation",
        "datatype": "FP32",
        "shape": [-1, 38],
    }
    index = client.get_model_repository_index(headers=headers)
    assert index == [{"name": "walker", "version": "1.0.0", "state": "READY", "reason": ""}]


def test_refusals_reach_the_client_in_words(client, headers, version):
    with pytest.raises(InferenceServerException, match="expected 38"):
        client.infer("walker", [observation(ROWS[:, :7])], headers=headers)
    with pytest.raises(InferenceServerException, match="no model 'nobody'"):
        client.infer("nobody", [observation()], headers=headers)
    with pytest.raises(InferenceServerException, match="401"):
        client.infer("walker", [observation()])
