"""The whole games that a run was given: for learners that look ahead along them.

Shapes: N examples, P plies of a game.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from hamlet.datasets.whole_games import whole_games
from hamlet.envs.connect_four.position import Position
from hamlet.errors import InputError, Problem, SpecError
from hamlet.learning.connect_four.content import Content
from hamlet.learning.connect_four.game_store import PlayedGame
from hamlet.learning.connect_four.given_examples import given_rows
from hamlet.learning.trainer import Files


class GivenGames(NamedTuple):
    """Attributes:
    rows: [N] of `hamlet.datasets.rows`, without copies: batches are mirrored as they are drawn.
    validating: [N] bool, examples of the games that are held back. games: those to learn from.
    """

    rows: np.ndarray
    validating: np.ndarray
    games: list[PlayedGame]


def given_games(content: Content, files: Files | None, seed: int) -> GivenGames:
    """Args: content: of a run with a dataset. seed: of the run, which decides what is held back.

    Raises: SpecError naming the examples that belong to no game, and the games of which a ply is
        missing; DatasetError if the files are damaged.
    """
    rows, validating = given_rows(content, files, seed)
    straight = rows["copy"] == 0
    rows, validating = rows[straight], validating[straight]
    names = [str(number + 1) for number in range(int(rows["game"].max(initial=-1)) + 1)]
    try:
        found = whole_games(rows, names, "content.dataset.examples")
    except InputError as error:
        raise SpecError(error.problems) from None
    learned = [game for game in found if not validating[game.index[0]]]
    if not learned:
        message = (
            f"found {len(rows)} examples of {len(found)} games, all of them held back; expected "
            "some to learn from, or a smaller validation_split"
        )
        raise SpecError([Problem("content.dataset", message)])
    games = [_played(rows[game.index], ended=game.ended) for game in learned]
    return GivenGames(rows, validating, games)


def _played(rows: np.ndarray, *, ended: bool) -> PlayedGame:
    """Args: rows: [P] in the order of play. ended: by the rules, after the last of them."""
    value = torch.from_numpy(rows["value"].astype(np.float32))
    last = Position(int(rows["own"][-1]), int(rows["occupied"][-1])).play(int(rows["move"][-1]))
    return PlayedGame(
        own=torch.from_numpy(rows["own"].copy()),
        occupied=torch.from_numpy(rows["occupied"].copy()),
        moves=torch.from_numpy(rows["move"].astype(np.int64)),
        policy=torch.from_numpy(rows["policy"].copy()),
        value=value,
        outcome=value,
        played_out=ended,
        won=bool(last.winner),
    )
