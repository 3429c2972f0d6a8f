"""REST: queue examples, look at what waits, say how a model learns on."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from hamlet.errors import Problem, SpecError
from hamlet.learning.connect_four.naming import snake_cased
from registry.accounts.models import Scope
from registry.accounts.permissions import Access
from registry.api import find_model
from registry.api_schema import answers
from registry.models import RegisteredModel
from training.api_data import run_detail
from training.incremental import queries, serializers, services
from training.models import Run
from training.retraining.queries import last_nights, night_data, schedule_data
from training.train_jobs.queries import progress_data

CHANGE = Access(Scope.TRAIN, "registry.change_registeredmodel")


def answer_examples(request: Request, key: str | None) -> Response:
    """202 with what waits, or with the run that took it; 200 if the key kept them before."""
    batch, made = services.queue_examples(request.user, request.data, idempotency_key=key)
    data = queries.batch_data(batch)
    location = data["learning_url"]
    if batch.run_id is not None:
        run = Run.objects.select_related("owner", "classroom", "model", "version").get(
            pk=batch.run_id
        )
        data = {**run_detail(run), **progress_data(run), "examples": data}
        location = data["url"]
    return Response(data, status=202 if made else 200, headers={"Location": location})


def learning_data(model: RegisteredModel) -> dict[str, Any]:
    """How a model learns on, as plain data."""
    row = queries.settings_of(model)
    return {
        "model": model.name,
        "enough_examples": row.enough_examples or settings.INCREMENTAL_EXAMPLES,
        "own_enough_examples": row.enough_examples,
        "most_examples": settings.QUEUED_EXAMPLES,
        "queues": [
            {
                "base_version": queue.base or None,
                "queued": queue.queued,
                "needed": queue.needed,
                "since": queue.since,
            }
            for queue in queries.queues_of(model)
        ],
        "problem": row.problem,
        "nightly": schedule_data(row, timezone.now()),
        "nights": [night_data(night) for night in last_nights(model)],
    }


class ModelLearning(APIView):
    access = {
        "GET": Access(Scope.READ, "registry.view_registeredmodel", or_scopes=(Scope.TRAIN,)),
        "PATCH": CHANGE,
    }

    @extend_schema(operation_id="get_learning", responses=answers(serializers.LearningData, 404))
    def get(self, request: Request, name: str) -> Response:
        """How a model learns on: examples that wait for a run, its nights and what became of the
        last ones."""
        return Response(learning_data(find_model(request, name)))

    @extend_schema(
        operation_id="change_learning",
        request=serializers.LEARNING_BODY,
        responses=answers(serializers.LearningData, 404, 409, 422, takes_body=True),
    )
    def patch(self, request: Request, name: str) -> Response:
        """Let a model learn at night or not, and say how many examples start a run. What is left
        out stays."""
        model = find_model(request, name)
        problems: list[Problem] = []
        change = snake_cased(request.data, "", problems)
        if problems:
            raise SpecError(problems)
        services.change_learning(model, request.user, change)
        return Response(learning_data(model))


class WaitingExamples(APIView):
    access = {"DELETE": CHANGE}

    @extend_schema(
        operation_id="discard_examples", responses=answers(serializers.DiscardedExamples, 404)
    )
    def delete(self, request: Request, name: str) -> Response:
        """Throw away the examples that wait for runs of a model."""
        model = find_model(request, name)
        return Response({"discarded": services.discard_examples(model, request.user)})
