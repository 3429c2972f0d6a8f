"""An independent solver gives the same scores.

bitbully (https://pypi.org/project/bitbully/) is licensed under the AGPL: it is asked here, and is
no part of anything that ships.
"""

from __future__ import annotations

import pytest

from hamlet.envs.connect_four.position import Position
from hamlet.search.solver import Solver
from tests.search.openings import drawn_positions

core = pytest.importorskip("bitbully.bitbully_core")


def board_of(position: Position) -> object:
    """The same stones in the rows and columns of the other solver."""
    board = core.BoardCore()
    assert board.setBoard([list(column) for column in columns_of(position)])
    return board


def columns_of(position: Position) -> list[list[int]]:
    """By column from the left, from the bottom up."""
    rows = position.board()
    return [[rows[5 - height][column] for height in range(6)] for column in range(7)]


def test_its_scoring_is_ours():
    """By positions whose scores can be counted: a win with the fourth stone, and a loss to it."""
    agent = core.BitBullyCore()
    assert agent.mtdf(board_of(Position.after([3, 2, 3, 2, 3, 2])), 0) == 18
    lost = Position.after([3, 2, 3, 2, 4, 2, 0, 0, 6, 0, 6, 0, 1])  # Yellow fills column 2 or 0
    assert agent.mtdf(board_of(lost), 0) == Solver(book=None).solve(lost) == 22 - 7


@pytest.mark.parametrize(
    ("stones", "count"), [(10, 2), (12, 6), (15, 30), (20, 100), (26, 150), (33, 150), (39, 60)]
)
def test_it_gives_the_same_scores_at_every_phase(stones, count):
    agent, solver = core.BitBullyCore(), Solver(table_mib=16, book=None)
    for position in drawn_positions(count, stones, seed=8):
        assert solver.solve(position) == agent.mtdf(board_of(position), 0), position
