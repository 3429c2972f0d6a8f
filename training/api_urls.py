"""REST routes of training, below /api/v1/."""

from __future__ import annotations

from django.urls import path

from training import api
from training.compare_api import CompareRuns
from training.datasets import api as datasets
from training.games import api as games

RUN = "runs/<uuid:run_id>"

urlpatterns = [
    path("train", api.Train.as_view(), name="api-train"),
    path("runs", api.RunList.as_view(), name="api-runs"),
    path("compare/runs", CompareRuns.as_view(), name="api-compare-runs"),
    path(RUN, api.RunDetail.as_view(), name="api-run"),
    path(f"{RUN}/pause", api.PauseRun.as_view(), name="api-run-pause"),
    path(f"{RUN}/resume", api.ResumeRun.as_view(), name="api-run-resume"),
    path(f"{RUN}/cancel", api.CancelRun.as_view(), name="api-run-cancel"),
    path(f"{RUN}/metrics", api.RunMetrics.as_view(), name="api-run-metrics"),
    path(f"{RUN}/episodes", api.EpisodeList.as_view(), name="api-run-episodes"),
    path(f"{RUN}/replays", api.ReplayList.as_view(), name="api-run-replays"),
    path(f"{RUN}/replays/<int:number>", api.ReplayDetail.as_view(), name="api-run-replay"),
    path(f"{RUN}/checkpoints", api.CheckpointList.as_view(), name="api-run-checkpoints"),
    path(
        f"{RUN}/checkpoints/<int:at>", api.CheckpointDownload.as_view(), name="api-run-checkpoint"
    ),
    path("games", games.GameList.as_view(), name="api-games"),
    path("games/import", games.GameImport.as_view(), name="api-game-import"),
    path("games/export", games.GameExport.as_view(), name="api-game-export"),
    path("games/<uuid:game_id>", games.GameDetail.as_view(), name="api-game"),
    path("games/<uuid:game_id>/analysis", games.GameAnalysis.as_view(), name="api-game-analysis"),
    path("selfplay", games.SelfPlay.as_view(), name="api-selfplay"),
    path("datasets", datasets.DatasetList.as_view(), name="api-datasets"),
    path("datasets/import", datasets.DatasetImport.as_view(), name="api-dataset-import"),
    path("datasets/<slug:name>", datasets.DatasetDetail.as_view(), name="api-dataset"),
    path(
        "datasets/<slug:name>/export", datasets.DatasetExport.as_view(), name="api-dataset-export"
    ),
    path("systems", api.SystemList.as_view(), name="api-systems"),
    path("systems/<slug:name>/levels", api.LevelList.as_view(), name="api-levels"),
]
