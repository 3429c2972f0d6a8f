"""Games that a run plays while it learns are kept, each once, with what their searches found."""

from __future__ import annotations

import pytest

from training import execution, services
from training.games.models import Game
from training.games.of_runs import GamesOfRun
from training.games.queries import stream_games, visible_games
from training.models import RunStatus

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("redis_url", "artifact_dir"),
]
REQUEST = {
    "config": {
        "model_type": "alphazero",
        "epochs": 1,
        "batch_size": 16,
        "advanced_config": {
            "num_res_blocks": 1,
            "channels": 8,
            "search": {"simulations": 8},
            "self_play": {"games": 6, "parallel_games": 3, "most_updates": 1},
            "arena": {"games": 2, "simulations": 2},
        },
    }
}


@pytest.fixture
def finished(instructor, classroom):
    run = services.queue_run(instructor, {**REQUEST, "classroom": classroom.name})
    execution.execute(run.pk)
    run.refresh_from_db()
    assert run.status == RunStatus.SUCCEEDED, run.reason
    return run


def test_every_game_of_self_play_is_kept_with_its_search(finished, student, outsider):
    kinds = [episode.summary["kind"] for episode in finished.episodes.order_by("number")]
    games = finished.games.order_by("number")
    assert games.count() == kinds.count("self_play") >= 6
    assert "arena" in kinds, "matches are shown, but are no examples"
    for played in stream_games(games):
        searched = played.visits.sum(axis=1)
        assert (searched > 0).all()
        assert played.source == "self_play"
    assert set(visible_games(student)) == set(games)
    assert not visible_games(outsider).exists()


def test_a_game_is_kept_once_however_often_it_is_played(finished):
    before = list(Game.objects.order_by("number").values_list("number", "uid"))
    again = GamesOfRun(finished)
    rows = finished.games.order_by("id")
    numbers = rows.values_list("number", flat=True)
    for number, played in zip(numbers, stream_games(rows), strict=True):
        again.add(number, played)
    again.prepare()()
    assert list(Game.objects.order_by("number").values_list("number", "uid")) == before
