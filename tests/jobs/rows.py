"""Questions with many rows, the answers they must get, and jobs as a worker leaves them."""

from __future__ import annotations

import json
from typing import Any

import torch
from django.db import connection

from hamlet.model import HamletModel
from registry.artifacts.store import open_artifact, store_file
from registry.jobs import leases
from registry.jobs.leases import Lease
from registry.jobs.models import Job
from registry.models import ModelVersion, RegisteredModel
from registry.versions.services import register_version
from tests.registry.checkpoints import checkpoint_bytes
from tests.training.runs import wait_until

WORKER = "inference@here"


def register(model: RegisteredModel, **rest: Any) -> ModelVersion:
    artifact = store_file(checkpoint_bytes(**rest), "application/vnd.safetensors")
    return register_version(model=model, artifact=artifact)


def observations(rows: int, seed: int = 0) -> list[list[float]]:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(rows, 38, generator=generator).tolist()


def body_of(rows: int, seed: int = 0, **rest: Any) -> dict[str, Any]:
    return {"model": "walker", "observation": observations(rows, seed), **rest}


def answer_of(job: Job) -> dict[str, Any]:
    job.refresh_from_db()
    return json.loads(open_artifact(job.answer))


def expected(version: ModelVersion, rows: int, seed: int = 0) -> torch.Tensor:
    """The Q-values by the model itself, all rows at once: [rows, actions]."""
    model = HamletModel.load_from_checkpoint(open_artifact(version.artifact))
    return model.predict(observations(rows, seed))["q_values"]


def assert_right(job: Job, seed: int = 0) -> None:
    """The job succeeded, with the answer that the model itself gives."""
    answer = answer_of(job)
    right = expected(job.version, job.total, seed)
    torch.testing.assert_close(torch.tensor(answer["outputs"]["q_values"]), right)
    assert answer["outputs"]["actions"] == right.argmax(dim=1).tolist()
    assert answer["rows"] == job.total == job.done == len(answer["action_names"])


def held(job: Job) -> Lease:
    """Claim the job as a worker does."""
    lease = leases.claim(job.pk)
    assert lease is not None
    job.refresh_from_db()
    return lease


def let_time_pass(job: Job, seconds: float) -> None:
    """Move what the database knows of the job's past back by so long."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE registry_job SET heartbeat_at = heartbeat_at - %s * interval '1 second', "
            "queued_at = queued_at - %s * interval '1 second', "
            "kept_until = kept_until - %s * interval '1 second' WHERE id = %s",
            [seconds, seconds, seconds, job.pk],
        )
    job.refresh_from_db()


def becomes(job: Job, *statuses: str, timeout_s: float = 60.0) -> None:
    def is_it() -> bool:
        job.refresh_from_db()
        return job.status in statuses

    wait_until(is_it, timeout_s, what=f"a job that is {' or '.join(statuses)}, not {job.status}")


def holder_pid(job: Job) -> int | None:
    job.refresh_from_db()
    return int(job.lease_holder.split("|")[4]) if job.lease_holder else None
