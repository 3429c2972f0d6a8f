"""Examples from games: the position before each move, and what is to be learned from it."""

import numpy as np
import pytest

from hamlet.datasets.errors import DatasetError
from hamlet.datasets.games import Game, Player
from hamlet.datasets.options import read_options
from hamlet.datasets.targets import examples_of, weight_of
from hamlet.envs.connect_four.position import Position
from tests.datasets.random_games import HUMAN, game, random_games

RED_WINS = "1212121"


def rows_of(*games, **options) -> np.ndarray:
    return examples_of(games, read_options(options))[0]


def test_positions_are_those_before_the_moves():
    three_moves = game("453", 1, reason="resignation")
    rows = rows_of(three_moves)
    before = [Position.after(columns) for columns in ([], [3], [3, 4])]
    assert rows["own"].tolist() == [position.own for position in before]
    assert rows["occupied"].tolist() == [position.occupied for position in before]
    assert rows["move"].tolist() == [3, 4, 2]
    assert rows["value"].tolist() == [1, -1, 1]
    assert rows["policy"].tolist() == np.eye(7)[[3, 4, 2]].tolist()


def test_all_plies_of_random_games_are_those_of_the_reference():
    games = random_games(50, seed=1)
    rows, begin = rows_of(*games), 0
    for number, one in enumerate(games):
        part = rows[begin : begin + one.plies]
        begin += one.plies
        assert (part["game"] == number).all()
        for ply in range(one.plies):
            position = Position.after(one.moves[:ply])
            assert (part["own"][ply], part["occupied"][ply]) == (position.own, position.occupied)
    assert begin == len(rows)


def test_discounted_value_grows_towards_the_end():
    rows = rows_of(game(RED_WINS, 1), value_target="discounted")
    expected = [(-1) ** ply * 0.95 ** (7 - ply) for ply in range(7)]
    assert np.allclose(rows["value"], expected)
    assert rows["value"][-1] == pytest.approx(0.95)  # the last move gets the decay itself


def test_discount_may_be_chosen():
    rows = rows_of(game(RED_WINS, 1), value_target="discounted", value_decay=0.5)
    assert rows["value"][-2:].tolist() == [-0.25, 0.5]


def test_draw_is_worth_nothing_to_both():
    one = next(one for one in random_games(3000, seed=2) if one.winner == 0)
    for target in ("outcome", "discounted"):
        rows = rows_of(one, value_target=target)
        assert (rows["value"] == 0).all()
        assert (rows["outcome"] == 0).all()


def test_search_value_is_that_of_the_root_and_mixed_the_mean():
    values = np.array([0.5, -0.5, 0.5, -0.25, 0.75, -1, 1], np.float32)
    one = game(RED_WINS, 1, values=values)
    assert rows_of(one, value_target="search")["value"].tolist() == values.tolist()
    mixed = rows_of(one, value_target="mixed")["value"].tolist()
    assert mixed == [0.75, -0.75, 0.75, -0.625, 0.875, -1, 1]


def test_plies_without_search_value_are_left_out_and_counted():
    values = np.array([0.5] * 6 + [np.nan], np.float32)
    games = [game(RED_WINS, 1, values=values), game("121212", 1, reason="resignation")]
    rows, dropped = examples_of(games, read_options({"value_target": "search"}))
    assert len(rows) == 6
    assert dropped == {"no_search_value": 7}


def test_only_moves_of_the_winner_may_be_kept():
    rows, dropped = examples_of([game(RED_WINS, 1)], read_options({"only_winner_moves": True}))
    assert rows["move"].tolist() == [0, 0, 0, 0]
    assert (rows["value"] == 1).all()
    assert dropped == {"only_winner_moves": 3}


def test_policy_is_the_share_of_visits():
    visits = np.zeros((7, 7), np.int32)
    visits[0] = [10, 0, 0, 30, 0, 0, 60]
    rows = rows_of(game(RED_WINS, 1, visits=visits), include_policy=True)
    assert np.allclose(rows["policy"][0], [0.1, 0, 0, 0.3, 0, 0, 0.6])


def test_policy_without_search_puts_most_on_the_played_column():
    rows = rows_of(game(RED_WINS, 1), include_policy=True)
    assert np.allclose(rows["policy"][0], [0.4, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1])


def test_illegal_columns_get_nothing_and_the_rest_is_scaled():
    one = game("11111123", 1, reason="resignation", visits=None)
    rows = rows_of(one, include_policy=True)
    assert np.allclose(rows["policy"][6], [0, 4 / 9, 1 / 9, 1 / 9, 1 / 9, 1 / 9, 1 / 9])
    visits = np.full((8, 7), 2, np.int32)
    rows = rows_of(game("11111123", 1, reason="timeout", visits=visits), include_policy=True)
    assert np.allclose(rows["policy"][7], [0, *[1 / 6] * 6])


def test_move_drawn_by_lot_is_no_target_but_its_value_is():
    explored = np.array([False, True, False, False, False, False, False])
    for include in (False, True):
        rows = rows_of(game(RED_WINS, 1, explored=explored), include_policy=include)
        assert rows["policy"][1].tolist() == [0] * 7
        assert rows["value"][1] == -1
        assert rows["policy"][2].sum() == pytest.approx(1)


@pytest.mark.parametrize(
    ("fields", "plies", "weight"),
    [
        ({}, 20, 1.0),
        ({"red": HUMAN}, 20, 1.5),
        ({"red": Player("human", rating=1800), "yellow": Player("ai", rating=1500)}, 20, 1.65),
        ({"yellow": Player("ai", rating=900)}, 20, 0.8),  # the missing rating counts as 1500
        ({}, 9, 0.8),
        ({}, 10, 1.0),
        ({}, 35, 1.0),
        ({}, 36, 0.8),
        ({"red": HUMAN, "yellow": HUMAN}, 36, 1.2),
        # Nothing at all would be no example, and no mean can be taken over it.
        ({"red": Player(rating=0.0), "yellow": Player(rating=0.0)}, 20, 1 / 1500),
    ],
)
def test_weight_is_that_of_the_rule(fields, plies, weight):
    assert weight_of(game("1" * plies, 1, **fields)) == pytest.approx(weight)


@pytest.mark.parametrize(
    ("one", "message"),
    [
        (game("12121213", 1), "game g12121213: ply 7: the game is over: Red has won"),
        (game("1111111", 1, reason="timeout"), "game g1111111: ply 6: column 0 is full"),
        (game(RED_WINS, 2), "found winner Yellow, but the board at ply 6 says Red"),
        (game(RED_WINS, 1, reason="timeout"), "found reason timeout, but the board ended the game"),
        (
            game("12", 1),
            "found reason normal, but after the last move, ply 1, the game is not over",
        ),
    ],
)
def test_game_that_the_board_contradicts_is_named(one, message):
    with pytest.raises(DatasetError, match=message):
        rows_of(*random_games(3, seed=3), one)


def test_column_that_is_none_is_named():
    with pytest.raises(DatasetError, match="game x: ply 0: found column 9"):
        rows_of(Game(id="x", moves=(9,), winner=1, reason="timeout"))


def test_search_data_of_another_length_is_refused():
    with pytest.raises(DatasetError, match=r"game g12: visits: found \[3, 7\]; expected \[2, 7\]"):
        rows_of(
            game("12", 1, reason="timeout", visits=np.ones((3, 7), np.int32)), include_policy=True
        )
