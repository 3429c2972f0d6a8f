"""What perfect play says about a position, as something to learn.

Shapes: N positions, 7 columns.
"""

from __future__ import annotations

import numpy as np

from hamlet.envs.connect_four.position import Position
from hamlet.search.labels import NO_MOVE, label_columns


def solved(own: np.ndarray, occupied: np.ndarray, softness: float) -> tuple[np.ndarray, np.ndarray]:
    """Args: own, occupied: [N] int64, of games that are not over. softness: see `shares_of`.

    Returns: (policy float32 [N, 7]; value float32 [N], 1, 0 or -1 for the side to move).
    """
    pairs = zip(own.tolist(), occupied.tolist(), strict=True)
    scores = label_columns([Position(*pair) for pair in pairs])
    return shares_of(scores, softness), np.sign(scores.max(axis=1)).astype(np.float32)


def shares_of(scores: np.ndarray, softness: float) -> np.ndarray:
    """The share that each column should have: float32 [N, 7].

    Args:
        scores: int8 [N, 7], as `label_columns` gives them.
        softness: 0 shares evenly among the columns of the best score; above, the share of a
            column falls by the factor e for every so many points that it is worse.
    """
    worse = scores.max(axis=1, keepdims=True).astype(np.float64) - scores
    shares = np.exp(-worse / softness) if softness > 0 else (worse == 0).astype(np.float64)
    shares[scores == NO_MOVE] = 0.0
    return (shares / shares.sum(axis=1, keepdims=True)).astype(np.float32)
