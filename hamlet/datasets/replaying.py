"""Many games replayed at once, into the positions before each of their moves.

Shapes: G games, P plies of all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from hamlet.compiled import compiled
from hamlet.datasets.errors import DatasetError
from hamlet.datasets.game_records import check_result
from hamlet.datasets.games import Game
from hamlet.envs.connect_four.bits import BOARD, COLUMNS, cells_of, has_four, playable
from hamlet.envs.connect_four.position import IllegalMoveError, Position


class Replay(NamedTuple):
    """game: [P] place of the game in the list. ply: [P]. own, occupied: [P] int64, the position
    before the move. move: [P] the column played."""

    game: np.ndarray
    ply: np.ndarray
    own: np.ndarray
    occupied: np.ndarray
    move: np.ndarray


def replay(games: Sequence[Game]) -> Replay:
    """Play games again from the empty board.

    Raises: DatasetError naming the first game whose moves or result the board contradicts.
    """
    lengths = np.array([game.plies for game in games], dtype=np.int64)
    moves = np.fromiter((column for game in games for column in game.moves), np.int64)
    own, occupied, last = np.empty_like(moves), np.empty_like(moves), np.empty_like(lengths)
    winners = np.array([game.winner for game in games], dtype=np.int64)
    _replay(moves, lengths, own, occupied, last)
    normal = np.array([game.reason == "normal" for game in games])
    # `last` says who won, 0 for a full board, -1 for a game not over and -2 for an illegal move.
    good = np.where(normal, last == winners, last == -1)
    if not good.all():
        raise DatasetError(_fault(games[int(np.flatnonzero(~good)[0])]))
    starts = np.cumsum(lengths) - lengths
    ply = np.arange(len(moves)) - np.repeat(starts, lengths)
    return Replay(np.repeat(np.arange(len(games)), lengths), ply, own, occupied, moves)


def _fault(game: Game) -> str:
    try:
        final = Position.after(game.moves)
    except IllegalMoveError as error:
        return f"game {game.id}: {error}"
    fault = check_result(final, game.winner, game.reason)
    return f"game {game.id}: found {fault}"


@compiled
def _replay(
    moves: np.ndarray,
    lengths: np.ndarray,
    own: np.ndarray,
    occupied: np.ndarray,
    last: np.ndarray,
) -> None:
    ply = 0
    for game in range(len(lengths)):
        mine, stones, ended = 0, 0, -1
        for turn in range(lengths[game]):
            own[ply], occupied[ply], column = mine, stones, moves[ply]
            ply += 1
            free = 0 if column < 0 or column >= COLUMNS else playable(stones) & cells_of(column)
            if free == 0 or ended != -1:
                ended = -2
            if ended == -2:
                continue
            if has_four(mine | free):
                ended = 1 + turn % 2
            mine ^= stones
            stones |= free
            if ended == -1 and stones == BOARD:
                ended = 0
        last[game] = ended
