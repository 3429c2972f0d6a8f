"""`POST /api/v1/predict` with a board: the raw network's move, or that of a search with it."""

from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from hamlet.learning.connect_four.asking import inputs_of, read_body
from registry.problems import pointer_of
from tests.playing.boards import make_board_model, register_board_version

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("redis_url", "artifact_dir"),
]
ROWS = [[0] * 7 for _ in range(5)] + [[0, 0, 0, 1, 0, 0, 0]]
FULL_COLUMN = "111111"
WON = "1212121"


@pytest.fixture
def version(instructor, classroom):
    return register_board_version(instructor, classroom)


@pytest.fixture
def ask(student, version):
    client = APIClient()
    client.force_login(student)

    def asking(**body):
        return client.post("/api/v1/predict", {"model": "dropper", **body}, format="json")

    return asking


@pytest.mark.parametrize(
    "board", [ROWS, "4", "0" * 35 + "0001000"], ids=["rows", "moves", "digits"]
)
def test_the_three_forms_of_a_board_get_the_same_answer(ask, board):
    answer = ask(board=board).json()
    expected = make_board_model().run(inputs_of(read_body({"board": "4"})[0]))
    assert answer["outputs"]["value"] == expected["value"].tolist()
    assert answer["value"] == pytest.approx(float(expected["value"][0, 0]))
    assert answer["move"] == max(range(7), key=lambda column: answer["policy"][column])
    assert answer["confidence"] == answer["policy"][answer["move"]]
    assert sum(answer["policy"]) == pytest.approx(1.0)
    assert answer["legal"] == [True] * 7
    assert (answer["model"], answer["model_version"]) == ("dropper", "1.0.0")
    assert answer["inference_time_ms"] >= 0


def test_full_columns_have_exactly_no_share(ask):
    answer = ask(board=FULL_COLUMN).json()
    assert (answer["legal"][0], answer["policy"][0]) == (False, 0.0)
    assert sum(answer["policy"]) == pytest.approx(1.0)


def test_a_search_says_how_it_spent_its_visits(ask):
    answer = ask(board="4455", search={"simulations": 60, "time_limit_ms": 10_000}).json()
    assert sum(answer["visits"]) == answer["simulations"] == 60
    assert answer["policy"] == [count / 60 for count in answer["visits"]]
    assert sum(answer["network_policy"]) == pytest.approx(1.0)
    assert answer["line"][0] == max(range(7), key=lambda column: answer["visits"][column])


def test_a_search_wins_where_one_move_wins(ask):
    answer = ask(board="112233", search={"simulations": 100}).json()
    assert answer["move"] == 3
    assert answer["value"] > 0.5


@pytest.mark.parametrize(
    ("body", "path", "words"),
    [
        ({"board": WON}, "board", "over"),
        ({"board": "1111111"}, "board", "full"),
        ({"board": [[0] * 7] * 5}, "board", "6"),
        ({"board": "4", "player": 1}, "player", "move"),
        ({"board": "4", "search": {"simulations": 0}}, "search.simulations", "from 1"),
        ({"board": "4", "depth": 3}, "depth", "unknown"),
        ({}, "board", "missing"),
    ],
)
def test_what_cannot_be_answered_is_refused_with_its_place(ask, body, path, words):
    answer = ask(**body)
    assert answer.status_code == 422
    [error] = answer.json()["errors"]
    assert error["pointer"] == pointer_of(path)
    assert words in error["detail"]
