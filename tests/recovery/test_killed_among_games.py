"""A worker is killed with -9 while a run plays itself; no game is lost, and none kept twice."""

from __future__ import annotations

import signal

import pytest

from registry.models import ModelVersion
from tests.recovery.conftest import blocked
from tests.recovery.steady import Worker, becomes, reaches, signal_holder
from tests.training.tiny_runs import final_weights
from training import execution, services
from training.games.queries import stream_games
from training.models import MetricPoint, Run, RunStatus

pytestmark = pytest.mark.django_db(transaction=True)

ADVANCED = {
    "num_res_blocks": 1,
    "channels": 4,
    "head_channels": 2,
    "head_hidden": 8,
    "search": {"simulations": 6},
    "self_play": {"games": 4, "parallel_games": 3, "most_updates": 2},
    "arena": {"games": 2, "simulations": 2},
}
EPOCHS = 3
# What a worker was about to write when it died.
POINTS = (
    "training_gameblock",  # what searches found in the games
    "training_game",  # the games themselves
    "registry_checkpoint",  # a checkpoint whose files are stored already
    "registry_modelversion",  # the version of a finished run
)


def queue(user, model: str) -> Run:
    config = {"model_type": "alphazero", "epochs": EPOCHS, "batch_size": 8}
    request = {"config": {**config, "advanced_config": ADVANCED}, "seed": 3, "model": model}
    return services.queue_run(user, request)


def left_behind(run: Run) -> tuple:
    """Weights, every game with its search, and every number that no clock has made."""
    weights = final_weights(run)
    rows = run.games.order_by("number")
    games = [
        (number, game.moves, game.winner, game.visits.tolist(), game.values.tolist())
        for number, game in zip(
            rows.values_list("number", flat=True), stream_games(rows), strict=True
        )
    ]
    points = MetricPoint.objects.filter(run=run).exclude(name__endswith="_per_s")
    return weights, games, sorted(points.values_list("name", "at", "value"))


@pytest.fixture
def undisturbed(instructor, redis_url, artifact_dir) -> tuple:
    run = queue(instructor, "undisturbed")
    execution.execute(run.pk)
    return left_behind(run)


@pytest.mark.slow(expected_s=50)
def test_killed_at_every_named_point_in_turn(instructor, undisturbed, worker: Worker):
    run = queue(instructor, "disturbed")
    for table in POINTS:
        with blocked(table) as somebody_waits:
            current = worker()
            somebody_waits()
            current.kill_now()
        run.refresh_from_db()
        assert not run.ended
    worker()
    becomes(run, RunStatus.SUCCEEDED, RunStatus.FAILED)
    assert left_behind(run) == undisturbed
    assert ModelVersion.objects.filter(run_id=run.pk).count() == 1


@pytest.mark.slow(expected_s=30)
def test_a_process_of_the_pool_that_is_killed_is_replaced(instructor, undisturbed, worker: Worker):
    run = queue(instructor, "disturbed")
    worker()
    reaches(run, 1)
    signal_holder(run, signal.SIGKILL)
    becomes(run, RunStatus.SUCCEEDED, RunStatus.FAILED)
    assert left_behind(run) == undisturbed
