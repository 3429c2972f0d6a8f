"""REST routes of training, below /api/v1/."""

from __future__ import annotations

from django.urls import path

from training import api
from training.compare_api import CompareRuns
from training.comparisons.api import Compare
from training.datasets import api as datasets
from training.games import api as games
from training.hypersearch import api as hypersearch
from training.incremental import api as incremental
from training.league import api as league
from training.status.api import Status
from training.train_jobs import api as train_jobs

RUN = "runs/<uuid:run_id>"

urlpatterns = [
    path("status", Status.as_view(), name="api-status"),
    path("train", api.Train.as_view(), name="api-train"),
    path("train/<uuid:job_id>", train_jobs.TrainJobDetail.as_view(), name="api-train-job"),
    path(
        "train/<uuid:job_id>/download",
        train_jobs.TrainJobDownload.as_view(),
        name="api-train-download",
    ),
    path("runs", api.RunList.as_view(), name="api-runs"),
    path("compare", Compare.as_view(), name="api-compare"),
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
    path("tournaments", league.Tournaments.as_view(), name="api-tournaments"),
    path("hypersearch", hypersearch.Hypersearches.as_view(), name="api-hypersearches"),
    path(
        "hypersearch/<uuid:job_id>",
        hypersearch.HypersearchDetail.as_view(),
        name="api-hypersearch",
    ),
    path("league", league.League.as_view(), name="api-league"),
    path("datasets", datasets.DatasetList.as_view(), name="api-datasets"),
    path("datasets/import", datasets.DatasetImport.as_view(), name="api-dataset-import"),
    path("datasets/<slug:name>", datasets.DatasetDetail.as_view(), name="api-dataset"),
    path(
        "datasets/<slug:name>/export", datasets.DatasetExport.as_view(), name="api-dataset-export"
    ),
    path("models/<slug:name>/learning", incremental.ModelLearning.as_view(), name="api-learning"),
    path(
        "models/<slug:name>/learning/examples",
        incremental.WaitingExamples.as_view(),
        name="api-learning-examples",
    ),
    path("systems", api.SystemList.as_view(), name="api-systems"),
    path("systems/<slug:name>/levels", api.LevelList.as_view(), name="api-levels"),
]
