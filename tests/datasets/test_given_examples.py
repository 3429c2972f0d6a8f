"""Examples of strangers: each fault is named with the index of its example."""

import numpy as np
import pytest

from hamlet.datasets.given_examples import read_examples
from hamlet.datasets.rows import SOURCES
from hamlet.envs.connect_four.position import Position
from hamlet.errors import InputError

EMPTY = [[0] * 7 for _ in range(6)]
GOOD = {"board": {"board": EMPTY, "player": 1}, "move": 3, "value": 0.5}


def refusal(*examples, **options) -> str:
    with pytest.raises(InputError) as caught:
        read_examples(list(examples), **options)
    return str(caught.value)


def test_example_becomes_a_row():
    policy = [0.1, 0.2, 0.3, 0.4, 0, 0, 0]
    example = {
        "board": {"board": "44", "player": "Red"},
        **{"move": 2, "value": -1, "policy": policy, "weight": 2, "game_id": "g7", "ply": 2},
    }
    rows, ids = read_examples([GOOD, example])
    position = Position.after([3, 3])
    assert (rows["own"][1], rows["occupied"][1]) == (position.own, position.occupied)
    assert rows["policy"][0].tolist() == [0, 0, 0, 1, 0, 0, 0]  # one-hot of the move
    assert np.allclose(rows["policy"][1], policy)
    assert rows["value"].tolist() == [0.5, -1]
    assert rows["weight"].tolist() == [1, 2]
    assert rows["game"].tolist() == [-1, 0]
    assert ids == ["g7"]
    assert SOURCES[rows["source"][0]] == "given"


def test_every_form_of_a_board_is_taken():
    boards = [EMPTY, "", "0" * 42, [["Empty"] * 7] * 6, {"board": EMPTY}, {"board": "0" * 42}]
    rows, _ = read_examples([GOOD | {"board": board} for board in boards])
    assert (rows["occupied"] == 0).all()


def test_42_digits_are_read_all_at_once_as_they_are_one_by_one():
    board = {"board": "0" * 35 + "1200000", "player": 1}
    at_once, _ = read_examples([GOOD | {"board": board}] * 3)
    mixed, _ = read_examples([GOOD | {"board": board}, GOOD])
    assert at_once[0] == mixed[0]


@pytest.mark.parametrize("data", [[], None, {}, "examples"])
def test_empty_set_is_refused(data):
    with pytest.raises(InputError, match="examples: found .*; expected a list of one or more"):
        read_examples(data)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"move": 7}, "examples[2].move: found 7; expected a whole number from 0 to 6"),
        ({"move": -1}, "examples[2].move: found -1"),
        ({"move": True}, "examples[2].move: found True"),
        ({"move": 3.0}, "examples[2].move: found 3.0"),
        ({"value": 1.5}, "examples[2].value: found 1.5"),
        ({"value": float("nan")}, "examples[2].value: found nan"),
        ({"value": "1"}, "examples[2].value: found '1'"),
        ({"weight": 0}, "examples[2].weight: found 0"),
        ({"weight": 1e-50}, "examples[2].weight: found 1e-50"),  # 0 as a float32
        ({"weight": float("inf")}, "examples[2].weight: found inf"),
        ({"policy": [0.5] * 7}, "examples[2].policy: sums to 3.5; expected 1"),
        ({"policy": [0] * 7}, "examples[2].policy: sums to 0; expected 1"),
        ({"policy": [1, 0]}, "examples[2].policy: found 2 entries; expected 7 to 7"),
        ({"policy": [float("nan")] + [0] * 6}, "examples[2].policy[0]: found nan"),
        ({"policy": [-0.5, 1.5, 0, 0, 0, 0, 0]}, "examples[2].policy[0]: found -0.5"),
        ({"game_id": ""}, "examples[2].game_id: found ''"),
        ({"ply": 3}, "examples[2].ply: found 3; the board has 0 stones"),
        ({"moves": 3}, "examples[2].moves: unknown field"),
        ({"count": 3}, "examples[2].count: unknown field"),
        ({"board": {"board": EMPTY, "player": 2}}, "examples[2].board.player: found 2 (Yellow)"),
        ({"board": {"board": EMPTY, "player": 0}}, "examples[2].board.player: found 0"),
        ({"board": {"board": "0" * 42, "player": 0}}, "examples[2].board.player: found 0"),
        ({"board": {"board": EMPTY, "turn": 1}}, "examples[2].board.turn: unknown field"),
        ({"board": {"board": "0" * 42, "turn": 1}}, "examples[2].board.turn: unknown field"),
        ({"board": {"player": 1}}, "examples[2].board.board: missing"),
        ({"board": [[0.0] * 7] * 6}, "examples[2].board[0][0]: found 0.0"),
        ({"board": {"board": "1" * 43}}, "examples[2].board.board: found 43 characters"),
        ({"board": {"board": "1212121"}}, "examples[2].board.board: the game is over: Red has won"),
        ({"board": "1" * 42}, "examples[2].board: found 42 stones of Red"),
    ],
)
def test_fault_is_named_with_the_index_of_its_example(changes, message):
    assert refusal(GOOD, GOOD, GOOD | changes, GOOD).startswith(message)


def test_example_that_is_no_mapping_or_lacks_fields_is_named():
    assert refusal(GOOD, 7) == "examples[1]: found 7; expected a mapping"
    assert "examples[0].move: missing" in refusal({"board": EMPTY, "value": 1})


def test_move_into_a_full_column_is_refused():
    message = refusal(GOOD | {"board": "444444", "move": 3})
    assert message == "examples[0].move: found 3, a full column; columns 0, 1, 2, 4, 5, 6 are open"


def test_policy_on_a_full_column_is_refused():
    policy = [0, 0, 0, 0.25, 0.75, 0, 0]
    message = refusal(GOOD | {"board": "444444", "move": 4, "policy": policy})
    assert message == ("examples[0].policy: gives 0.25 to full columns (3); expected 0 there")


def test_rounding_errors_of_a_policy_are_scaled_away():
    rows, _ = read_examples([GOOD | {"policy": [0.1429] * 7}])
    assert rows["policy"].sum() == pytest.approx(1, abs=1e-6)
    tiny = [0.9996, 0, 0, 0.0004, 0, 0, 0]
    rows, _ = read_examples([GOOD | {"board": "444444", "move": 0, "policy": tiny}])
    assert rows["policy"][0].tolist() == [1, 0, 0, 0, 0, 0, 0]


def test_same_ply_of_a_game_twice_is_refused():
    twice = GOOD | {"game_id": "g", "ply": 0}
    assert refusal(twice, GOOD, twice) == (
        "examples[2].game_id: game 'g', ply 0 stands at examples[0] already"
    )
    read_examples([twice, GOOD, twice | {"game_id": "h"}])


def test_many_faults_are_counted_and_not_listed():
    message = refusal(*[GOOD | {"move": 9}] * 50)
    assert len(message.splitlines()) == 21
    assert message.endswith("examples: 30 more faults")


def test_index_goes_on_where_the_last_part_ended():
    assert refusal(GOOD | {"move": 9}, first=5000, path="rows").startswith("rows[5000].move")


def test_well_formed_examples_are_read_as_the_schema_reads_them():
    """A tuple is no list for the schema, so it goes the slow way; both must agree."""
    from hamlet.datasets import given_examples

    example = GOOD | {"policy": [0.5, 0.5, 0, 0, 0, 0, 0], "weight": 3, "game_id": "g", "ply": 0}
    for schema in (given_examples.EXAMPLE, given_examples.STORED_EXAMPLE):
        quick = given_examples._plain(example, schema)
        slow = schema.read(example, "examples[0]", [])
        assert {name: quick[name] for name in slow} == slow
