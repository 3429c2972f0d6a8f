"""REST: start a tournament, and read the league."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from registry.accounts.models import Scope
from registry.accounts.permissions import Access
from registry.api_schema import answers
from registry.jobs import services as jobs
from registry.jobs.api import IDEMPOTENCY_KEY, TOO_MANY, answer_queued, key_of
from registry.jobs.serializers import QueuedJob
from training.games.api import VIEW_GAME
from training.league import playing, queries, serializers


class Tournaments(APIView):
    access = {"POST": Access(Scope.TRAIN, "training.add_run")}

    @extend_schema(
        operation_id="start_tournament",
        request=serializers.TOURNAMENT_BODY,
        parameters=[IDEMPOTENCY_KEY],
        responses=answers(QueuedJob, 404, 409, 422, status=202, takes_body=True)
        | {200: QueuedJob}
        | TOO_MANY,
    )
    def post(self, request: Request) -> Response:
        """Let every two of some players meet, from even openings, each opening from both seats.
        The games are kept as they end; the job's result has ratings and pairs as the league has."""
        key = key_of(request)
        job, made = jobs.queue_job(
            request.user, request.data, kind=playing.NAME, idempotency_key=key
        )
        return answer_queued(request, job, made)


class League(APIView):
    access = {"GET": VIEW_GAME}

    @extend_schema(operation_id="get_league", responses=answers(serializers.Standings))
    def get(self, request: Request) -> Response:
        """Ratings fitted anew from all tournament games that you may see, and who met whom."""
        return Response(queries.standings(request.user))
