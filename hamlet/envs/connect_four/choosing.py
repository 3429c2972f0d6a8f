"""From the logits of a network to a policy over legal columns, and to a move.

Shapes: B positions.
"""

from __future__ import annotations

import numpy as np

from hamlet.envs.connect_four.position import COLUMNS
from hamlet.errors import HamletError, ShapeError

# Of columns equally likely, the one nearest the centre is played; of two as near, the left one.
CENTRE_FIRST = (3, 2, 4, 1, 5, 0, 6)


def policy_over_legal(logits: np.ndarray, legal: np.ndarray) -> np.ndarray:
    """Softmax over the legal columns alone.

    Args: logits: [B, 7] float. legal: [B, 7] bool.
    Returns: [B, 7] float64; exactly 0 on other columns, sums to 1. Rows without a legal column,
        where the game is over, are all 0.
    Raises: ShapeError; HamletError if a network answered with a number that is not finite on a
        legal column.
    """
    _check_shapes(logits, legal, "logits")
    scores = np.where(legal, logits.astype(np.float64), -np.inf)
    if not np.isfinite(scores[legal]).all():
        row = int(np.flatnonzero((legal & ~np.isfinite(scores)).any(axis=1))[0])
        found = np.asarray(logits)[row].tolist()
        raise HamletError(f"logits[{row}]: found {found}; expected finite numbers from the network")
    highest = scores.max(axis=1, keepdims=True)
    odds = np.exp(scores - np.where(np.isfinite(highest), highest, 0.0))
    total = odds.sum(axis=1, keepdims=True)
    return odds / np.where(total > 0, total, 1.0)


def chosen_columns(policy: np.ndarray, legal: np.ndarray) -> np.ndarray:
    """The likeliest legal column of each position, ties decided by `CENTRE_FIRST`.

    Args: policy: [B, 7], higher is better; probabilities, visits or logits. legal: [B, 7] bool.
    Returns: [B] int64.
    Raises: ShapeError; HamletError for a position without a legal column.
    """
    _check_shapes(policy, legal, "policy")
    stuck = np.flatnonzero(~legal.any(axis=1))
    if len(stuck):
        raise HamletError(f"position {stuck[0]}: no column is legal; the game is over")
    order = np.array(CENTRE_FIRST)
    # A legal column of -inf must still beat an illegal one.
    scores = np.maximum(policy.astype(np.float64), np.finfo(np.float64).min)
    return order[np.where(legal, scores, -np.inf)[:, order].argmax(axis=1)]


def _check_shapes(values: np.ndarray, legal: np.ndarray, name: str) -> None:
    if values.ndim != 2 or values.shape[1] != COLUMNS:
        raise ShapeError(f"{name}: found {list(values.shape)}; expected [B, {COLUMNS}]")
    if legal.shape != values.shape or legal.dtype != np.bool_:
        found = f"{legal.dtype} {list(legal.shape)}"
        raise ShapeError(f"legal: found {found}; expected bool {list(values.shape)}")
