"""REST: work that takes longer than a request. The same services as the pages."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from hamlet.schema import Choice, Section, validate
from registry.accounts.models import Scope
from registry.accounts.permissions import Access
from registry.api_schema import (
    PAGING,
    PROBLEM_MEDIA_TYPE,
    ProblemData,
    answers,
    page,
)
from registry.downloads import send_artifact
from registry.jobs import errors, kinds, queries, serializers, services
from registry.jobs.models import Job, JobStatus
from registry.pagination import page_data
from registry.problems import register_status

# A token that may ask for predictions, or for training, may also see what became of it.
VIEW_JOB = Access(Scope.PREDICT, "registry.view_job", or_scopes=(Scope.TRAIN,))
STEER_JOB = Access(Scope.PREDICT, "registry.predict_modelversion", or_scopes=(Scope.TRAIN,))
PREDICT = Access(Scope.PREDICT, "registry.predict_modelversion")
STATUS = Section({"status": Choice(*JobStatus.values)})
GONE = {(410, PROBLEM_MEDIA_TYPE): OpenApiResponse(ProblemData, "Kept as long as promised")}
TOO_MANY = {
    (429, PROBLEM_MEDIA_TYPE): OpenApiResponse(
        ProblemData, "Too many jobs of yours have not ended; Retry-After says when to try again"
    )
}

for _error, _status in errors.STATUS_OF.items():
    register_status(_error, _status)


def find_job(request: Request, job_id: UUID) -> Job:
    return get_object_or_404(queries.visible_jobs(request.user), pk=job_id)


IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description="the same key with the same body makes one job, however often sent",
)


def key_of(request: Request) -> str | None:
    return request.headers.get("Idempotency-Key")


def answer_queued(request: Request, job: Job, made: bool, **more: Any) -> Response:
    """202 with the job and its `job_id`; 200 if the Idempotency-Key made it before. For views of
    every app. Args: more: further fields of the answer."""
    # Read again: whether anybody would take it stands in the row by now.
    data = queries.job_data(find_job(request, job.pk))
    answer = {"job_id": data["id"], **more, **data}
    return Response(answer, status=202 if made else 200, headers={"Location": data["url"]})


class PredictJobs(APIView):
    access = {"POST": PREDICT}

    @extend_schema(
        operation_id="predict_job",
        request=serializers.JOB_BODY,
        parameters=[IDEMPOTENCY_KEY],
        responses=answers(serializers.QueuedJob, 404, 409, 422, status=202, takes_body=True)
        | {200: serializers.QueuedJob}
        | TOO_MANY,
    )
    def post(self, request: Request) -> Response:
        """Ask a version many questions at once; a worker answers them. 202 with the job; 200 if
        the key made it before."""
        key = key_of(request)
        job, made = services.queue_job(request.user, request.data, idempotency_key=key)
        return answer_queued(request, job, made)


class JobList(APIView):
    access = {"GET": VIEW_JOB}

    @extend_schema(
        operation_id="list_jobs",
        parameters=[
            *PAGING,
            OpenApiParameter("status", str, enum=JobStatus.values),
            OpenApiParameter("kind", str, description="prediction, selfplay, ..."),
            OpenApiParameter("model", str),
        ],
        responses=answers(page(serializers.JobData), 422),
    )
    def get(self, request: Request) -> Response:
        """Your jobs, newest first; instructors see those of their classes too."""
        jobs = queries.visible_jobs(request.user)
        if kind := request.GET.get("kind"):
            known = Section({"kind": Choice(*kinds.names())})
            jobs = jobs.filter(kind=validate(known, {"kind": kind})["kind"])
        if status := request.GET.get("status"):
            jobs = jobs.filter(status=validate(STATUS, {"status": status})["status"])
        if model := request.GET.get("model"):
            jobs = jobs.filter(version__model__name=model)
        return Response(page_data(request, jobs, queries.NEWEST_FIRST, queries.job_data))


class JobDetail(APIView):
    access = {"GET": VIEW_JOB}

    @extend_schema(operation_id="get_job", responses=answers(serializers.JobData, 404))
    def get(self, request: Request, job_id: UUID) -> Response:
        """How a job stands."""
        return Response(queries.job_data(find_job(request, job_id)))


class JobResultFile(APIView):
    access = {"GET": VIEW_JOB}

    @extend_schema(
        operation_id="get_job_result",
        responses=answers(serializers.JobResult, 404, 409) | {304: None} | GONE,
    )
    def get(self, request: Request, job_id: UUID) -> HttpResponseBase:
        """The answer of a job that succeeded, as JSON. The schema is that of a prediction; other
        kinds say theirs where they are asked for."""
        job = find_job(request, job_id)
        result = queries.result_of(job)
        if isinstance(result, dict):
            return Response(result)
        return send_artifact(request, result, f"job-{job.pk}.json")


class CancelJob(APIView):
    access = {"POST": STEER_JOB}

    @extend_schema(
        operation_id="cancel_job", request=None, responses=answers(serializers.JobData, 404, 409)
    )
    def post(self, request: Request, job_id: UUID) -> Response:
        """End a job: at once if it waits, after the unit at hand if it runs."""
        services.cancel_job(find_job(request, job_id))
        return Response(queries.job_data(find_job(request, job_id)))


class RetryJob(APIView):
    access = {"POST": STEER_JOB}

    @extend_schema(
        operation_id="retry_job",
        request=None,
        responses=answers(serializers.JobData, 404, 409) | TOO_MANY,
    )
    def post(self, request: Request, job_id: UUID) -> Response:
        """Let a failed or cancelled job begin again, or go on where it had saved its state."""
        services.retry_job(find_job(request, job_id))
        return Response(queries.job_data(find_job(request, job_id)))
