"""Examples as transitions that are there before the first game.

Shapes: K transitions.
Source: Hester et al., https://arxiv.org/abs/1704.03732 (demonstrations in the replay).
"""

from __future__ import annotations

import numpy as np
import torch

from hamlet.learning.connect_four.ply_fold import Plies

NO_MOVE = 7


def demonstrations(rows: np.ndarray, device: torch.device) -> Plies:
    """The played column, else the one with the largest share, is worth the value of the example.

    That value is the result of the whole game, so nothing is added to it: each is a transition
    that ends the game. Args: rows: of `hamlet.datasets.rows`.
    """
    has_policy = rows["policy"].sum(axis=1) > 0
    best = rows["policy"].argmax(axis=1)
    columns = np.where(has_policy & ~was_played(rows), best, rows["move"])
    kept = (columns >= 0) & (columns < NO_MOVE)
    rows, columns = rows[kept], columns[kept]

    def tensor(values: np.ndarray, dtype: torch.dtype) -> torch.Tensor:
        return torch.from_numpy(values.copy()).to(device, dtype)

    own, occupied = (tensor(rows[name], torch.int64) for name in ("own", "occupied"))
    return Plies(
        own=own,
        occupied=occupied,
        columns=tensor(columns, torch.int64),
        rewards=tensor(rows["value"], torch.float32),
        steps=torch.ones_like(own),
        ended=torch.ones_like(own, dtype=torch.bool),
        next_own=own,
        next_occupied=occupied,
        weights=tensor(rows["weight"], torch.float32),
    )


def was_played(rows: np.ndarray) -> np.ndarray:
    """[K] bool: whether `move` is a column in which a stone could fall."""
    inside = (rows["move"] >= 0) & (rows["move"] < NO_MOVE)
    tops = 7 * np.clip(rows["move"], 0, NO_MOVE - 1).astype(np.int64) + 5
    return inside & ((rows["occupied"] >> tops) & 1 == 0)
