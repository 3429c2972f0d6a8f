"""Many boards at once are read, refused and worded as one is."""

import numpy as np
import pytest

from hamlet.envs.connect_four.reading import read_position
from hamlet.envs.connect_four.reading_many import (
    boards_of_digits,
    digits_of_boards,
    read_positions,
    write_boards,
)
from hamlet.errors import InputError, ShapeError
from tests.connect_four.positions import random_positions


def boards_of(positions) -> np.ndarray:
    return np.array([position.board() for position in positions])


def test_many_boards_are_read_and_written_as_one_is():
    positions = random_positions(500, seed=7)
    boards = boards_of(positions)
    own, occupied = read_positions(boards, np.array([p.player for p in positions]))
    assert own.tolist() == [position.own for position in positions]
    assert occupied.tolist() == [position.occupied for position in positions]
    assert np.array_equal(write_boards(own, occupied), boards)
    assert np.array_equal(boards_of_digits(digits_of_boards(boards)), boards)


def test_boards_with_one_cell_changed_are_judged_as_the_reader_of_one_does():
    draw = np.random.default_rng(8)
    boards = boards_of(random_positions(4000, seed=8, stop=0.02))
    for index in range(len(boards)):
        row, column = draw.integers(6), draw.integers(7)
        boards[index, row, column] = draw.integers(-1, 4)
    players = draw.integers(0, 4, len(boards))
    for playable in (False, True):
        refused = 0
        for index in range(len(boards)):
            player = int(players[index]) or None
            one = slice(index, index + 1)
            try:
                position = read_position(boards[index], player, playable=playable)
            except InputError:
                refused += 1
                with pytest.raises(InputError):
                    read_positions(boards[one], players[one], playable=playable)
                continue
            own, occupied = read_positions(boards[one], players[one], playable=playable)
            assert (own[0], occupied[0]) == (position.own, position.occupied)
        assert 1000 < refused < 3990  # both kinds were met


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (("2221000", "1111020"), "no last move of Red can have made it"),
        (("0000002", "2000002", "1111002"), "Yellow moved after it"),
        (("1111000", "2222000"), "both Red and Yellow have four"),
        (("1100000",), "Red has as many as Yellow or one more"),
        (("1000000", "0000000"), "a floating stone"),
    ],
)
def test_rare_boards_are_refused_among_many_good_ones(rows, message):
    boards = np.zeros((100, 6, 7), np.int8)
    boards[41, 6 - len(rows) :] = [[int(digit) for digit in row] for row in rows]
    with pytest.raises(InputError, match=message) as caught:
        read_positions(boards)
    assert all(problem.path.startswith("boards[41]") for problem in caught.value.problems)


def test_four_of_seven_stones_in_a_row_is_one_last_move():
    boards = np.zeros((1, 6, 7), np.int8)
    boards[0, 4:] = [[2, 2, 2, 0, 2, 2, 2], [1] * 7]
    assert read_positions(boards)[1][0] == read_position(boards[0]).occupied


def test_refusal_names_the_index_of_each_wrong_board():
    boards = np.zeros((5, 6, 7), np.int64)
    boards[3, 0, 2] = 1
    boards[4, 5, 0] = 2
    with pytest.raises(InputError) as caught:
        read_positions(boards, path="examples")
    paths = [problem.path for problem in caught.value.problems]
    assert paths == ["examples[3].board[0][2]", "examples[4].board"]


def test_thousands_of_wrong_boards_are_counted_and_not_listed():
    with pytest.raises(InputError) as caught:
        read_positions(np.full((3000, 6, 7), 1))
    assert str(caught.value).endswith("boards: 2980 more boards are wrong")


@pytest.mark.parametrize(
    "texts", [["0" * 42, "0" * 41], ["0" * 43, "0" * 41], ["é" * 42, "x" * 42]]
)
def test_text_that_is_not_42_digits_is_named(texts):
    with pytest.raises(InputError, match=r"boards\[[01]\]: found '.*expected 42 digits"):
        boards_of_digits(texts)


def test_digit_above_two_is_left_to_the_reader():
    with pytest.raises(InputError, match=r"boards\[1\].board\[0\]\[0\]: found 3"):
        read_positions(boards_of_digits(["0" * 42, "3" + "0" * 41]))


@pytest.mark.parametrize(
    "boards", [np.zeros((2, 6, 7)), np.zeros((2, 7, 6), int), np.zeros(42, int)]
)
def test_other_shapes_and_types_are_refused(boards):
    with pytest.raises(ShapeError, match="expected whole numbers"):
        read_positions(boards)


def test_players_of_another_length_are_refused():
    with pytest.raises(ShapeError, match="players: found int64"):
        read_positions(np.zeros((2, 6, 7), int), np.zeros(3, int))


def test_a_hundred_thousand_boards_are_read_in_a_moment():
    boards = np.repeat(boards_of(random_positions(100, seed=9)), 1000, axis=0)
    own, _ = read_positions(boards)
    assert len(own) == 100_000
