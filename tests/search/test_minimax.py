"""Minimax sees what lies within its depth, and chooses the same again."""

from __future__ import annotations

import numpy as np
import pytest

from hamlet.envs.connect_four.position import Position
from hamlet.errors import SpecError
from hamlet.search.minimax import NO_MOVE, WIN, minimax_column, minimax_values
from tests.search.openings import drawn_positions

WORTH = {0: 1, 1: 10, 2: 100, 3: 1000}


def plain_promise(position: Position) -> int:
    """The heuristic by rows and columns of the board."""
    board, mine = position.board(), position.player
    total = 0
    for row in range(6):
        for column in range(7):
            for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)):
                line = [(row + i * down, column + i * right) for i in range(4)]
                if all(0 <= r < 6 and 0 <= c < 7 for r, c in line):
                    cells = [board[r][c] for r, c in line]
                    if cells.count(3 - mine) == 0:
                        total += WORTH[cells.count(mine)]
                    if cells.count(mine) == 0:
                        total -= WORTH[cells.count(3 - mine)]
    return total


def plain_minimax(position: Position, depth: int) -> int:
    """The same values without pruning, bitboards or compiling."""
    if position.winner:
        return -(WIN + depth + 1)
    if position.ended:
        return 0
    if depth == 0:
        return plain_promise(position)
    return max(-plain_minimax(position.play(c), depth - 1) for c in position.legal_columns())


@pytest.mark.parametrize(("depth", "stones"), [(1, 0), (1, 9), (2, 17), (3, 12), (3, 30), (4, 36)])
def test_its_values_are_those_of_plain_minimax(depth, stones):
    positions = drawn_positions(6, stones, seed=1)
    found = minimax_values(positions, depth)
    for position, values in zip(positions, found, strict=True):
        expected = [NO_MOVE] * 7
        for column in position.legal_columns():
            expected[column] = -plain_minimax(position.play(column), depth - 1)
        assert values.tolist() == expected


def test_it_wins_as_soon_and_loses_as_late_as_it_can():
    assert minimax_column(Position.after([3, 2, 3, 2, 3, 2])) == 3
    # Yellow to move must stop four in column 3.
    assert minimax_column(Position.after([3, 2, 3, 2, 3])) == 3
    # Two open ends lose to the fourth stone two plies on, whatever is played.
    (values,) = minimax_values([Position.after([2, 6, 3, 6, 4])])
    assert values.max() == -(WIN + 4)
    # An open three next to an empty cell on either side wins three plies on.
    (values,) = minimax_values([Position.after([2, 6, 3, 6])])
    assert values[4] == values.max() == values[1] == WIN + 3
    assert (np.delete(values, [1, 4]) < WIN).all()


def test_ties_go_to_the_centre_or_to_the_generator():
    position = Position.after([3, 3, 3, 3, 3, 3])
    values = minimax_values([position], 1)[0]
    equals = np.flatnonzero(values == values.max()).tolist()
    assert minimax_column(position, 1) == 2
    assert equals == [2, 4]
    drawn = {minimax_column(position, 1, np.random.default_rng(seed)) for seed in range(20)}
    assert drawn == set(equals)
    again = [minimax_column(position, 1, np.random.default_rng(5)) for _ in range(3)]
    assert len(set(again)) == 1


def test_a_game_that_is_over_has_no_column_to_choose():
    won = Position.after([3, 2, 3, 2, 3, 2, 3])
    assert (minimax_values([won]) == NO_MOVE).all()
    with pytest.raises(SpecError, match="the game is over"):
        minimax_column(won)


@pytest.mark.parametrize("depth", [0, 13, -1, True, 2.5, "5"])
def test_a_depth_out_of_range_is_refused(depth):
    with pytest.raises(SpecError, match="expected 1 to 12 plies"):
        minimax_values([Position()], depth)


def test_what_is_no_position_is_refused():
    with pytest.raises(SpecError, match="stones float"):
        minimax_values([Position(own=0, occupied=2)])
