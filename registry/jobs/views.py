"""Pages of jobs. Who may see what comes from registry.jobs.queries, as everywhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from hamlet.errors import SpecError
from registry.downloads import send_artifact
from registry.errors import ConflictError
from registry.jobs import kinds, queries, services
from registry.jobs.errors import ResultGoneError, TooManyJobsError
from registry.jobs.models import Job, JobStatus
from registry.models import ModelVersion
from registry.pages import page_for
from registry.pagination import next_url, page_of
from registry.queries import visible_models
from registry.usage import curl_line

VIEW = "registry.view_job"
STEER = "registry.predict_modelversion"


@require_safe
@page_for(VIEW)
def job_list(request: HttpRequest) -> HttpResponse:
    """Jobs, newest first. htmx asks for the table alone every few seconds."""
    status, kind, model = (request.GET.get(name, "") for name in ("status", "kind", "model"))
    jobs = queries.visible_jobs(request.user)
    if status in JobStatus.values:
        jobs = jobs.filter(status=status)
    if kind in kinds.names():
        jobs = jobs.filter(kind=kind)
    if model:
        jobs = jobs.filter(version__model__name=model)
    try:
        page = page_of(request, jobs, queries.NEWEST_FIRST)
    except SpecError:
        return redirect("jobs:job-list")
    context = {
        "jobs": [row_of(job) for job in page.items],
        "next": next_url(request, page),
        "first": "cursor" not in request.GET,
        "statuses": JobStatus.values,
        "status": status,
        "kinds": [(name, kinds.find(name).title) for name in kinds.names()],
        "kind": kind,
        "model": model,
        "address": request.get_full_path(),
    }
    if request.htmx:
        return render(request, "registry/jobs/_job_table.html", context)
    context["example"] = "" if page.items else example_line(request)
    return render(request, "registry/jobs/job_list.html", context)


@require_safe
@page_for(VIEW)
def job_page(request: HttpRequest, job_id: UUID) -> HttpResponse:
    context = {"job": row_of(find_job(request, job_id))}
    template = "registry/jobs/_job.html" if request.htmx else "registry/jobs/job.html"
    return render(request, template, context)


@require_safe
@page_for(VIEW)
def result(request: HttpRequest, job_id: UUID) -> HttpResponseBase:
    """The answer as a file; a page that says why where there is none."""
    job = find_job(request, job_id)
    try:
        found = queries.result_of(job)
        if isinstance(found, dict):
            headers = {"Content-Disposition": f'attachment; filename="job-{job.pk}.json"'}
            return JsonResponse(found, headers=headers)
        return send_artifact(request, found, f"job-{job.pk}.json")
    except (ConflictError, ResultGoneError) as error:
        status = 410 if isinstance(error, ResultGoneError) else 409
        context = {"job": row_of(job), "problem": str(error)}
        return render(request, "registry/jobs/job.html", context, status=status)


@require_POST
@page_for(STEER)
def cancel(request: HttpRequest, job_id: UUID) -> HttpResponse:
    return steer(request, job_id, services.cancel_job)


@require_POST
@page_for(STEER)
def retry(request: HttpRequest, job_id: UUID) -> HttpResponse:
    return steer(request, job_id, services.retry_job)


def steer(request: HttpRequest, job_id: UUID, service: Callable[[Job], None]) -> HttpResponse:
    """The panel for htmx; without it, the page again: by redirect, or whole where it refuses."""
    problem = None
    try:
        service(find_job(request, job_id))
    except (ConflictError, TooManyJobsError) as error:
        problem = str(error)
    if problem is None and not request.htmx:
        return redirect("jobs:job", job_id=job_id)
    context = {"job": row_of(find_job(request, job_id)), "problem": problem}
    template = "registry/jobs/_job.html" if request.htmx else "registry/jobs/job.html"
    return render(request, template, context, status=409 if problem else 200)


def find_job(request: HttpRequest, job_id: UUID) -> Job:
    """Raises: Http404."""
    return get_object_or_404(queries.visible_jobs(request.user), pk=job_id)


def row_of(job: Job) -> dict[str, Any]:
    """What the templates show of a job."""
    data = queries.job_data(job)
    done, total = job.done, max(job.total or 0, 1)
    words = "cancelling" if job.cancel_wished and job.status == JobStatus.RUNNING else job.status
    return {
        **data,
        "short_id": data["id"][:8],
        "words": words,
        "title": kinds.title_of(job),
        "subject": kinds.subject_of(job),
        "reached": kinds.reached(job),
        "share": None if job.total is None else f"{min(done / total, 1.0):.4f}",
        "percent": "" if job.total is None else f"{100 * done // total} %",
        "created": job.created_at,
        "started": job.started_at,
        "ended_at_time": job.ended_at,
        "kept": job.kept_until,
        "ended": job.ended,
        "may_cancel": not job.ended and not job.cancel_wished,
        "may_retry": job.status in (JobStatus.FAILED, JobStatus.CANCELLED),
    }


def example_line(request: HttpRequest) -> str:
    """A line of the shell that starts a job on the newest version in sight; empty without one."""
    seen = ModelVersion.objects.filter(model__in=visible_models(request.user))
    version = seen.select_related("model").order_by("-created_at", "-id").first()
    if version is None:
        return ""
    line = curl_line(version, request.build_absolute_uri("/").rstrip("/"))
    return line.replace("/api/v1/predict ", "/api/v1/predict/jobs ", 1)
