"""Game records: moves are the only truth, and everything beside them is checked."""

import copy

import numpy as np
import pytest

from hamlet.datasets.game_records import read_game, write_game
from hamlet.datasets.games import mirrored_game
from hamlet.errors import SpecError
from tests.datasets.random_games import random_games

RECORD = {
    "id": "g-1",
    "timestamp": "2030-01-31T12:00:00+02:00",
    "players": {
        "red": {"type": "human", "rating": 1480},
        "yellow": {"type": "ai", "version": "v3"},
    },
    "moves": [{"position": column} for column in (0, 1, 0, 1, 0, 1, 0)],
    "result": {"winner": "Red", "reason": "normal"},
}


def changed(**fields) -> dict:
    return copy.deepcopy(RECORD) | fields


def refusal(record) -> str:
    with pytest.raises(SpecError) as caught:
        read_game(record)
    return str(caught.value)


def test_record_is_read_and_written_back():
    game = read_game(RECORD)
    assert game.moves == (0, 1, 0, 1, 0, 1, 0)
    assert (game.winner, game.reason, game.human) == (1, "normal", True)
    assert game.ratings == (1480, 1500)
    assert game.played_at.isoformat() == "2030-01-31T10:00:00+00:00"
    again = read_game(write_game(game))
    assert write_game(again) == write_game(game)
    assert write_game(game)["moves"][1] == {"position": 1, "player": "Yellow"}


def test_search_data_and_thinking_times_survive():
    moves = [
        {"position": 0, "visits": [1, 2, 3, 4, 5, 6, 7], "value": 0.25, "thinking_time_ms": 12},
        {"position": 1, "explored": True},
    ]
    record = changed(moves=moves, result={"winner": "Yellow", "reason": "resignation"})
    game = read_game(record)
    assert game.visits.tolist() == [[1, 2, 3, 4, 5, 6, 7], [0] * 7]
    assert game.values[0] == 0.25
    assert np.isnan(game.values[1])
    assert game.explored.tolist() == [False, True]
    assert game.thinking_ms == (12, None)
    assert write_game(game)["moves"] == [
        moves[0] | {"player": "Red"},
        moves[1] | {"player": "Yellow"},
    ]


@pytest.mark.parametrize(
    ("result", "message"),
    [
        ({"winner": "Yellow"}, "result: found winner Yellow, but the board at ply 6 says Red"),
        ({"winner": "Draw"}, "result: found winner Draw, but the board at ply 6 says Red"),
        (
            {"winner": "Red", "reason": "timeout"},
            "result: found reason timeout, but the board ended the game at ply 6; expected normal",
        ),
    ],
)
def test_result_that_the_board_contradicts_is_refused_with_the_ply(result, message):
    assert refusal(changed(result=result)) == message


def test_unfinished_game_is_not_a_normal_result():
    message = refusal(changed(moves=RECORD["moves"][:5], result={"winner": "Red"}))
    assert "after the last move, ply 4, the game is not over" in message
    lost_on_time = {"winner": "Yellow", "reason": "timeout"}
    assert read_game(changed(moves=RECORD["moves"][:5], result=lost_on_time)).winner == 2


def test_resigned_game_has_a_winner():
    moves = RECORD["moves"][:5]
    message = refusal(changed(moves=moves, result={"winner": "Draw", "reason": "resignation"}))
    assert "a game that was resigned has a winner" in message


def test_move_after_the_end_is_refused_with_its_ply():
    message = refusal(changed(moves=[*RECORD["moves"], {"position": 3}]))
    assert message == "moves[7].position: ply 7: the game is over: Red has won"


def test_move_into_a_full_column_is_refused_with_its_ply():
    message = refusal(changed(moves=[{"position": 2}] * 7))
    assert message.startswith("moves[6].position: ply 6: column 2 is full")


def test_board_that_disagrees_is_refused_with_its_ply():
    record = changed()
    empty = [[0] * 7 for _ in range(6)]
    record["moves"][0]["board"] = empty
    record["moves"][1]["board"] = "1"
    assert read_game(record).winner == 1
    record["moves"][2]["board"] = "13"
    assert refusal(record) == (
        "moves[2].board: ply 2: the board differs from the one that the moves before it give"
    )
    record["moves"][2]["board"] = [[0.0] * 7] * 6
    assert "moves[2].board[0][0]: found 0.0" in refusal(record)


def test_player_who_is_not_to_move_is_refused_with_the_ply():
    record = changed()
    record["moves"][1]["player"] = "Red"
    assert refusal(record) == ("moves[1].player: ply 1: found Red; expected Yellow, who is to move")


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("timestamp", "yesterday", "timestamp: found 'yesterday'; expected a time"),
        ("id", "a b", "id: found 'a b'"),
        ("moves", [], "moves: found 0 entries; expected 1 to 42"),
        ("moves", [{"position": 7}], "moves[0].position: found 7"),
        ("moves", [{"position": 1.0}], "moves[0].position: found 1.0"),
        ("players", {"red": {"type": "robot"}, "yellow": {"type": "ai"}}, "players.red.type"),
        ("players", {"red": {"type": "ai"}}, "players.yellow: missing"),
        ("result", {"winner": "Blue"}, "result.winner: found 'Blue'"),
        ("metadata", {"deep": {"er": 1}}, "metadata.deep: found a mapping"),
        # What neither JSON nor a database can keep.
        ("metadata", {"far": float("inf")}, "metadata.far: found inf; expected a finite number"),
        ("metadata", {"no": float("nan")}, "metadata.no: found nan; expected a finite number"),
        ("metadata", {"note": "a\x00"}, "metadata.note: found the character U+0000"),
        ("metadata", {"note": "\ud800"}, "metadata.note: found the character U+D800"),
        ("metadata", {"a\x00": 1}, "metadata: found the character U+0000"),
        ("metadata", {"long": "x" * 1001}, "metadata.long: found 1001 characters"),
        ("metadata", {"k" * 61: 1}, "metadata: found 61 characters; expected at most 60"),
        ("score", 3, "score: unknown field"),
    ],
)
def test_every_wrong_field_is_named(field, value, message):
    assert message in refusal(changed(**{field: value}))


def test_mirrored_copy_is_marked_and_is_a_game_itself():
    game = random_games(1, seed=1, search=True)[0]
    image = mirrored_game(game, "copy")
    assert (image.mirror_of, image.winner) == (game.id, game.winner)
    assert np.array_equal(image.visits, game.visits[:, ::-1])
    assert read_game(write_game(image)).moves == tuple(6 - column for column in game.moves)
