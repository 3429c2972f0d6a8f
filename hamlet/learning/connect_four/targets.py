"""What a network should have said about each position of a finished game.

Shapes: P plies of a game.
Source: Silver et al. 2018, https://doi.org/10.1126/science.aar6404 (the outcome as the target of
the value); `mixed` is the mean of the outcome and what the search found, both as seen by the mover.
"""

from __future__ import annotations

import numpy as np

from hamlet.envs.connect_four.position import RED, YELLOW

SIDES = {RED: 1.0, YELLOW: -1.0}


def outcomes(winner: int, first_ply: int, plies: int) -> np.ndarray:
    """float32 [P]: the result of the game as seen by the side to move at each ply.

    Args: winner: RED, YELLOW or 0. first_ply: stones on the board before the first of them.
    """
    red = SIDES.get(winner, 0.0)
    red_moves = (first_ply + np.arange(plies)) % 2 == 0
    return np.where(red_moves, red, -red).astype(np.float32)


def value_targets(
    kind: str, winner: int, first_ply: int, search_values: np.ndarray, decay: float
) -> np.ndarray:
    """float32 [P], as seen by the side to move at each ply.

    Args:
        kind: `outcome`, `discounted` (the outcome by `decay` for each move still to come, the one
            at hand among them), `search` or `mixed`.
        search_values: float32 [P], what the search found the position worth.
    """
    outcome = outcomes(winner, first_ply, len(search_values))
    match kind:
        case "outcome":
            return outcome
        case "discounted":
            to_come = len(search_values) - np.arange(len(search_values))
            return (outcome * decay**to_come).astype(np.float32)
        case "search":
            return search_values.astype(np.float32)
        case "mixed":
            return (outcome + search_values).astype(np.float32) / 2
        case other:
            raise ValueError(f"the config allows value_target {other}, which nobody built")
