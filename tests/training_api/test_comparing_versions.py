"""/api/v1/compare: versions measured on the same positions, and what they were registered with."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest

from hamlet.evaluation.connect_four_sets import load_set, shipped_sets
from registry.artifacts.store import store_file
from registry.jobs import execution
from registry.jobs.models import Job, JobStatus
from registry.problems import pointer_of
from registry.services import ensure_model
from registry.versions.services import register_version
from tests.games.conftest import Program
from tests.jobs.rows import WORKER
from tests.registry.checkpoints import checkpoint_bytes

pytestmark = pytest.mark.django_db(transaction=True)
COMPARE = "/api/v1/compare"
PAIR = ["dropper:1.0.0", "dropper:1.0.1"]
END = "end-easy.wdl_error"


def compared(program: Program, **body: Any) -> Job:
    answer = program.send(COMPARE, body)
    assert answer.status_code == 202, answer.content
    assert answer.headers["Location"] == answer.json()["url"]
    execution.execute(answer.json()["job_id"], WORKER)
    job = Job.objects.get(pk=answer.json()["job_id"])
    assert (job.status, job.reason) == (JobStatus.SUCCEEDED, "")
    return job


def test_networks_are_measured_on_the_same_positions(viewer, register):
    register(0), register(1)
    job = compared(viewer, modelIds=PAIR, metrics=["end-easy.wdl_error", "end-easy.score_error"])
    assert (job.done, job.total) == (2, 2)
    models = {one["id"]: one["metrics"] for one in job.result["models"]}
    for found in models.values():
        wdl, score = found[END], found["end-easy.score_error"]
        assert wdl["n"] == len(load_set("end-easy"))
        assert 0 <= wdl["low"] <= wdl["value"] <= wdl["high"] <= 1
        assert wdl["value"] <= score["value"]  # whoever loses a class does not play perfectly
    found = next(one for one in job.result["differences"] if one["metric"] == END)
    first, second = (models[one][END]["value"] for one in PAIR)
    assert (found["a"], found["b"]) == tuple(PAIR)
    assert found["difference"] == pytest.approx(first - second)
    assert found["low"] <= found["difference"] <= found["high"]


def test_the_fewer_mistakes_the_better(viewer, register):
    register(0), register(1)
    job = compared(viewer, model_ids=PAIR, metrics=[END])
    (metric,) = job.result["metrics"]
    assert metric["better"] == "lower"
    values = {one["id"]: one["metrics"][END]["value"] for one in job.result["models"]}
    lowest = [one for one in PAIR if values[one] == min(values.values())]
    assert metric["best"] == (lowest if len(lowest) == 1 else [])


def test_all_sets_are_played_where_nothing_is_named(viewer, register):
    register(0), register(1)
    job = compared(viewer, model_ids=PAIR)
    assert job.total == 2 * len(shipped_sets())
    assert len(job.result["metrics"]) == 2 * len(shipped_sets())


def test_other_systems_are_compared_by_what_was_registered(viewer, instructor, classroom):
    model = ensure_model("walker", "town", instructor, classroom)
    for seed, survived in ((0, 100.0), (1, 130.0), (2, 90.0)):
        artifact = store_file(checkpoint_bytes(seed=seed), "application/vnd.safetensors")
        register_version(model=model, artifact=artifact, metrics={"mean_survival_steps": survived})
    ids = [f"walker:1.0.{patch}" for patch in range(3)]
    result = compared(viewer, model_ids=ids).result
    assert result["metrics"] == [
        {"name": "mean_survival_steps", "better": "higher", "best": ["walker:1.0.1"]}
    ]
    assert not any(one["measured"] for one in result["models"])
    pairs = [(one["a"], one["b"]) for one in result["differences"]]
    assert pairs == list(combinations(ids, 2))
    assert [one["difference"] for one in result["differences"]] == [-30.0, 10.0, 40.0]
    assert {one["low"] for one in result["differences"]} == {None}


def test_the_same_key_makes_one_job(viewer, register):
    register(0), register(1)
    first = viewer.send(COMPARE, {"model_ids": PAIR}, Idempotency_Key="c1")
    again = viewer.send(COMPARE, {"model_ids": PAIR}, Idempotency_Key="c1")
    assert (first.status_code, again.status_code) == (202, 200)
    assert first.json()["job_id"] == again.json()["job_id"]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"model_ids": ["dropper:1.0.0"]}, "model_ids"),
        ({"model_ids": ["dropper", "dropper:1.0.0"]}, "model_ids[0]"),
        ({"model_ids": ["dropper:1.0.0", "dropper:latest"]}, "model_ids[1]"),
        ({"model_ids": PAIR, "metrics": ["elo"]}, "metrics[0]"),
        ({"model_ids": PAIR, "modelIds": PAIR}, "modelIds"),
        ([], "(document)"),
    ],
)
def test_what_cannot_be_compared_is_named(viewer, register, body, path):
    register(0)
    if "metrics" in body or "modelIds" in body:
        register(1)
    answer = viewer.send(COMPARE, body)
    assert answer.status_code == 422, answer.content
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer_of(path)]


def test_versions_of_others_are_not_there(stranger, register):
    register(0), register(1)
    assert stranger.send(COMPARE, {"model_ids": PAIR}).status_code == 404
    assert not Job.objects.exists()
