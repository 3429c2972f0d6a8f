"""Boards of strangers: three forms of one position, and every refusal with its reason."""

import numpy as np
import pytest

from hamlet.envs.connect_four.position import Position
from hamlet.envs.connect_four.reading import read_moves, read_position, write_board, write_moves
from hamlet.errors import InputError
from tests.connect_four.positions import random_positions


def board(*rows: str) -> list[list[int]]:
    """The lowest rows of a board, as digits; above them it is empty."""
    return [[0] * 7 for _ in range(6 - len(rows))] + [[int(digit) for digit in row] for row in rows]


def digits(rows: list[list[int]]) -> str:
    return "".join(str(cell) for row in rows for cell in row)


def refusal(value, **options) -> str:
    with pytest.raises(InputError) as caught:
        read_position(value, **options)
    return str(caught.value)


def test_array_moves_and_digits_give_the_same_position():
    rows = board("0002000", "0002000", "0001100")
    expected = Position.after([3, 3, 4, 3])
    words = [[("Empty", "Red", "Yellow")[cell] for cell in row] for row in rows]
    for form in (rows, "4454", digits(rows), words, np.array(rows), [tuple(row) for row in rows]):
        assert read_position(form) == expected
    assert write_board(expected) == rows


def test_what_is_written_is_read_back():
    for position in random_positions(300, seed=5):
        assert read_position(write_board(position)) == position
        assert read_position(digits(write_board(position))) == position
        assert read_position(write_board(position), position.player) == position


def test_empty_board_has_three_spellings():
    assert read_position("") == read_position("0" * 42) == read_position(board()) == Position()


def test_full_board_of_42_moves_is_told_from_42_digits():
    full = next(p for p in random_positions(3000, 6, stop=0) if p.ply == 42 and not p.winner)
    assert read_position(digits(full.board())) == full


def test_moves_are_digits_from_one():
    assert read_moves("4453") == [3, 3, 4, 2]
    assert write_moves([3, 3, 4, 2]) == "4453"


@pytest.mark.parametrize("player", [2, "Yellow"])
def test_player_may_be_named_and_must_be_the_one_to_move(player):
    assert read_position("4", player) == Position.after([3])
    message = refusal("44", player=player)
    assert message == ("player: found 2 (Yellow); with 2 stones on the board 1 (Red) is to move")


@pytest.mark.parametrize("player", [3, 0, True, 1.0, "red", [1]])
def test_other_players_are_refused(player):
    assert "player: found" in refusal("44", player=player)
    assert "expected 1 or Red, 2 or Yellow" in refusal("44", player=player)


@pytest.mark.parametrize("value", [None, 7, {}, [], [[0] * 7] * 5, [[0] * 7] * 7])
def test_board_of_another_size_is_refused(value):
    assert "expected 6 rows of 7 cells" in refusal(value)


def test_row_of_another_size_is_named():
    rows = board()
    rows[2] = [0] * 8
    assert refusal(rows, path="examples[3]") == (
        "examples[3].board[2]: found a list of 8; expected 7 cells"
    )


@pytest.mark.parametrize(
    "cell", [1.0, 0.0, True, 3, -1, None, "red", "1", float("nan"), [1], 10**60]
)
def test_cell_that_is_no_stone_is_named_with_its_place(cell):
    rows = board()
    rows[5][6] = cell
    assert refusal(rows).startswith("board[5][6]: found")
    assert "expected 0 or Empty, 1 or Red, 2 or Yellow" in refusal(rows)


def test_board_full_of_nonsense_is_not_answered_cell_by_cell():
    message = refusal([[9] * 7] * 6)
    assert len(message.splitlines()) == 21
    assert message.endswith("22 more cells or rows are wrong")


def test_floats_in_an_array_are_refused():
    assert "found 0.0" in refusal(np.zeros((6, 7)))


def test_floating_stones_are_named_with_their_places():
    message = refusal(board("1000000", "0000000", "0000200"))
    assert (
        message == "board[3][0]: a floating stone: the cell below it is empty, and stones fall down"
    )
    assert refusal(board("1000000", "0000002", "0000000")).count("a floating stone") == 2


@pytest.mark.parametrize("rows", [board("1100000"), board("2000000"), board("2100200")])
def test_counts_that_turns_cannot_give_are_refused(rows):
    assert "Red has as many as Yellow or one more" in refusal(rows)


def test_two_winners_are_refused():
    assert "both Red and Yellow have four" in refusal(board("1111000", "2222000"))


def test_stones_after_a_win_are_refused():
    # Red has four in the bottom row, and Yellow as many stones as Red: Yellow moved after it.
    message = refusal(board("0000002", "2000002", "1111002"))
    assert message == "board: Red has four in a row, yet Yellow moved after it; the game was over"


def test_four_that_no_last_move_can_have_made_is_refused():
    # The bottom row of Red is covered, so the game was over before Red's last stone fell.
    message = refusal(board("2221000", "1111020"))
    assert "no last move of Red can have made it" in message


def test_two_fours_with_a_stone_in_common_are_one_last_move():
    # Red's last stone at column 4 completed a row to the left and one to the right.
    rows = board("2220222", "1111111")
    assert read_position(rows).winner == 1


@pytest.mark.parametrize(
    ("moves", "message"),
    [
        ("4444444", "board: ply 6: column 4 is full"),
        ("12121212", "board: ply 7: the game is over: Red has won"),
        ("18", "board: ply 1: found '8'; expected a column, 1 to 7"),
        ("10", "board: ply 1: found '0'; expected a column, 1 to 7"),
        ("1 2", "board: ply 1: found ' '; expected a column, 1 to 7"),
        ("1٣", "board: ply 1: found '٣'; expected a column, 1 to 7"),
    ],
)
def test_move_text_is_refused_at_its_first_wrong_move(moves, message):
    assert refusal(moves) == message


def test_board_of_43_stones_is_refused():
    assert "found 43 characters; expected at most 42" in refusal("1" * 43)
    assert "expected 7 cells" in refusal([[1] * 8, *board()[1:]])


def test_finished_game_is_refused_only_where_a_move_is_asked():
    assert read_position("1212121").ended
    assert refusal("1212121", playable=True) == (
        "board: the game is over: Red has won; expected one still going on"
    )
