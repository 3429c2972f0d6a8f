"""REST routes of training, below /api/v1/."""

from __future__ import annotations

from django.urls import path

from training import api
from training.compare_api import CompareRuns

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
    path("systems", api.SystemList.as_view(), name="api-systems"),
    path("systems/<slug:name>/levels", api.LevelList.as_view(), name="api-levels"),
]
