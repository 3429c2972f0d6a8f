"""What was answered in the games that given examples come from.

Shapes: N rows.
"""

from __future__ import annotations

import numpy as np

from hamlet.datasets.rows import FLIPPED, LOOSE, legal_columns
from hamlet.envs.connect_four.bits import COLUMNS, HEIGHT, ROWS
from hamlet.learning.supervised_examples import NO_REPLY


def known_replies(rows: np.ndarray) -> np.ndarray:
    """int64 [N]: the column that the opponent answered with, where the position after the move of
    a row is another row of the same game; else NO_REPLY.

    Args: rows: of `hamlet.datasets.rows`, `game` being unique among them.
    """
    replies = np.full(len(rows), NO_REPLY, np.int64)
    inside = (rows["game"] != LOOSE) & (rows["move"] >= 0) & (rows["move"] < COLUMNS)
    asked = np.flatnonzero(inside)
    legal = legal_columns(rows["occupied"][asked])
    asked = asked[legal[np.arange(len(asked)), rows["move"][asked]]]
    if not len(asked):
        return replies
    # A game and its image seen from behind the board are two games.
    games = rows["game"][asked].astype(np.int64) * 2 + ((rows["copy"][asked] & FLIPPED) != 0)
    keys = rows["own"][asked] + rows["occupied"][asked]
    after = keys_after(rows[asked])
    distinct, place = np.unique(np.concatenate([keys, after]), return_inverse=True)
    here, there = (games * len(distinct) + part for part in np.split(place, 2))
    order = np.argsort(here, kind="stable")
    found = np.searchsorted(here[order], there)
    found = order[np.minimum(found, len(order) - 1)]
    answered = here[found] == there
    replies[asked[answered]] = rows["move"][asked[found[answered]]]
    return replies


def keys_after(rows: np.ndarray) -> np.ndarray:
    """int64 [N]: own + occupied of the position after the move of each row."""
    shift = HEIGHT * rows["move"].astype(np.int64)
    column = ((1 << ROWS) - 1) << shift
    stone = (rows["occupied"] + (1 << shift)) & column
    return (rows["own"] ^ rows["occupied"]) + (rows["occupied"] | stone)
