"""REST: record games, list them, read one, and have it analysed."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from hamlet.datasets.games import WINNERS
from registry.accounts.models import Scope
from registry.accounts.permissions import Access
from registry.api_schema import PAGING, answers, page
from registry.jobs import services as jobs
from registry.jobs.api import IDEMPOTENCY_KEY, TOO_MANY, answer_queued, key_of
from registry.jobs.serializers import QueuedJob
from registry.pagination import page_data
from training.games import analyses, importing, playing, queries, serializers, services
from training.games.models import Game, GameSource
from training.streamed_files import JSONLines, received, streamed

VIEW_GAME = Access(Scope.READ, "training.view_game")
ADD_GAME = Access(Scope.PREDICT, "training.add_game", or_scopes=(Scope.TRAIN,))
ANALYSE = Access(Scope.PREDICT, "training.view_game", or_scopes=(Scope.READ, Scope.TRAIN))
FILTERS = [
    OpenApiParameter("source", str, enum=GameSource.values),
    OpenApiParameter("result", str, enum=list(WINNERS)),
    OpenApiParameter("player", str, enum=list(queries.PLAYERS), description="of either colour"),
    OpenApiParameter("version", str, description="of either player, as model/number"),
    OpenApiParameter("run", UUID, description="id of the run that played it"),
    OpenApiParameter("mine", str, enum=["true"], description="recorded by you"),
]


def find_game(request: HttpRequest | Request, game_id: UUID) -> Game:
    """Raises: Http404."""
    seen = queries.visible_games(request.user)
    related = seen.select_related(
        "owner", "analysis", "block__artifact", "red_version__model", "yellow_version__model"
    )
    return get_object_or_404(related, uid=game_id)


def wanted_of(request: HttpRequest | Request) -> dict[str, str]:
    return {name: request.GET.get(name, "") for name in queries.FILTERS}


class GameList(APIView):
    access = {"GET": VIEW_GAME, "POST": ADD_GAME}

    @extend_schema(
        operation_id="list_games",
        parameters=[*PAGING, *FILTERS],
        responses=answers(page(serializers.GameSummary), 422),
    )
    def get(self, request: Request) -> Response:
        """Games you may see, newest first: your own, and those of your classes."""
        games = queries.listed_games(request.user, wanted_of(request))
        return Response(page_data(request, games, queries.NEWEST_FIRST, queries.game_summary))

    @extend_schema(
        operation_id="record_game",
        request=serializers.GAME_BODY,
        parameters=[IDEMPOTENCY_KEY],
        responses=answers(serializers.GameData, 409, 422, status=201, takes_body=True)
        | {200: serializers.GameData},
    )
    def post(self, request: Request) -> Response:
        """Record a game. Its moves are replayed: what contradicts them is refused with its ply.
        200 instead of 201 if it is kept already, by the same id or key."""
        key = key_of(request)
        row, made = services.record_game(request.user, request.data, idempotency_key=key)
        data = queries.game_data(find_game(request, row.uid))
        return Response(data, status=201 if made else 200, headers={"Location": data["url"]})


class GameImport(APIView):
    access = {"POST": Access(Scope.TRAIN, "training.add_dataset")}
    parser_classes = [JSONLines]

    @extend_schema(
        operation_id="import_games",
        parameters=[
            IDEMPOTENCY_KEY,
            OpenApiParameter("classroom", str, description="name or number of a class of yours"),
            OpenApiParameter("consent", bool, description="of the humans who took part"),
        ],
        request={JSONLines.media_type: OpenApiTypes.BINARY},
        responses=answers(QueuedJob, 409, 422, status=202, takes_body=True)
        | {200: QueuedJob}
        | TOO_MANY,
    )
    def post(self, request: Request) -> Response:
        """Keep the games of a file with one record in a line. All are checked before any is kept;
        a wrong one fails the job with its index. The result has `games` and how many were `new`."""
        with received(request.data) as path:
            asked: dict[str, Any] = {}
            if "classroom" in request.GET:
                asked["classroom"] = request.GET["classroom"]
            if "consent" in request.GET:
                asked["consent"] = {"true": True, "false": False}.get(
                    request.GET["consent"], request.GET["consent"]
                )
            job, made = services.import_games(
                request.user, path, asked, idempotency_key=key_of(request)
            )
        return answer_queued(request, job, made)


class GameExport(APIView):
    access = {"GET": VIEW_GAME}

    @extend_schema(
        operation_id="export_games",
        parameters=FILTERS,
        responses=answers(serializers.GameData, 422, media_types=(JSONLines.media_type,)),
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        """Games you may see, whole, one record in a line."""
        games = queries.listed_games(request.user, wanted_of(request))
        lines = importing.export_lines(queries.stream_games(games))
        return streamed(request, lines, JSONLines.media_type, "games.jsonl")


class GameDetail(APIView):
    access = {"GET": VIEW_GAME}

    @extend_schema(operation_id="get_game", responses=answers(serializers.GameData, 404))
    def get(self, request: Request, game_id: UUID) -> Response:
        """A game with all its moves."""
        return Response(queries.game_data(find_game(request, game_id)))


class GameAnalysis(APIView):
    access = {"GET": ANALYSE, "POST": ANALYSE}

    @extend_schema(
        operation_id="get_game_analysis",
        responses=answers(serializers.AnalysisData, 404)
        | {202: serializers.AnalysisData}
        | TOO_MANY,
    )
    def get(self, request: Request, game_id: UUID) -> Response:
        """Every move against perfect play. Who asks first starts it: 202 with the moves that are
        done, from the end backwards, until 200 has all of them."""
        return self._answer(request, game_id, again=False)

    @extend_schema(
        operation_id="start_game_analysis",
        request=None,
        responses=answers(serializers.AnalysisData, 404)
        | {202: serializers.AnalysisData}
        | TOO_MANY,
    )
    def post(self, request: Request, game_id: UUID) -> Response:
        """The same, and one that failed or was cancelled is tried again."""
        return self._answer(request, game_id, again=True)

    def _answer(self, request: Request, game_id: UUID, *, again: bool) -> Response:
        game = analyses.started(request.user, find_game(request, game_id), again=again)
        data: dict[str, Any] = analyses.analysis_data(game)
        url = queries.game_summary(game)["analysis_url"]
        return Response(data, 202 if analyses.pending(game) else 200, headers={"Location": url})


class SelfPlay(APIView):
    access = {"POST": Access(Scope.TRAIN, "training.add_run")}

    @extend_schema(
        operation_id="start_self_play",
        request=serializers.SELF_PLAY_BODY,
        parameters=[IDEMPOTENCY_KEY],
        responses=answers(QueuedJob, 404, 409, 422, status=202, takes_body=True)
        | {200: QueuedJob}
        | TOO_MANY,
    )
    def post(self, request: Request) -> Response:
        """Let a version play against itself; without one, a search without a network. The games
        are kept as they end; the job's result has `games`, `mirrored` and `examples_generated`."""
        key = key_of(request)
        job, made = jobs.queue_job(
            request.user, request.data, kind=playing.NAME, idempotency_key=key
        )
        return answer_queued(request, job, made)
