"""Routes of the live pages."""

from __future__ import annotations

from django.urls import path

from live import (
    compare_views,
    dataset_views,
    game_views,
    hypersearch_views,
    league_views,
    learning_views,
    new_run_views,
    views,
)
from live.playing import views as playing

app_name = "live"
urlpatterns = [
    path("", views.home, name="home"),
    path("games/", game_views.game_list, name="game-list"),
    path("games/<uuid:game_id>/", game_views.game_page, name="game"),
    path("games/<uuid:game_id>/analysis/", game_views.game_analysis, name="game-analysis"),
    path("games/<uuid:game_id>/analyse/", game_views.analyse_game, name="analyse-game"),
    path("league/", league_views.league, name="league"),
    path("league/start/", league_views.start_tournament, name="start-tournament"),
    path("hypersearch/", hypersearch_views.search_list, name="hypersearch-list"),
    path("hypersearch/start/", hypersearch_views.start_search, name="start-hypersearch"),
    path("hypersearch/<uuid:job_id>/", hypersearch_views.search_page, name="hypersearch"),
    path("datasets/", dataset_views.dataset_list, name="dataset-list"),
    path("datasets/build/", dataset_views.build_dataset, name="build-dataset"),
    path("datasets/<slug:name>/", dataset_views.dataset_page, name="dataset"),
    path("models/<slug:name>/learning/", learning_views.learning, name="learning"),
    path(
        "models/<slug:name>/learning/change/",
        learning_views.change_learning,
        name="change-learning",
    ),
    path(
        "models/<slug:name>/learning/discard/",
        learning_views.discard_examples,
        name="discard-examples",
    ),
    path("play/", playing.play, name="play"),
    path("play/worker.js", playing.worker, name="play-worker"),
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
