"""Examples put together again to the games they come from, for learners that need whole games."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from hamlet.datasets.rows import LOOSE
from hamlet.envs.connect_four.position import Position
from hamlet.errors import InputError, Problem

MOST_PROBLEMS = 20


class WholeGame(NamedTuple):
    """index: [P] the examples of a game in the order they were played. ended: whether the board
    ended it after the last of them; otherwise it was resigned, timed out or cut short."""

    index: np.ndarray
    ended: bool


def whole_games(rows: np.ndarray, ids: list[str], path: str = "examples") -> list[WholeGame]:
    """Group rows by game, mirrored and other copies each for itself.

    A game may begin at any ply, but each of its moves must lead to its next position.

    Raises: InputError naming examples that belong to no game, and games with a gap.
    """
    loose = np.flatnonzero(rows["game"] == LOOSE)
    problems = [Problem(f"{path}[{index}]", NO_GAME) for index in loose[:MOST_PROBLEMS]]
    games = []
    for index in _by_game(rows):
        name = ids[rows["game"][index[0]]]
        after = _played(rows, index)
        if isinstance(after, Problem):
            problems.append(Problem(f"{path}{after.path}", f"game {name}: {after.message}"))
        else:
            games.append(WholeGame(index, after.ended))
    if problems:
        raise InputError(problems[:MOST_PROBLEMS])
    return games


NO_GAME = (
    "belongs to no game; this learner needs whole games, so send game_id and every ply, "
    "and build datasets without deduplicate and max_examples"
)


def _by_game(rows: np.ndarray) -> Iterator[np.ndarray]:
    known = np.flatnonzero(rows["game"] != LOOSE)
    if not len(known):
        return
    part = rows[known]
    stones = np.bitwise_count(part["occupied"])
    order = np.lexsort((stones, part["copy"], part["game"]))
    game, copy = part["game"][order], part["copy"][order]
    new = np.flatnonzero((game[1:] != game[:-1]) | (copy[1:] != copy[:-1])) + 1
    yield from np.split(known[order], new)


def _played(rows: np.ndarray, index: np.ndarray) -> Position | Problem:
    """The position after the last move, or what stands in the way."""
    position = None
    for place in index:
        row = rows[place]
        here = Position(int(row["own"]), int(row["occupied"]))
        if position is not None and here != position:
            message = (
                f"expected the position after the move of ply {position.ply - 1}, found another "
                f"one at ply {here.ply}; send every ply of a game once"
            )
            return Problem(f"[{place}]", message)
        position = here.play(int(row["move"]))
    return position
