"""Reads about searches, as plain data for pages and programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet
from django.urls import reverse

from registry.jobs.models import Job
from registry.jobs.queries import job_data, visible_jobs
from registry.models import User
from training.hypersearch.reading import MODE
from training.hypersearch.space import Parameter, with_values
from training.hypersearch.trials import (
    CANCELLED,
    METRIC,
    NAME,
    Trial,
    best_of,
    curve_of,
    looked_at,
    trials_of,
)
from training.models import Run


def visible_searches(user: User | AnonymousUser) -> QuerySet[Job]:
    return visible_jobs(user).filter(kind=NAME)


def search_data(job: Job) -> dict[str, Any]:
    """Everything about a search of `visible_searches`; the best is that of the trials so far."""
    trials = present_trials(job)
    best, asked = best_of(trials), job.request
    result = job.result or {}
    found = {
        "best_config": None if best is None else with_values(asked["run"]["config"], best.values),
        "best_values": None if best is None else dict(best.values),
        "best_value": None if best is None else best.value,
        "best_trial": None if best is None else best.number,
        "training_job_id": None if best is None else best.run,
    }
    return {
        **job_data(job),
        "job_id": str(job.pk),
        "name": asked["name"],
        **{name: asked[name] for name in ("num_samples", "max_concurrent", "early_stopping")},
        "seed": asked["seed"],
        "config": asked["run"]["config"],
        "search_space": {
            one.path: {one.kind: list(one.among)}
            for one in map(Parameter.from_data, asked["space"])
        },
        "metric": METRIC,
        "mode": MODE,
        **found,
        "model": asked["model"],
        "model_version": result.get("model_version"),
        "results": [row_of(trial) for trial in trials],
        "search_url": reverse("api-hypersearch", args=[job.pk]),
    }


def present_trials(job: Job) -> list[Trial]:
    """The trials, the open ones as their runs stand at this moment."""
    trials = trials_of(job.state)
    runs = Run.objects.in_bulk([trial.run for trial in trials if trial.open and trial.run])
    by_id = {str(run_id): run for run_id, run in runs.items()}
    return [present(trial, by_id.get(trial.run or ""), job.ended) for trial in trials]


def present(trial: Trial, run: Run | None, search_ended: bool) -> Trial:
    if not trial.open:
        return trial
    if run is not None:
        return looked_at(trial, run, curve_of(run.pk))
    return Trial(**{**trial.to_data(), "status": CANCELLED}) if search_ended else trial


def row_of(trial: Trial) -> dict[str, Any]:
    """A trial for people and programs."""
    return {
        "number": trial.number,
        "status": trial.status,
        "values": dict(trial.values),
        "value": trial.value,
        "at_epoch": trial.at,
        "reason": trial.reason,
        "run_id": trial.run,
        "run_url": reverse("api-run", args=[trial.run]) if trial.run else None,
    }


def parameters_of(job: Job) -> Sequence[Parameter]:
    return [Parameter.from_data(data) for data in job.request["space"]]
