"""Runs that begin from a dataset, from examples of a request, or from the weights of a version."""

from __future__ import annotations

import pytest
import torch
from rest_framework.test import APIClient

from hamlet.checkpoint import load_network
from registry.artifacts.store import artifact_path
from registry.models import Artifact
from tests.playing.boards import register_board_version
from training import execution
from training.inputs import files_of
from training.models import Run, RunStatus

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("redis_url", "artifact_dir"),
]
SMALL = {"num_res_blocks": 1, "channels": 8}
# Red wins in column 4 each time; the mirror image of the second is no twin of the first.
EXAMPLES = [
    {"board": {"board": "112233", "player": 1}, "move": 3, "value": 1, "game_id": "a", "ply": 6},
    {"board": {"board": "221133", "player": 1}, "move": 3, "value": 1, "game_id": "b", "ply": 6},
    {"board": {"board": "4", "player": 2}, "move": 3, "value": 0, "game_id": "c", "ply": 1},
]


@pytest.fixture
def train(instructor):
    client = APIClient()
    client.force_login(instructor)

    def asking(**body):
        return client.post("/api/v1/train", {"system": "connect_four", **body}, format="json")

    return asking


def config(**more):
    fitted = {"model_type": "alphazero", "epochs": 1, "validation_split": 0, "batch_size": 2}
    return {**fitted, "advanced_config": SMALL, **more}


def test_examples_of_a_request_are_kept_and_learned_from(train):
    run = Run.objects.get(pk=train(config=config(), examples=EXAMPLES).json()["id"])
    roles = set(run.inputs.values_list("role", flat=True))
    assert roles == {"dataset", "dataset.0"}
    execution.execute(run.pk)
    run.refresh_from_db()
    assert run.status == RunStatus.SUCCEEDED, run.reason
    assert run.latest_metrics["train_loss"] > 0
    assert set(run.version.lineage["inputs"]) == roles


def whole_game(moves: str, game_id: str, winner: int) -> list[dict]:
    """Every position of a game in which the same column wins or loses."""
    return [
        {
            "board": {"board": moves[:ply], "player": 1 + ply % 2},
            "move": int(moves[ply]) - 1,
            "value": 1 if 1 + ply % 2 == winner else -1,
            "game_id": game_id,
            "ply": ply,
        }
        for ply in range(len(moves))
    ]


def test_games_that_begin_alike_stay_whole(train):
    """MuZero follows each game move by move; merged with its twin, a position would be missing."""
    games = whole_game("4141414", "a", 1) + whole_game("4142424", "b", 1)
    settings = {"model_type": "muzero", "epochs": 1, "validation_split": 0, "batch_size": 2}
    run = Run.objects.get(
        pk=train(config={**settings, "advanced_config": SMALL}, examples=games).json()["id"]
    )
    execution.execute(run.pk)
    run.refresh_from_db()
    assert run.status == RunStatus.SUCCEEDED, run.reason


def test_a_wrong_example_is_named_by_its_index_and_nothing_is_kept(train):
    wrong = [EXAMPLES[0], {**EXAMPLES[1], "move": 9}]
    answer = train(config=config(), examples=wrong)
    assert answer.status_code == 422
    [error] = answer.json()["errors"]
    assert error["pointer"] == "/examples/1/move"
    assert not Run.objects.exists()
    assert not Artifact.objects.exists()


def test_examples_and_a_dataset_together_are_refused(train):
    answer = train(config=config(), examples=EXAMPLES, dataset="games")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/examples"


def test_a_dataset_out_of_sight_is_as_one_that_is_not(train):
    answer = train(config=config(), dataset="games")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/dataset"


@pytest.mark.parametrize(
    "body",
    [
        {"dataset": {"manifest": "0" * 64, "shards": ["0" * 64]}},
        {"base": {"checkpoint": "0" * 64}},
    ],
)
def test_nobody_may_name_files_by_their_hash(train, body):
    assert train(config=config(), **body).status_code == 422


def test_a_run_begins_with_the_weights_of_a_version(train, instructor, classroom):
    base = register_board_version(instructor, classroom)
    slow = config(learning_rate=1e-12)
    slow.pop("advanced_config")
    run = Run.objects.get(
        pk=train(config=slow, base_version="dropper:1.0.0", examples=EXAMPLES).json()["id"]
    )
    assert run.spec["content"]["brain"]["architecture"]["alphazero"]["channels"] == 8
    assert files_of(run)(base.artifact_id) == artifact_path(base.artifact)
    execution.execute(run.pk)
    run.refresh_from_db()
    assert run.status == RunStatus.SUCCEEDED, run.reason
    before, _ = load_network(artifact_path(base.artifact))
    after, _ = load_network(artifact_path(run.version.artifact))
    for name, weight in before.named_parameters():
        assert torch.allclose(weight, dict(after.named_parameters())[name], atol=1e-6), name
    assert run.version.lineage["inputs"]["base"] == base.artifact_id


def test_the_config_may_name_the_base_too(train, instructor, classroom):
    register_board_version(instructor, classroom)
    asked = {"modelType": "alphazero", "advancedConfig": {"baseVersion": "dropper:latest"}}
    run = Run.objects.get(pk=train(config=asked).json()["id"])
    assert set(run.inputs.values_list("role", flat=True)) == {"base"}


def test_a_base_of_another_shape_is_a_conflict(train, instructor, classroom):
    register_board_version(instructor, classroom)
    wider = config(advanced_config={"num_res_blocks": 1, "channels": 16})
    answer = train(config=wider, base_version="dropper:1.0.0")
    assert answer.status_code == 409
    assert "same shape" in answer.json()["detail"]
    assert not Run.objects.exists()


@pytest.mark.parametrize("named", ["dropper", "dropper:9.9.9", "nobody:1.0.0", 7])
def test_a_base_that_is_not_there_is_named(train, instructor, classroom, named):
    register_board_version(instructor, classroom)
    answer = train(config=config(), base_version=named)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/base_version"
