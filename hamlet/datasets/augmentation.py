"""Copies of examples that a network may learn from as well.

A board is never turned: stones fall down, so that a turned board is not a position of this game.

Shapes: N rows.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from hamlet.datasets.rows import FLIPPED, NOISY, SMOOTHED, flipped, legal_columns

VALUE_NOISE, POLICY_NOISE = 0.05, 0.025
VALUE_SHRINK, POLICY_UNIFORM = 0.9, 0.05
COPIES = ("flip", "noise", "smoothing")


def copies_per_row(augment: Mapping[str, bool]) -> int:
    """How many rows come of one, itself included."""
    return 1 + sum(augment[name] for name in COPIES)


def augmented(
    rows: np.ndarray, augment: Mapping[str, bool], draw: np.random.Generator
) -> np.ndarray:
    """[N, copies] rows: each as it is, then its copies in the order flip, noise, smoothing."""
    made = [rows]
    if augment["flip"]:
        image = flipped(rows)
        image["copy"] ^= FLIPPED
        made.append(image)
    if augment["noise"]:
        made.append(noisy(rows, draw))
    if augment["smoothing"]:
        made.append(smoothed(rows))
    return np.stack(made, axis=1)


def noisy(rows: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """Values moved by up to 0.05 and kept within [-1, 1]; policy entries of legal columns by up
    to 0.025, none below 0, scaled to sum to 1 again."""
    copy = rows.copy()
    copy["copy"] |= NOISY
    value = rows["value"] + draw.uniform(-VALUE_NOISE, VALUE_NOISE, len(rows))
    copy["value"] = value.clip(-1, 1)
    moved = rows["policy"] + draw.uniform(-POLICY_NOISE, POLICY_NOISE, (len(rows), 7))
    moved = np.where(legal_columns(rows["occupied"]), moved.clip(0, None), 0.0)
    copy["policy"] = _scaled(moved, rows["policy"])
    return copy


def smoothed(rows: np.ndarray) -> np.ndarray:
    """Values shrunk to 0.9 of themselves; policies mixed with 5 % uniform over legal columns."""
    copy = rows.copy()
    copy["copy"] |= SMOOTHED
    copy["value"] = rows["value"] * np.float32(VALUE_SHRINK)
    legal = legal_columns(rows["occupied"])
    uniform = legal / legal.sum(axis=1, keepdims=True)
    copy["policy"] = _scaled(
        (1 - POLICY_UNIFORM) * rows["policy"] + POLICY_UNIFORM * uniform, rows["policy"]
    )
    return copy


def _scaled(policy: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Rows that sum to 1; those that had no policy still have none."""
    total = policy.sum(axis=1, keepdims=True)
    known = before.any(axis=1, keepdims=True) & (total > 0)
    return np.where(known, policy / np.where(total > 0, total, 1.0), 0.0)
