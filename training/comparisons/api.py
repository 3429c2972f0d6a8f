"""REST: have versions compared."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from registry.accounts.models import Scope
from registry.accounts.permissions import Access
from registry.api_schema import TEXT, answers, body
from registry.jobs import services as jobs
from registry.jobs.api import IDEMPOTENCY_KEY, TOO_MANY, answer_queued, key_of
from registry.jobs.serializers import QueuedJob
from training.comparisons import comparing

BODY = body(
    ["model_ids"],
    model_ids={
        "type": "array",
        "items": TEXT,
        "minItems": 2,
        "maxItems": comparing.MOST_VERSIONS,
        "description": "versions as model:number or model:alias",
    },
    metrics={"type": "array", "items": TEXT, "minItems": 1, "description": "all if left out"},
)


class Compare(APIView):
    access = {
        "POST": Access(Scope.PREDICT, "registry.predict_modelversion", or_scopes=(Scope.TRAIN,))
    }

    @extend_schema(
        operation_id="compare",
        request=BODY,
        parameters=[IDEMPOTENCY_KEY],
        responses=answers(QueuedJob, 404, 409, 422, status=202, takes_body=True)
        | {200: QueuedJob}
        | TOO_MANY,
    )
    def post(self, request: Request) -> Response:
        """Compare versions. The job's result has `models` with a statistic for each metric,
        `metrics` with the best, and `differences` of each pair. Networks for Connect Four are
        measured on positions with known scores, with 95 % intervals; of other metrics the
        registered numbers are compared, which have none."""
        job, made = jobs.queue_job(
            request.user, request.data, kind=comparing.NAME, idempotency_key=key_of(request)
        )
        return answer_queued(request, job, made)
