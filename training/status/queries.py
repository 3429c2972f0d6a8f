"""What is in service, what runs and who works: a few numbers, each from one bounded query."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from kombu.exceptions import OperationalError

from registry.hosts.queries import living_workers
from registry.jobs.models import JobStatus
from registry.jobs.queries import visible_jobs
from registry.models import Alias, User
from registry.names import PRODUCTION
from registry.queries import visible_models
from training.incremental.queries import queued_total
from training.models import RunStatus
from training.queries import visible_runs

MOST_COUNTED = 10_000  # a number that is this high says "at least"
MOST_VERSIONS = 100


def status_data(user: User) -> dict[str, Any]:
    """Counts what the user may see; `workers` are those of the platform, without their names."""
    models, runs, jobs = visible_models(user), visible_runs(user), visible_jobs(user)
    running = (runs.filter(status=RunStatus.RUNNING), jobs.filter(status=JobStatus.RUNNING))
    waiting = (runs.filter(status=RunStatus.QUEUED), jobs.filter(status=JobStatus.QUEUED))
    return {
        "workers": count_workers(),
        "active_versions": versions_in_service(user),
        "model_count": counted(models),
        "queued_examples": queued_total(user),
        "running_jobs": sum(map(counted, running)),
        "waiting_jobs": sum(map(counted, waiting)),
        "deployments": [],  # of several versions behind one name there are none
    }


def count_workers() -> int | None:
    """Workers that are heard; None while nobody knows them."""
    try:
        return len(living_workers())
    except OperationalError:
        return None


def versions_in_service(user: User) -> list[dict[str, str]]:
    """What the alias `production` names, by model."""
    seen = Alias.objects.filter(name=PRODUCTION, model__in=visible_models(user))
    rows = seen.select_related("version", "model").order_by("model__name")[:MOST_VERSIONS]
    return [
        {"model": alias.model.name, "version": alias.version.number, "alias": alias.name}
        for alias in rows
    ]


def counted(rows: QuerySet) -> int:
    return rows.order_by()[:MOST_COUNTED].count()
