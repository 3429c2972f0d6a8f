"""Reads about jobs. Who may see what is the queryset that everything starts from."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db.models import Count, F, Min, Q, QuerySet
from django.db.models.functions import Extract, Now
from django.urls import reverse

from registry.accounts.models import User
from registry.accounts.queries import taught_classroom_ids
from registry.accounts.roles import is_admin, is_instructor
from registry.artifacts.models import Artifact
from registry.hosts.queries import Waiting, register_waiting
from registry.jobs.dispatch import device_of
from registry.jobs.errors import ResultGoneError, ResultNotReadyError
from registry.jobs.kinds import reached, unit_of
from registry.jobs.models import Job, JobStatus

NEWEST_FIRST = ("-created_at", "-id")


def all_jobs() -> QuerySet[Job]:
    """Every job, with what `job_data` and `result_of` need."""
    return Job.objects.select_related("owner", "version__model", "answer").annotate(
        silent=Extract(Now() - F("heartbeat_at"), "epoch"),
        waits=Extract(Now() - F("queued_at"), "epoch"),
        kept=Q(kept_until__gt=Now()),
    )


def visible_jobs(user: User | AnonymousUser) -> QuerySet[Job]:
    """One's own jobs; for instructors also those of classes they teach and on models of them; all
    for admins.

    Whoever sees a job may cancel and retry it.
    """
    jobs = all_jobs()
    if is_admin(user):
        return jobs
    if not user.is_authenticated:
        return jobs.none()
    seen = Q(owner=user)
    if is_instructor(user):
        taught = taught_classroom_ids(user)
        seen |= Q(version__model__classroom__in=taught) | Q(classroom__in=taught)
    return jobs.filter(seen)


def job_data(job: Job) -> dict[str, Any]:
    """Everything a page or program shows of a job of `visible_jobs`, as plain data.

    Times are ISO 8601 in UTC; ages are by the database's clock, and None where the job is not
    running, or not waiting.
    """
    running, queued = job.status == JobStatus.RUNNING, job.status == JobStatus.QUEUED
    there = job.status == JobStatus.SUCCEEDED and bool(job.kept)
    return {
        "id": str(job.pk),
        "kind": job.kind,
        "status": job.status,
        "model": job.version.model.name if job.version else None,
        "version": job.version.number if job.version else None,
        "owner": job.owner.username if job.owner else None,
        "device": job.device,
        "queue": job.queue,
        "device_used": device_of(job),
        "reason": job.reason,
        "cancel_wished": job.cancel_wished,
        "progress": {"done": job.done, "total": job.total, "unit": unit_of(job)},
        "attempts": job.attempts,
        "created_at": stamp(job.created_at),
        "started_at": stamp(job.started_at),
        "ended_at": stamp(job.ended_at),
        "kept_until": stamp(job.kept_until),
        "waiting_s": max(float(job.waits), 0.0) if queued else None,
        "heartbeat_age_s": float(job.silent) if running and job.silent is not None else None,
        "result": job.result,
        "url": reverse("api-job", args=[job.pk]),
        "result_url": reverse("api-job-result", args=[job.pk]) if there else None,
    }


def stamp(moment: Any) -> str | None:
    return moment.isoformat().replace("+00:00", "Z") if moment else None


def result_of(job: Job) -> Artifact | dict[str, Any]:
    """The answer of a job of `visible_jobs`: a stored JSON file, or what stands in its row.

    Raises: ResultNotReadyError saying why there is none; ResultGoneError.
    """
    if job.status != JobStatus.SUCCEEDED:
        raise ResultNotReadyError(no_result_yet(job))
    if not job.kept:
        raise ResultGoneError(
            f"The result of job {job.pk} was kept until {stamp(job.kept_until)} and is gone. "
            "Send the job again."
        )
    return job.answer or job.result or {}


def no_result_yet(job: Job) -> str:
    if job.ended:
        why = f": {job.reason}" if job.reason else ""
        return f"The job {job.status}, so it has no result{why}. Retry it, or send another one."
    waits = f" {job.reason}" if job.status == JobStatus.QUEUED and job.reason else ""
    return f"The job is {job.status}: {reached(job)} are done. Ask again later.{waits}"


def waiting_jobs() -> list[Waiting]:
    """For the page of workers: how many jobs wait in each queue."""
    found = (
        Job.objects.filter(status=JobStatus.QUEUED)
        .order_by()
        .values("queue")
        .annotate(count=Count("pk"), oldest=Extract(Now() - Min("queued_at"), "epoch"))
    )
    return [
        Waiting(row["queue"], "job", row["count"], max(float(row["oldest"]), 0.0)) for row in found
    ]


register_waiting(waiting_jobs)
