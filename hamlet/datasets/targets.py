"""Examples from games: the position before each move, with targets for policy and value.

Shapes: G games, P plies of all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hamlet.datasets.errors import DatasetError
from hamlet.datasets.games import DEFAULT_RATING, Game
from hamlet.datasets.options import DISCOUNTED, MIXED, OUTCOME, SEARCH
from hamlet.datasets.replaying import Replay, replay
from hamlet.datasets.rows import FLIPPED, IMAGE, SOURCES, empty_rows, legal_columns

HUMAN_WEIGHT = 1.5
ODD_LENGTH_WEIGHT, SHORTEST, LONGEST = 0.8, 10, 35
PLAYED, OTHERS = 0.4, 0.1  # of a policy where no search was stored
LEAST_RATING = 1.0  # on average; with 0 an example would weigh nothing, and so teach nothing


def examples_of(
    games: Sequence[Game], options: Mapping[str, Any]
) -> tuple[np.ndarray, dict[str, int]]:
    """The examples of games, in order.

    Args: options: as `read_options` gives them.
    Returns: rows, their column `game` the place of the game among these, and how many plies gave
        none, by reason: `only_winner_moves`, `no_search_value`.
    Raises: DatasetError if moves or a result contradict the board.
    """
    plies = replay(games)
    rows = empty_rows(len(plies.move))
    rows["own"], rows["occupied"], rows["move"] = plies.own, plies.occupied, plies.move
    rows["game"] = plies.game
    images = np.array([game.mirror_of is not None for game in games])[plies.game]
    rows["copy"] = np.where(images, FLIPPED | IMAGE, 0)
    rows["outcome"] = outcomes(games, plies)
    rows["weight"] = np.array([weight_of(game) for game in games], np.float32)[plies.game]
    rows["policy"] = policies(games, plies, include_policy=options["include_policy"])
    target = options["value_target"]
    rows["source"] = SOURCES.index(target)
    search = _joined(games, "values", np.nan, np.float32)
    length = np.array([game.plies for game in games])[plies.game]
    moves_left, decay = length - plies.ply, options["value_decay"]
    rows["value"] = values(rows["outcome"], search, moves_left, target=target, decay=decay)
    known = ~np.isnan(rows["value"])
    dropped = {"no_search_value": int((~known).sum())} if target in (SEARCH, MIXED) else {}
    rows = rows[known]
    if options["only_winner_moves"]:
        won = rows["outcome"] == 1
        dropped["only_winner_moves"] = int((~won).sum())
        rows = rows[won]
    return rows, dropped


def outcomes(games: Sequence[Game], plies: Replay) -> np.ndarray:
    """[P] int8: 1 where the mover won the game, -1 where it lost, 0 for a draw."""
    winner = np.array([game.winner for game in games])[plies.game]
    mover = 1 + plies.ply % 2
    return np.where(winner == 0, 0, np.where(winner == mover, 1, -1)).astype(np.int8)


def values(
    outcome: np.ndarray, search: np.ndarray, moves_left: np.ndarray, *, target: str, decay: float
) -> np.ndarray:
    """[P] value targets, seen by the mover; NaN where search values are asked for and missing.

    `discounted` is decay^(N - i) in a game of N moves for the move of 0-based ply i, so that the
    last move gets `decay`. moves_left: [P] that N - i.
    """
    if target == OUTCOME:
        return outcome.astype(np.float32)
    if target == DISCOUNTED:
        return outcome * decay**moves_left
    return search if target == SEARCH else (outcome + search) / 2


def policies(games: Sequence[Game], plies: Replay, *, include_policy: bool) -> np.ndarray:
    """[P, 7] float32 policy targets; all 0 where nobody chose the move.

    Without `include_policy` all on the played column. With it the shares of the search's visits
    or, where none are stored, 0.4 on the played column and 0.1 on the others; illegal columns
    get 0 and the rest is scaled to sum to 1.
    """
    played = np.eye(7, dtype=np.float64)[plies.move]
    if not include_policy:
        policy = played
    else:
        legal = legal_columns(plies.occupied)
        visits = _joined(games, "visits", 0, np.float64, (7,)) * legal
        searched = visits.any(axis=1, keepdims=True)
        policy = np.where(searched, visits, np.where(played > 0, PLAYED, OTHERS) * legal)
        policy /= policy.sum(axis=1, keepdims=True)
    lot = _joined(games, "explored", 0, np.bool_)
    return np.where(lot[:, None], 0.0, policy).astype(np.float32)


def weight_of(game: Game) -> float:
    """How much the examples of a game count: more for humans and strong players, less for games
    that are oddly short or long."""
    weight = max(LEAST_RATING, sum(game.ratings) / 2) / DEFAULT_RATING
    if game.human:
        weight *= HUMAN_WEIGHT
    if not SHORTEST <= game.plies <= LONGEST:
        weight *= ODD_LENGTH_WEIGHT
    return weight


def _joined(
    games: Sequence[Game], name: str, default: Any, dtype: Any, shape: tuple[int, ...] = ()
) -> np.ndarray:
    """[P, ...] what is stored by ply, with `default` where a game has none."""
    parts = []
    for game in games:
        expected, found = (game.plies, *shape), getattr(game, name)
        part = np.full(expected, default, dtype) if found is None else np.asarray(found, dtype)
        if part.shape != expected:
            raise DatasetError(
                f"game {game.id}: {name}: found {list(part.shape)}; expected {list(expected)}"
            )
        parts.append(part)
    return np.concatenate(parts)
