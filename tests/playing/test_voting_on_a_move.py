"""`POST /api/v1/predict/ensemble` with a board: the move of several versions, and their votes."""

from __future__ import annotations

import pytest
from django.test import Client
from rest_framework.test import APIClient

from registry.problems import pointer_of
from registry.versions.lifecycle import move as move_status
from registry.versions.models import VersionStatus
from tests.playing.boards import register_board_version

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("redis_url", "artifact_dir"),
]
ENSEMBLE = "/api/v1/predict/ensemble"
ROWS = [[0] * 7 for _ in range(5)] + [[0, 0, 0, 1, 0, 0, 0]]
FULL_COLUMN = "111111"


@pytest.fixture
def versions(instructor, classroom):
    """Four versions of one model, the three newest of them validated."""
    made = [register_board_version(instructor, classroom, seed=seed) for seed in range(4)]
    for version in made[1:]:
        move_status(version, VersionStatus.VALIDATED)
    return made


@pytest.fixture
def client(student):
    client = APIClient()
    client.force_login(student)
    return client


@pytest.fixture
def ask(client):
    def asking(**body):
        return client.post(ENSEMBLE, body, format="json")

    return asking


def alone(client: Client, version, board) -> dict:
    body = {"model": version.model.name, "version": version.number, "board": board}
    return client.post("/api/v1/predict", body, format="json").json()


def ids(*versions) -> list[str]:
    return [f"{version.model.name}:{version.number}" for version in versions]


def test_the_three_newest_validated_versions_vote_where_none_is_named(ask, versions):
    answer = ask(board="4", model="dropper")
    assert answer.status_code == 200, answer.content
    votes = answer.json()["votes"]
    assert [vote["version"] for vote in votes] == [one.number for one in reversed(versions[1:])]
    assert [vote["weight"] for vote in votes] == pytest.approx([1 / 3] * 3)
    assert ask(board="4").json()["votes"] == votes  # the student sees one model alone


def test_staged_versions_vote_and_archived_ones_do_not(ask, versions):
    move_status(versions[1], VersionStatus.STAGED)
    move_status(versions[3], VersionStatus.ARCHIVED)
    votes = ask(board="4", model="dropper").json()["votes"]
    assert [vote["version"] for vote in votes] == [versions[2].number, versions[1].number]


def test_the_policy_is_the_weighted_mean_of_what_each_says_alone(ask, client, versions):
    asked = versions[:2]
    answer = ask(board=ROWS, model_ids=ids(*asked), weights=[3, 1]).json()
    each = [alone(client, version, ROWS) for version in asked]
    for vote, single, weight in zip(answer["votes"], each, [0.75, 0.25], strict=True):
        assert vote["policy"] == single["policy"]
        assert (vote["move"], vote["weight"]) == (single["move"], weight)
        assert vote["value"] == pytest.approx(single["value"])
        assert vote["artifact_sha256"] == single["artifact_sha256"]
    mean = [0.75 * a + 0.25 * b for a, b in zip(*(one["policy"] for one in each), strict=True)]
    assert answer["policy"] == pytest.approx(mean)
    assert answer["value"] == pytest.approx(0.75 * each[0]["value"] + 0.25 * each[1]["value"])
    assert answer["move"] == max(range(7), key=lambda column: mean[column])
    assert answer["confidence"] == answer["policy"][answer["move"]]
    assert (answer["model"], answer["model_version"]) == ("dropper", None)


def test_disagreement_is_worked_out_from_the_votes(ask, versions):
    answer = ask(board="4", model_ids=ids(*versions)).json()
    others = [vote["move"] for vote in answer["votes"] if vote["move"] != answer["move"]]
    assert answer["disagreement"]["dissent"] == pytest.approx(len(others) / 4)
    assert 0 < answer["disagreement"]["divergence_bits"] < 1


def test_full_columns_get_no_vote(ask, versions):
    answer = ask(board=FULL_COLUMN, model="dropper").json()
    assert answer["legal"][0] is False
    assert [answer["policy"][0], *(vote["policy"][0] for vote in answer["votes"])] == [0.0] * 4
    assert sum(answer["policy"]) == pytest.approx(1.0)


def test_versions_of_several_models_vote_together(ask, instructor, classroom, versions):
    other = register_board_version(instructor, classroom, name="faller", seed=9)
    answer = ask(board="4", modelIds=ids(versions[0], other)).json()
    assert [vote["model"] for vote in answer["votes"]] == ["dropper", "faller"]
    assert answer["model"] is None
    refused = ask(board="4")
    assert refused.status_code == 422
    assert "dropper, faller" in refused.json()["errors"][0]["detail"]


def test_fewer_than_two_validated_versions_are_409(ask, instructor, classroom):
    version = register_board_version(instructor, classroom)
    register_board_version(instructor, classroom, seed=1)
    move_status(version, VersionStatus.VALIDATED)
    answer = ask(board="4", model="dropper")
    assert answer.status_code == 409
    assert "1 validated versions" in answer.json()["detail"]


def test_no_model_at_all_is_409(ask):
    assert ask(board="4").status_code == 409


def test_models_out_of_sight_are_404(ask, outsider, versions):
    stranger = APIClient()
    stranger.force_login(outsider)
    for body in ({"model": "dropper"}, {"model_ids": ids(*versions)}):
        answer = stranger.post(ENSEMBLE, {"board": "4", **body}, format="json")
        assert answer.status_code == 404
    assert ask(board="4", model_ids=["dropper:1.0.0", "dropper:9.0.0"]).status_code == 404


@pytest.mark.parametrize(
    ("body", "path", "words"),
    [
        ({"board": "1212121"}, "board", "over"),
        ({"model_ids": ["dropper:1.0.0", "dropper:1.0.1"]}, "model_ids", "board"),
        ({"board": "4", "player": 1}, "player", "move"),
        ({"board": "4", "search": {"simulations": 9}}, "search", "unknown"),
        ({"board": "4", "model_ids": ["dropper:1.0.0"]}, "model_ids", "2 to 32"),
        ({"board": "4", "model_ids": ["dropper", "x:1.0.0"]}, "model_ids[0]", "model:number"),
        ({"board": "4", "model_ids": ["dropper:1.0.0", "dropper:1.0.0"]}, "model_ids[1]", "twice"),
        ({"board": "4", "model": "dropper", "weights": [1, 2]}, "weights", "expected 3"),
        ({"board": "4", "model": "dropper", "weights": [0, 0, 0]}, "weights", "above 0"),
        ({"board": "4", "model": "dropper", "weights": [1, -1, 1]}, "weights[1]", "from 0"),
        (
            {"board": "4", "model": "dropper", "model_ids": ["dropper:1.0.0", "dropper:1.0.1"]},
            "model",
            "model_ids",
        ),
    ],
)
def test_what_nobody_can_vote_on_is_refused_with_its_place(ask, versions, body, path, words):
    answer = ask(**body)
    assert answer.status_code == 422, answer.content
    [error] = answer.json()["errors"]
    assert error["pointer"] == pointer_of(path)
    assert words in error["detail"]
