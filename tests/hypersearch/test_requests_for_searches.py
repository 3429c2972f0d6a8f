"""What is taken for a search, and what is refused with its path."""

from __future__ import annotations

import sys

import pytest

from registry.jobs.models import Job
from registry.models import RegisteredModel, User
from registry.problems import pointer_of
from tests.games.conftest import Program
from tests.hypersearch.conftest import CONFIG, SEARCHES, body
from training.models import Run

pytestmark = pytest.mark.django_db


def refused(teacher: Program, asked: dict) -> list[str]:
    response = teacher.send(SEARCHES, asked)
    assert response.status_code == 422, response.content
    assert not Job.objects.exists()
    assert not Run.objects.exists()
    return [error["pointer"] for error in response.json()["errors"]]


@pytest.mark.parametrize(
    ("space", "path"),
    [
        ({}, "search_space"),
        ([], "search_space"),
        ({"learning_rate": [1, 2]}, "search_space.learning_rate"),
        ({"learning_rate": {"uniform": [1, 2], "int": [1, 2]}}, "search_space.learning_rate"),
        ({"learning_rate": {"normal": [0, 1]}}, "search_space.learning_rate"),
        ({"learning_rate": {"uniform": [0.1]}}, "search_space.learning_rate.uniform"),
        ({"learning_rate": {"uniform": [0.2, 0.1]}}, "search_space.learning_rate.uniform"),
        ({"learning_rate": {"loguniform": [0, 0.1]}}, "search_space.learning_rate.loguniform"),
        ({"learning_rate": {"uniform": [0.1, 11]}}, "search_space.learning_rate"),
        ({"batch_size": {"int": [1.5, 8]}}, "search_space.batch_size.int"),
        ({"batch_size": {"int": [0, 8]}}, "search_space.batch_size"),
        ({"batch_size": {"choice": [8]}}, "search_space.batch_size.choice"),
        ({"batch_size": {"choice": [8, 8]}}, "search_space.batch_size.choice"),
        ({"batch_size": {"choice": [8, "many"]}}, "search_space.batch_size"),
        ({"batchsize": {"choice": [8, 16]}}, "search_space.batchsize"),
        ({"advanced_config.depth": {"choice": [8, 16]}}, "search_space.advanced_config.depth"),
        ({"optimizer.name": {"choice": [8, 16]}}, "search_space.optimizer.name"),
        ({"model_type": {"choice": ["ppo", "dqn"]}}, "search_space.model_type"),
        ({"validation_split": {"uniform": [0.1, 0.2]}}, "search_space.validation_split"),
        ({"9": {"uniform": [0.1, 0.2]}}, "search_space.9"),
        (
            {
                "regularization": {"choice": [{"l2": 0}, {"l2": 0.1}]},
                "regularization.l2": {"uniform": [0, 0.1]},
            },
            "search_space.regularization.l2",
        ),
    ],
)
def test_a_fault_of_the_space_is_named_by_its_path(teacher: Program, space, path: str) -> None:
    assert refused(teacher, body(search_space=space)) == [pointer_of(path)]


def test_every_faulty_entry_is_named_at_once(teacher: Program) -> None:
    space = {
        "learning_rate": {"uniform": [1]},
        "batch_size": {"int": []},
        "epochs": {"int": [1, 2]},
    }
    assert refused(teacher, body(search_space=space)) == [
        "/search_space/learning_rate/uniform",
        "/search_space/batch_size/int",
    ]


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"examples": None}, "examples"),
        ({"dataset": "sunday", "examples": None}, "dataset"),
        ({"config": {**CONFIG, "validation_split": 0}}, "config.validation_split"),
        ({"config": {**CONFIG, "epochs": 0}}, "config.epochs"),
        ({"config": []}, "config"),
        ({"num_samples": 0}, "num_samples"),
        ({"num_samples": 201}, "num_samples"),
        ({"max_concurrent": 17}, "max_concurrent"),
        ({"metric": "train_loss"}, "metric"),
        ({"mode": "max"}, "mode"),
        ({"system": "town"}, "system"),
        ({"early_stopping": "asha"}, "early_stopping"),
        ({"model": "a b"}, "model"),
        ({"classroom": "Elsewhere"}, "classroom"),
        ({"trials": 3}, "trials"),
    ],
)
def test_a_fault_of_the_rest_is_named_and_nothing_is_queued(
    teacher: Program, changes, path: str
) -> None:
    assert refused(teacher, body(**changes)) == [pointer_of(path)]


def test_camel_case_is_read_too(teacher: Program) -> None:
    asked = {
        "examples": body()["examples"],
        "config": {"modelType": "alphazero", "advancedConfig": {"numResBlocks": 1}},
        "searchSpace": {"learningRate": {"uniform": [0.001, 0.01]}, "batchSize": {"int": [2, 4]}},
        "numSamples": 2,
    }
    response = teacher.send(SEARCHES, asked)
    assert response.status_code == 202, response.content
    job = Job.objects.get()
    assert [one["path"] for one in job.request["space"]] == ["batch_size", "learning_rate"]
    assert (job.total, job.request["run"]["config"]["model_type"]) == (2, "alphazero")


def test_the_same_key_makes_one_search(teacher: Program) -> None:
    first, second = (teacher.send(SEARCHES, body(), Idempotency_Key="night-1") for _ in range(2))
    assert (first.status_code, second.status_code) == (202, 200)
    assert first.json()["job_id"] == second.json()["job_id"]
    assert teacher.send(SEARCHES, body(seed=9), Idempotency_Key="night-1").status_code == 409


def test_a_model_of_somebody_else_is_a_conflict_and_leaves_nothing(
    teacher: Program, outsider: User
) -> None:
    RegisteredModel.objects.create(name="tuned-trials", system="connect_four", owner=outsider)
    assert teacher.send(SEARCHES, body()).status_code == 409
    assert not Job.objects.exists()
    assert not RegisteredModel.objects.filter(name="tuned").exists()


def test_only_who_starts_runs_starts_searches(program: Program) -> None:
    assert program.send(SEARCHES, body()).status_code == 403


def test_without_optuna_the_answer_names_the_file_to_install(teacher: Program, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)  # as where it is not installed
    response = teacher.send(SEARCHES, body())
    assert response.status_code == 501
    assert response["Content-Type"] == "application/problem+json"
    assert "pip install -r requirements-search.txt" in response.json()["detail"]
    assert not Job.objects.exists()
