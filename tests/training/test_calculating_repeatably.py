"""The same run comes out the same, on a GPU as far as PyTorch's deterministic mode goes."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
import torch

from hamlet.learning.town_trainer import TownTrainer
from registry.models import User
from tests.training.tiny_runs import final_weights, last_training_state, queue_tiny
from training import execution, leases
from training.models import Run, RunStatus
from training.repeatable import calculate_repeatably

WITH_GPU = torch.cuda.is_available()


@pytest.fixture(autouse=True)
def _as_before(monkeypatch) -> Iterator[None]:
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", "")  # so that it is put back afterwards
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG")
    benchmark = torch.backends.cudnn.benchmark
    yield
    torch.backends.cudnn.benchmark = benchmark
    torch.use_deterministic_algorithms(False)


def test_on_a_gpu_the_deterministic_mode_is_on_and_the_rest_warns() -> None:
    torch.backends.cudnn.benchmark = True
    calculate_repeatably("cuda")
    assert torch.are_deterministic_algorithms_enabled()
    assert torch.is_deterministic_algorithms_warn_only_enabled()
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
    assert not torch.backends.cudnn.benchmark


def test_the_next_run_on_the_cpu_is_free_of_it() -> None:
    calculate_repeatably("cuda")
    calculate_repeatably("cpu")
    assert not torch.are_deterministic_algorithms_enabled()


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_sums_are_made_by_one_thread(device: str) -> None:
    torch.set_num_threads(2)
    calculate_repeatably(device)
    assert torch.get_num_threads() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("redis_url", "artifact_dir")
@pytest.mark.parametrize(("device", "deterministic"), [("gpu", True), ("cpu", False)])
def test_a_worker_calculates_so_from_the_first_moment(
    device: str, deterministic: bool, instructor: User, monkeypatch
) -> None:
    """Seen where the worker makes the trainer, with which the first tensor comes to the GPU."""
    seen: list[bool] = []

    def looking(*_: object) -> None:
        seen.append(torch.are_deterministic_algorithms_enabled())
        raise RuntimeError("seen enough")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(TownTrainer, "__init__", looking)
    run = queue_tiny(instructor, device=device)
    execution.execute(run.pk)
    assert seen == [deterministic]


class Death(BaseException):
    """As sudden as kill -9."""


@pytest.mark.skipif(not WITH_GPU, reason="needs a GPU")
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("redis_url", "artifact_dir")
def test_a_run_on_a_gpu_that_was_cut_ends_like_one_left_alone(instructor, monkeypatch) -> None:
    undisturbed = queue_tiny(instructor, device="gpu", model="undisturbed")
    execution.execute(undisturbed.pk)
    expected = final_weights(undisturbed), last_training_state(undisturbed)

    advance, deaths = TownTrainer.advance, []

    def dying(trainer: TownTrainer) -> object:
        if trainer.finished_episodes >= 25 and not deaths:
            deaths.append(1)
            raise Death
        return advance(trainer)

    monkeypatch.setattr(TownTrainer, "advance", dying)
    run = queue_tiny(instructor, device="gpu")
    with pytest.raises(Death):
        execution.execute(run.pk)
    dead = Run.objects.get(pk=run.pk)
    assert leases.take_back(dead, "its worker died") == RunStatus.QUEUED
    execution.execute(run.pk)
    assert (final_weights(run), last_training_state(run)) == expected
