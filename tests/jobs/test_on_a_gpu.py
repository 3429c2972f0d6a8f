"""What a worker with a GPU answers is what a processor answers.

Without a GPU the same steps run with the processor in its place, so that they are read by someone.
"""

from __future__ import annotations

import onnxruntime
import pytest
import torch

from hamlet.export import export_onnx
from hamlet.onnx_model import OnnxModel
from registry.artifacts.store import open_artifact, store_file
from registry.jobs import calculating, dispatch, execution, services
from registry.jobs.models import Job, JobStatus
from registry.models import ModelVersion, RegisteredModel, User
from registry.versions.services import register_version
from tests.jobs.rows import WORKER, answer_of, body_of, observations, register
from tests.registry.checkpoints import DENSE, RECURRENT, make_model

pytestmark = pytest.mark.django_db(transaction=True)
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no GPU")
ONNX_SEES_GPU = calculating.ON_CUDA in onnxruntime.get_available_providers()
needs_onnx_on_gpu = pytest.mark.skipif(
    not (torch.cuda.is_available() and ONNX_SEES_GPU),
    reason="this machine has no GPU that ONNX Runtime can use",
)
ROWS = 10


@pytest.fixture(autouse=True)
def four_rows_at_a_time(settings, redis_url: str) -> None:
    settings.JOB_CHUNK_ROWS = 4


@pytest.fixture(autouse=True)
def an_empty_gpu():
    calculating.cuda_pool.cache_clear()
    yield
    calculating.cuda_pool.cache_clear()


@pytest.fixture
def onnx_version(model: RegisteredModel, tmp_path) -> ModelVersion:
    """An ONNX file that somebody registered as it is."""
    path = tmp_path / "walker.onnx"
    export_onnx(make_model(DENSE), path)
    signature = OnnxModel.load_from_file(path).signature()
    return register_version(
        model=model,
        artifact=store_file(path, "application/x-onnx"),
        signature=signature,
        file_format=ModelVersion.Format.ONNX,
    )


@pytest.fixture
def processor_for_gpu(monkeypatch) -> None:
    """The steps for a GPU, on the processor."""
    monkeypatch.setattr(calculating, "CUDA", "cpu")
    monkeypatch.setattr(calculating, "has_device", lambda device: True)
    monkeypatch.setattr(dispatch, "device_of", lambda job: "cpu")


def done_on_cuda(student: User, seed: int = 0) -> Job:
    """A job that a worker with a GPU did."""
    job, _ = services.queue_job(student, body_of(ROWS, seed, device="cuda"))
    execution.execute(job.pk, WORKER)
    job.refresh_from_db()
    assert (job.status, job.reason) == (JobStatus.SUCCEEDED, "")
    return job


def assert_as_on_a_processor(job: Job, right: dict[str, torch.Tensor]) -> None:
    """To 1e-5 of the largest value of each output."""
    outputs = answer_of(job)["outputs"]
    assert set(outputs) == set(right)
    for name, expected in right.items():
        found = torch.tensor(outputs[name], dtype=expected.dtype)
        if expected.dtype.is_floating_point:
            tolerance = 1e-5 * float(expected.abs().max())
            torch.testing.assert_close(found, expected, rtol=0.0, atol=tolerance)
        else:
            assert found.equal(expected), name


def right_answer(brain: str) -> dict[str, torch.Tensor]:
    return make_model(brain).run({"observation": observations(ROWS)})


def test_a_checkpoint_takes_the_steps_for_a_gpu(student, model, processor_for_gpu) -> None:
    version = register(model, brain=DENSE)
    job = done_on_cuda(student)
    assert_as_on_a_processor(job, right_answer(DENSE))
    assert answer_of(job)["engine"] == "pytorch"
    assert calculating.cuda_pool().held() == [version.artifact_id]


def test_an_onnx_file_takes_the_steps_for_a_gpu(
    student, onnx_version, processor_for_gpu, monkeypatch
) -> None:
    monkeypatch.setattr(calculating, "ON_CUDA", calculating.ON_CPU)
    monkeypatch.setattr(calculating, "ONNX_ON_CUDA", (calculating.ON_CPU,))
    job = done_on_cuda(student)
    assert_as_on_a_processor(job, right_answer(DENSE))
    assert answer_of(job)["engine"] == "onnxruntime"
    assert calculating.cuda_pool().held() == [onnx_version.artifact_id]


@pytest.mark.skipif(ONNX_SEES_GPU, reason="ONNX Runtime has CUDA here")
def test_an_onnx_file_where_onnx_runtime_has_no_cuda_fails_with_what_to_do(
    student, onnx_version, processor_for_gpu
) -> None:
    job, _ = services.queue_job(student, body_of(2, device="cuda"))
    execution.execute(job.pk, WORKER)
    job.refresh_from_db()
    assert job.status == JobStatus.FAILED
    assert "install onnxruntime-gpu on the worker" in job.reason


@needs_gpu
@pytest.mark.parametrize("brain", [DENSE, RECURRENT])
def test_pytorch_answers_on_a_gpu_as_on_a_processor(student, model, brain) -> None:
    register(model, brain=brain)
    assert_as_on_a_processor(done_on_cuda(student), right_answer(brain))


@needs_gpu
def test_weights_of_a_checkpoint_lie_on_the_gpu(student, model) -> None:
    version = register(model, brain=DENSE)
    before = torch.cuda.memory_allocated()
    done_on_cuda(student)
    assert torch.cuda.memory_allocated() > before
    assert calculating.loaded_digests().count(version.artifact_id) == 1


@needs_onnx_on_gpu
def test_onnx_runtime_answers_on_a_gpu_as_on_a_processor(student, onnx_version) -> None:
    job = done_on_cuda(student)
    assert_as_on_a_processor(job, right_answer(DENSE))
    content = open_artifact(onnx_version.artifact)
    one = OnnxModel.load_from_bytes(content, providers=calculating.ONNX_ON_CUDA)
    assert (
        one.run({"observation": observations(ROWS)})["actions"].tolist()
        == (answer_of(job)["outputs"]["actions"])
    )
