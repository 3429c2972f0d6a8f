"""Real workers, one of which is killed with -9 in the middle of a search."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from registry.jobs.models import Job, JobStatus
from registry.models import User
from tests.hypersearch.conftest import queued, runs_of
from tests.jobs.conftest import worker  # noqa: F401  (a fixture)
from tests.running.processes import PlatformProcess
from tests.training.runs import wait_until
from training.models import RunEvent, RunStatus

pytestmark = pytest.mark.django_db(transaction=True)


def reaches(job: Job, done: int) -> Job:
    def reached() -> bool:
        job.refresh_from_db()
        return job.done >= done or job.ended

    wait_until(reached, 120.0, what=f"{done} trials")
    return job


@pytest.mark.slow(40)
def test_a_search_survives_its_worker_and_repeats_no_trial(
    instructor: User,
    worker: Callable[..., PlatformProcess],  # noqa: F811
) -> None:
    job = queued(instructor, num_samples=3, max_concurrent=1)
    worker("training.cpu", name="training")
    killed = worker("inference", name="search")
    reaches(job, 1)
    killed.kill_now()
    job.refresh_from_db()
    assert not job.ended
    first = runs_of(job)[0]
    worker("inference", name="search")
    reaches(job, 3)
    wait_until(lambda: reaches(job, 3).ended, 60.0, what="the end")
    assert (job.status, job.reason) == (JobStatus.SUCCEEDED, "")
    assert [run.name for run in runs_of(job)] == ["tuning.1", "tuning.2", "tuning.3"]
    assert [row["status"] for row in job.result["results"]] == ["completed"] * 3
    assert runs_of(job)[0] == first
    begun = RunEvent.objects.filter(run__in=runs_of(job), new_status=RunStatus.RUNNING)
    assert begun.count() == 3  # each learned once
