"""REST: start, steer and look at runs. The same services and queries as the pages."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from hamlet.systems import SYSTEMS
from registry.accounts.models import Scope
from registry.accounts.permissions import Access
from registry.api_schema import PAGING, VERSION_FILES, answers, page
from registry.downloads import send_artifact
from registry.models import Checkpoint
from registry.pagination import page_data
from registry.searching.lists import found_data, search_parameter
from training import api_data, queries, serializers, services
from training.api_data import find_run
from training.incremental.api import answer_examples
from training.incremental.reading import is_incremental, without_flag
from training.models import RunStatus
from training.searching import RUNS, listed_runs
from training.train_jobs.queries import progress_data
from training.train_jobs.serializers import TRAIN_ANSWER

VIEW_RUN = Access(Scope.READ, "training.view_run")
STEER_RUN = Access(Scope.TRAIN, "training.change_run")


class Train(APIView):
    access = {"POST": Access(Scope.TRAIN, "training.add_run")}

    @extend_schema(
        operation_id="train",
        request=serializers.TRAIN_BODY,
        parameters=[
            OpenApiParameter(
                "Idempotency-Key",
                str,
                OpenApiParameter.HEADER,
                description="the same key with the same body makes one run, however often sent",
            )
        ],
        responses=answers(TRAIN_ANSWER, 409, 422, status=202, takes_body=True)
        | {200: TRAIN_ANSWER},
    )
    def post(self, request: Request) -> Response:
        """Queue a run. 202 with the run; 200 if the key made it before. With `incremental`, keep
        `examples` until there are enough for a run that goes on from the version in service, or
        from `base_version`: 202 with `queued` and `needed`, and with the run once it starts."""
        key = request.headers.get("Idempotency-Key")
        if is_incremental(request.data):
            return answer_examples(request, key)
        run, made = services.queue_run_once(
            request.user, without_flag(request.data), idempotency_key=key
        )
        data = {**api_data.run_detail(run), **progress_data(run)}
        return Response(data, status=202 if made else 200, headers={"Location": data["url"]})


class RunList(APIView):
    access = {"GET": VIEW_RUN}

    @extend_schema(
        operation_id="list_runs",
        parameters=[
            *PAGING,
            OpenApiParameter("status", str, enum=RunStatus.values),
            OpenApiParameter("system", str),
            OpenApiParameter("level", str),
            search_parameter(RUNS),
        ],
        responses=answers(page(serializers.RunSummary), 422),
    )
    def get(self, request: Request) -> Response:
        """Runs you may see, newest first."""
        runs = listed_runs(request.user)
        for name, known in (("status", RunStatus.values), ("system", SYSTEMS), ("level", None)):
            if value := request.GET.get(name):
                runs = runs.filter(**{name: api_data.one_of(name, value, known)})
        return Response(found_data(request, runs, queries.NEWEST_FIRST, RUNS, api_data.run_row))


class RunDetail(APIView):
    access = {"GET": VIEW_RUN}

    @extend_schema(operation_id="get_run", responses=answers(serializers.RunDetail, 404))
    def get(self, request: Request, run_id: UUID) -> Response:
        """One run, with its spec and everything that happened to it."""
        return Response(api_data.run_detail(find_run(request, run_id)))


class SteerRun(APIView):
    """Base of the three ways to steer; `steer` is the service."""

    access = {"POST": STEER_RUN}
    steer: Any = None

    def answer(self, request: Request, run_id: UUID) -> Response:
        run = type(self).steer(find_run(request, run_id), request.user)
        return Response(api_data.run_detail(run))


class PauseRun(SteerRun):
    steer = services.pause_run

    @extend_schema(
        operation_id="pause_run", request=None, responses=answers(serializers.RunDetail, 404, 409)
    )
    def post(self, request: Request, run_id: UUID) -> Response:
        """Let the run rest at its next unit of work, with a checkpoint."""
        return self.answer(request, run_id)


class ResumeRun(SteerRun):
    steer = services.resume_run

    @extend_schema(
        operation_id="resume_run", request=None, responses=answers(serializers.RunDetail, 404, 409)
    )
    def post(self, request: Request, run_id: UUID) -> Response:
        """Let a paused run go on, or a failed one try again from its last checkpoint."""
        return self.answer(request, run_id)


class CancelRun(SteerRun):
    steer = services.cancel_run

    @extend_schema(
        operation_id="cancel_run", request=None, responses=answers(serializers.RunDetail, 404, 409)
    )
    def post(self, request: Request, run_id: UUID) -> Response:
        """End the run for good; a running one saves a last checkpoint first."""
        return self.answer(request, run_id)


class RunMetrics(APIView):
    access = {"GET": Access(Scope.READ, "training.view_metricpoint")}

    @extend_schema(
        operation_id="get_run_metrics",
        parameters=[
            OpenApiParameter("names", str, description="with commas between; all if left out"),
            OpenApiParameter("max_points", int, description="1 to 2000, default 500"),
        ],
        responses=answers(OpenApiTypes.OBJECT, 404, 422),
    )
    def get(self, request: Request, run_id: UUID) -> Response:
        """Metrics as columns: `{"series": {name: {"at": [...], "value": [...]}}}`."""
        run = find_run(request, run_id)
        names = api_data.read_names(request.GET.get("names"), queries.metric_names(run))
        points = api_data.read_max_points(request.GET.get("max_points"))
        series = queries.metric_series(run, names, points)
        return Response({"series": series, "names": queries.metric_names(run)})


class EpisodeList(APIView):
    access = {"GET": Access(Scope.READ, "training.view_episodesummary")}

    @extend_schema(
        operation_id="list_episodes",
        parameters=PAGING,
        responses=answers(page(serializers.EpisodeData), 404, 422),
    )
    def get(self, request: Request, run_id: UUID) -> Response:
        """Finished episodes, newest first."""
        episodes = queries.episode_list(find_run(request, run_id))
        return Response(page_data(request, episodes, ("-number",), queries.episode_data))


class ReplayList(APIView):
    access = {"GET": Access(Scope.READ, "training.view_replay")}

    @extend_schema(
        operation_id="list_replays",
        parameters=[
            *PAGING,
            *(OpenApiParameter(name, int) for name in queries.REPLAY_FILTERS),
            OpenApiParameter("reason", str, description="part of a reason for keeping it"),
        ],
        responses=answers(page(serializers.ReplayData), 404, 422),
    )
    def get(self, request: Request, run_id: UUID) -> Response:
        """Episodes kept step by step, newest first."""
        filters = api_data.read_replay_filters(request.GET)
        replays = queries.replay_list(find_run(request, run_id), filters)
        return Response(
            page_data(request, replays, queries.REPLAYS_NEWEST_FIRST, queries.replay_data)
        )


class ReplayDetail(APIView):
    access = {"GET": Access(Scope.READ, "training.view_replay")}

    @extend_schema(operation_id="get_replay", responses=answers(serializers.EpisodeRecording, 404))
    def get(self, request: Request, run_id: UUID, number: int) -> Response:
        """One kept episode, step by step."""
        run = find_run(request, run_id)
        if number >= 2**63:
            raise api_data.not_found()
        replay = get_object_or_404(run.replays.select_related("artifact"), number=number)
        return Response(asdict(queries.read_replay(replay)))


class CheckpointList(APIView):
    access = {"GET": Access(Scope.READ, "registry.view_checkpoint")}

    @extend_schema(
        operation_id="list_checkpoints",
        parameters=[*PAGING, OpenApiParameter("kind", str, enum=Checkpoint.Kind.values)],
        responses=answers(page(serializers.CheckpointData), 404, 422),
    )
    def get(self, request: Request, run_id: UUID) -> Response:
        """Saved checkpoints of the run, newest first."""
        run, kind = find_run(request, run_id), request.GET.get("kind")
        if kind:
            api_data.one_of("kind", kind, Checkpoint.Kind.values)
        found = queries.checkpoint_list(run, kind)
        return Response(page_data(request, found, ("-at", "-id"), api_data.checkpoint_row))


class CheckpointDownload(APIView):
    access = {"GET": Access(Scope.READ, "registry.download_modelversion")}

    @extend_schema(
        operation_id="download_checkpoint",
        responses=answers(OpenApiTypes.BINARY, 404, media_types=VERSION_FILES) | {304: None},
    )
    def get(self, request: Request, run_id: UUID, at: int) -> HttpResponse:
        """The inference checkpoint that the run saved at so many finished units of progress."""
        run = find_run(request, run_id)
        if at >= 2**63:
            raise api_data.not_found()
        saved = queries.checkpoint_list(run, Checkpoint.Kind.INFERENCE)
        checkpoint = get_object_or_404(saved, at=at)
        return send_artifact(
            request, checkpoint.artifact, f"{run.system}-{run.pk}-{at}.safetensors"
        )


class SystemList(APIView):
    access = {"GET": Access(Scope.READ, None)}

    @extend_schema(
        operation_id="list_systems", responses=answers(serializers.SystemData(many=True))
    )
    def get(self, request: Request) -> Response:
        """What can be trained here."""
        return Response([api_data.system_row(system) for system in SYSTEMS.values()])


class LevelList(APIView):
    access = {"GET": Access(Scope.READ, None)}

    @extend_schema(
        operation_id="list_levels", responses=answers(serializers.LevelData(many=True), 404)
    )
    def get(self, request: Request, name: str) -> Response:
        """The levels of a system, easiest first."""
        if name not in SYSTEMS:
            raise api_data.not_found()
        return Response([asdict(level) for level in SYSTEMS[name].levels()])
