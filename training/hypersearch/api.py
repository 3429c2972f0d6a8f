"""REST: search for a config, and see how the search stands."""

from __future__ import annotations

from uuid import UUID

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from registry.accounts.models import Scope
from registry.accounts.permissions import Access
from registry.api_schema import PROBLEM_MEDIA_TYPE, ProblemData, answers
from registry.jobs import services as jobs
from registry.jobs.api import IDEMPOTENCY_KEY, TOO_MANY, VIEW_JOB, answer_queued, key_of
from registry.jobs.serializers import QueuedJob
from training.hypersearch import queries, serializers, trials

NOT_INSTALLED = {
    (501, PROBLEM_MEDIA_TYPE): OpenApiResponse(
        ProblemData, "What chooses the trials is not installed; says which file to install"
    )
}


class Hypersearches(APIView):
    access = {"POST": Access(Scope.TRAIN, "training.add_run")}

    @extend_schema(
        operation_id="start_hypersearch",
        request=serializers.SEARCH_BODY,
        parameters=[IDEMPOTENCY_KEY],
        responses=answers(QueuedJob, 409, 422, status=202, takes_body=True)
        | {200: QueuedJob}
        | TOO_MANY
        | NOT_INSTALLED,
    )
    def post(self, request: Request) -> Response:
        """Search for the config with the lowest val_loss: every trial is a run, chosen by what the
        ones before have shown. The best one's version is registered. The job's result has
        best_config, results and training_job_id."""
        key = key_of(request)
        job, made = jobs.queue_job(
            request.user, request.data, kind=trials.NAME, idempotency_key=key
        )
        return answer_queued(request, job, made)


class HypersearchDetail(APIView):
    access = {"GET": VIEW_JOB}

    @extend_schema(operation_id="get_hypersearch", responses=answers(serializers.SearchData, 404))
    def get(self, request: Request, job_id: UUID) -> Response:
        """How a search stands: its trials, and the best so far."""
        searches = queries.visible_searches(request.user)
        return Response(queries.search_data(get_object_or_404(searches, pk=job_id)))
