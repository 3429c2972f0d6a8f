"""Which examples are kept where there are too many, or too many of one outcome."""

from __future__ import annotations

import numpy as np

from hamlet.datasets.errors import DatasetError
from hamlet.datasets.rows import UNKNOWN


def selected(
    outcome: np.ndarray,
    copies: int,
    *,
    balance: bool,
    most: int | None,
    draw: np.random.Generator,
) -> np.ndarray | None:
    """Choose examples by lot.

    Args:
        outcome: [N] int8, of the game for the mover, of each row before it is copied.
        copies: how many examples each row gives; they share its outcome.
        balance: keep as many of each outcome as there are of the rarest one that occurs.
        most: keep exactly this many, or all if there are fewer. With `balance` the outcomes
            differ by at most one.

    Returns: [N, copies] bool; None where all are kept.
    Raises: DatasetError if balance is asked for and an outcome is unknown.
    """
    if not balance and (most is None or len(outcome) * copies <= most):
        return None
    if balance and (outcome == UNKNOWN).any():
        raise DatasetError(
            f"found {int((outcome == UNKNOWN).sum())} examples without a game; balance goes by "
            "the outcome of the game, so send whole games or leave balance out"
        )
    lots = draw.random((len(outcome), copies))
    kept = np.zeros(lots.shape, dtype=bool)
    classes = np.unique(outcome) if balance else [None]
    members = [np.ones(len(outcome), bool) if c is None else outcome == c for c in classes]
    for member, quota in zip(members, quotas(members, copies, most), strict=True):
        # Ranks, not a threshold: of equal lots the first is taken, so that the number is exact.
        order = np.argsort(lots[member].ravel(), kind="stable")[:quota]
        chosen = np.zeros(int(member.sum()) * copies, dtype=bool)
        chosen[order] = True
        kept[member] = chosen.reshape(-1, copies)
    return kept


def quotas(members: list[np.ndarray], copies: int, most: int | None) -> list[int]:
    """How many examples of each class are kept."""
    each = min(int(member.sum()) for member in members) * copies
    if most is None or each * len(members) <= most:
        return [each] * len(members)
    share, more = divmod(most, len(members))
    return [share + (place < more) for place in range(len(members))]
