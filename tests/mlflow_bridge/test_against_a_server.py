"""What a real MLflow server serves of ours, and what is taken of what others gave it."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.conf import settings
from django.core.management import CommandError

from hamlet.model import HamletModel
from hamlet.onnx_model import OnnxModel
from hamletweb.embedded.process import free_port
from registry.aliases.services import move_alias
from registry.artifacts import disk
from registry.artifacts.models import Artifact
from registry.artifacts.store import open_artifact
from registry.models import AuditEntry, ModelVersion, RegisteredModel
from tests.mlflow_bridge import foreign
from tests.registry.checkpoints import RECURRENT
from tests.running.processes import PlatformProcess

pytestmark = [pytest.mark.django_db, pytest.mark.slow(20)]
ROWS = 4


def questions(model: HamletModel) -> dict[str, np.ndarray]:
    """All inputs of a model, as a bare graph wants them."""
    drawn = np.random.default_rng(3)
    made = {}
    for spec in model.signature().inputs:
        shape = [ROWS if size == -1 else size for size in spec.shape]
        made[spec.name] = (
            np.ones(shape, dtype=bool)
            if spec.dtype == "bool"
            else drawn.random(shape, dtype=np.float32)
        )
    return made


@pytest.mark.parametrize("brain", [None, RECURRENT], ids=["dense", "recurrent"])
def test_mlflow_loads_an_export_and_answers_as_the_original(
    register, run, mlflow_server, monkeypatch, brain
):
    version = register(brain=brain) if brain else register()
    name = "loaded-again" if brain else "loaded"
    run("mlflow_export", "walker@latest", "--name", name)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_server.url)
    import mlflow

    there = mlflow.pyfunc.load_model(f"models:/{name}/1")
    original = HamletModel.load_from_checkpoint(open_artifact(version.artifact))
    asked = questions(original)
    expected, found = original.run(asked), there.predict(asked)
    named = {spec.name for spec in there.metadata.signature.inputs.inputs}
    assert named == set(asked)
    assert {spec.name for spec in there.metadata.signature.outputs.inputs} == set(found)
    for output, tensor in expected.items():
        same = found[f"next_{output}" if output in asked else output]
        np.testing.assert_allclose(same, tensor.numpy(), rtol=1e-5, atol=1e-6)


def test_snippet_of_the_manual_runs_as_printed(register, run, mlflow_server, monkeypatch):
    version = register()
    move_alias(version.model, "best", version)
    assert "best -> walker/1" in run("mlflow_export", "walker")
    page = (Path(settings.BASE_DIR) / "docs/manual/mlflow.md").read_text()
    [snippet] = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_server.url)
    found: dict[str, Any] = {}
    exec(snippet, found)
    assert found["answer"]["q_values"].shape == (2, 8)


@pytest.mark.slow(60)
def test_mlflow_serves_an_export_over_http(register, run, mlflow_server, tmp_path):
    version = register()
    run("mlflow_export", "walker", "--name", "served")
    port = free_port(None)
    command = ["-m", "mlflow", "models", "serve", "-m", "models:/served/1", "--env-manager"]
    command += ["local", "-h", "127.0.0.1", "-p", str(port)]
    path = {"MLFLOW_TRACKING_URI": mlflow_server.url, "PATH": own_path()}
    serving = PlatformProcess(command, tmp_path / "serve.log", path)
    try:
        serving.wait_for_output("Uvicorn running on")
        original = HamletModel.load_from_checkpoint(open_artifact(version.artifact))
        asked = questions(original)
        body = json.dumps({"inputs": {name: each.tolist() for name, each in asked.items()}})
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/invocations",
            body.encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            found = json.load(response)["predictions"]
    finally:
        serving.kill_now()
    expected = original.run(asked)
    assert found["actions"] == expected["actions"].tolist()
    same = expected["q_values"].numpy()
    np.testing.assert_allclose(found["q_values"], same, rtol=1e-5, atol=1e-6)


def own_path() -> str:
    """`mlflow models serve` calls programs by name."""
    return f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"


def test_onnx_model_of_another_program_is_taken_whole_and_answers(run, mlflow_server, tmp_path):
    folder = foreign.save_onnx(foreign.dense(), tmp_path / "model")
    assert list(folder.glob("*.data")), "the weights lie beside the graph"
    mlflow_server.log(
        "stranger",
        folder,
        params={"depth": 2},
        metrics={"loss": 0.25},
        tags={"team": "green", "not a tag": "x"},
        description="made elsewhere",
    )
    for alias in ("champion", "production", "9lives"):
        mlflow_server.client().set_registered_model_alias("stranger", alias, "1")
    said = run("mlflow_import", "stranger@champion", "--as", "adopted")
    assert "'production' is not set here: adopted 1.0.0 is registered" in said
    assert "'9lives' is not set here" in said
    assert "champion -> 1.0.0" in said
    assert "1 tags are not kept: not a tag" in said
    version = RegisteredModel.objects.get(name="adopted").versions.get()
    assert (version.format, version.parameters) == ("onnx", {"depth": "2"})
    assert (version.metrics, version.card.tags) == ({"loss": 0.25}, {"team": "green"})
    assert version.card.description == "made elsewhere"
    assert version.lineage["mlflow"]["version"] == "1"
    assert version.lineage["source"] == "mlflow"
    assert len(version.lineage["mlflow"]["files"]) == 3
    asked = np.random.default_rng(1).random((ROWS, foreign.SIZES[0]), dtype=np.float32)
    found = OnnxModel.load_from_bytes(open_artifact(version.artifact)).run({"x": asked})
    expected = asked
    for weight in foreign.weights():
        expected = expected @ weight
    np.testing.assert_allclose(found["scores"].numpy(), expected, rtol=1e-5, atol=1e-5)
    assert "is here as adopted 1.0.0" in run("mlflow_import", "stranger/1", "--as", "adopted")
    # And on it goes, as any version does.
    assert "adopted 1.0.0 -> adopted/1" in run("mlflow_export", "adopted")
    assert "adopted/1 is here as adopted 1.0.0" in run("mlflow_import", "adopted")


def test_models_that_are_code_are_refused_and_leave_nothing(run, mlflow_server, tmp_path):
    mlflow_server.log("pickled", foreign.save_sklearn(tmp_path / "a", "cloudpickle"))
    mlflow_server.log("pickled", foreign.save_sklearn(tmp_path / "b", "skops"))
    mlflow_server.log("function", foreign.save_function(tmp_path / "c"))
    before = AuditEntry.objects.count()
    for name, words in (
        ("pickled", r"mlflow.sklearn.*sklearn \(cloudpickle\).*\n.*sklearn \(skops\)"),
        ("function", r"found the flavour python_function \(mlflow.pyfunc.model\)"),
    ):
        with pytest.raises(CommandError, match=words) as error:
            run("mlflow_import", name)
        assert "Only ONNX models are taken" in str(error.value)
    assert not RegisteredModel.objects.exists()
    assert not Artifact.objects.exists()
    assert AuditEntry.objects.count() == before


def test_version_that_is_code_does_not_keep_the_others_out(run, mlflow_server, tmp_path):
    mlflow_server.log("mixed", foreign.save_sklearn(tmp_path / "a", "cloudpickle"))
    mlflow_server.log("mixed", foreign.save_onnx(foreign.dense(), tmp_path / "b"))
    said = run("mlflow_import", "mixed")
    assert "not taken: mixed/1: found the flavours" in said
    assert "mixed/2 -> mixed 1.0.0" in said


def test_export_whose_files_were_changed_over_there_is_refused(register, run, mlflow_server):
    register()
    before = set(mlflow_server.artifacts.rglob("checkpoint.safetensors"))
    run("mlflow_export", "walker", "--name", "tampered")
    [checkpoint] = set(mlflow_server.artifacts.rglob("checkpoint.safetensors")) - before
    content = bytearray(checkpoint.read_bytes())
    content[-1] ^= 1
    checkpoint.write_bytes(content)
    with pytest.raises(CommandError, match="Its files were changed over there; export it again"):
        run("mlflow_import", "tampered", "--as", "runner")
    assert not RegisteredModel.objects.filter(name="runner").exists()
    checkpoint.unlink()
    with pytest.raises(CommandError, match="No such artifact"):
        run("mlflow_import", "tampered", "--as", "runner")


def test_number_that_another_file_has_over_there_stops_the_export(register, run, mlflow_server):
    register()
    assert "exported 1 of 1" in run("mlflow_export", "walker/1.0.0", "--name", "crowded")
    other = RegisteredModel.objects.create(name="other", system="town")
    register(model=other, seed=5)
    with pytest.raises(CommandError, match="has a 1.0.0 already, version 1 there"):
        run("mlflow_export", "other", "--name", "crowded")
    assert len(mlflow_server.client().search_model_versions("name='crowded'")) == 1
    with pytest.raises(CommandError, match="has no alias 'best'.*There are: none"):
        run("mlflow_import", "crowded@best")
    with pytest.raises(CommandError, match="nowhere not found"):
        run("mlflow_import", "nowhere")


def test_failed_export_leaves_a_failed_run_and_is_done_again(register, run, mlflow_server):
    version: ModelVersion = register()
    run("mlflow_export", "walker", "--name", "before")  # so that the ONNX file is there
    path = disk.path_of(version.artifact_id)
    kept = path.with_name("kept")
    shutil.copy(path, kept)
    path.write_bytes(kept.read_bytes()[:-1])
    with pytest.raises(CommandError, match="bytes on the disk"):
        run("mlflow_export", "walker", "--name", "broken")
    client = mlflow_server.client()
    assert client.search_model_versions("name='broken'") == []
    experiment = client.get_experiment_by_name("hamlet").experiment_id
    newest = client.search_runs([experiment], order_by=["attributes.created DESC"])
    assert "FAILED" in {run.info.status for run in newest}
    kept.replace(path)
    assert "exported 1 of 1" in run("mlflow_export", "walker", "--name", "broken")
