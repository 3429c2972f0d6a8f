"""Routes of the live pages."""

from __future__ import annotations

from django.urls import path

from live import compare_views, new_run_views, views

app_name = "live"
urlpatterns = [
    path("", views.home, name="home"),
    path("runs/", views.run_list, name="run-list"),
    path("runs/new/", new_run_views.run_new, name="run-new"),
    path("runs/compare/", compare_views.run_compare, name="run-compare"),
    path("runs/compare/csv/", compare_views.run_compare_csv, name="run-compare-csv"),
    path("runs/<uuid:run_id>/", views.run_page, name="run"),
    path("runs/<uuid:run_id>/status/", views.run_status, name="run-status"),
    path("runs/<uuid:run_id>/pause/", views.pause_run, name="pause-run"),
    path("runs/<uuid:run_id>/resume/", views.resume_run, name="resume-run"),
    path("runs/<uuid:run_id>/cancel/", views.cancel_run, name="cancel-run"),
    path("runs/<uuid:run_id>/replays/", views.run_replays, name="run-replays"),
    path(
        "runs/<uuid:run_id>/checkpoints/<int:checkpoint_id>/", views.checkpoint, name="checkpoint"
    ),
]
