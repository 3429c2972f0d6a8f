"""REST: how a job of training stands, and the file that came of it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponseBase
from django.urls import reverse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from registry.accounts.models import Scope
from registry.accounts.permissions import Access
from registry.api_schema import EXPORT_FILES, FILE, VERSION_FILES, answers
from registry.downloads import send_artifact
from training import api_data
from training.api_data import find_run
from training.models import Run
from training.train_jobs import queries, serializers, services

FILES = tuple(dict.fromkeys((*VERSION_FILES, *EXPORT_FILES)))


def job_of(run: Run) -> dict[str, Any]:
    """The job's data with its addresses."""
    data = queries.job_data(run)
    completed = data["status"] == queries.COMPLETED and data["model_version"] is not None
    download = reverse("api-train-download", args=[run.pk])
    return {
        **data,
        "url": reverse("api-train-job", args=[run.pk]),
        "run_url": reverse("api-run", args=[run.pk]),
        "download_url": download if completed else None,
    }


class TrainJobDetail(APIView):
    access = {"GET": Access(Scope.READ, "training.view_run", or_scopes=(Scope.TRAIN,))}

    @extend_schema(operation_id="get_train_job", responses=answers(serializers.TrainJob, 404))
    def get(self, request: Request, job_id: UUID) -> Response:
        """How far a job of training is, how long it may still take, what it made or why it
        failed."""
        return Response(job_of(find_run(request, job_id)))


class TrainJobDownload(APIView):
    access = {"GET": Access(Scope.READ, "registry.download_modelversion")}

    @extend_schema(
        operation_id="download_trained",
        parameters=[
            OpenApiParameter("format", str, enum=services.FORMATS, description="safetensors"),
        ],
        responses=answers(FILE, 404, 409, 422, media_types=FILES) | {304: None},
    )
    def get(self, request: Request, job_id: UUID) -> HttpResponseBase:
        """The version that the job made; its sha256 is the ETag and stands in Repr-Digest. 409
        until the job is completed, and while the form is still being written."""
        run = find_run(request, job_id)
        form = request.GET.get("format", services.SAFETENSORS)
        api_data.one_of("format", form, services.FORMATS)
        artifact, name = services.file_of(run, form, request.user)
        return send_artifact(request, artifact, name)
