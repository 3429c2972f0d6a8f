"""Examples of one position, or of its mirror image, merged into one.

Shapes: N rows, U of them after merging.
"""

from __future__ import annotations

import numpy as np

from hamlet.datasets.rows import (
    LOOSE,
    ROW,
    SEVERAL,
    UNKNOWN,
    canonical_keys_of,
    flipped,
    keys_of,
)

MOST_COUNT = np.iinfo(ROW["count"]).max
# Of outcomes that weigh the same, the first one here is taken.
OUTCOMES = np.array([0, 1, -1, UNKNOWN], dtype=np.int8)


def canonical(rows: np.ndarray) -> np.ndarray:
    """Rows turned so that their key is the smaller of the two: mirror twins become equal."""
    turned = keys_of(rows) != canonical_keys_of(rows)
    return np.where(turned, flipped(rows), rows)


def merged(rows: np.ndarray) -> np.ndarray:
    """One row per position up to mirror, in the order of keys.

    Value and policy are means by weight, the policies mirrored back first and taken over those
    rows that have one; weight and count are sums; `spread` is the highest value less the lowest;
    move and outcome are those with the most weight; a copy is what comes of copies alone. Rows of
    one position are added in the order they are given in, so the caller fixes it for the same last
    bits.
    """
    rows = canonical(rows)
    order = np.argsort(keys_of(rows), kind="stable")
    rows = rows[order]
    keys = keys_of(rows)
    starts = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1])))
    if len(starts) == len(rows):
        return rows
    weight = rows["weight"].astype(np.float64)
    total = np.add.reduceat(weight, starts)
    one = np.empty(len(starts), dtype=ROW)
    one[:] = rows[starts]
    one["value"] = np.add.reduceat(weight * rows["value"], starts) / total
    one["weight"] = total
    count = np.add.reduceat(rows["count"].astype(np.int64), starts)
    one["count"] = np.minimum(count, MOST_COUNT)
    one["policy"] = _policy(rows, weight, starts)
    one["spread"] = _spread(rows, starts)
    one["move"] = _heaviest(rows["move"], 7, weight, starts)
    classes = _heaviest(_outcome_classes(rows["outcome"]), len(OUTCOMES), weight, starts)
    one["outcome"] = OUTCOMES[classes]
    one["game"] = _same_or(rows["game"], LOOSE, starts)
    one["source"] = _same_or(rows["source"], SEVERAL, starts)
    one["copy"] = np.bitwise_and.reduceat(rows["copy"], starts)
    return one


def _outcome_classes(outcome: np.ndarray) -> np.ndarray:
    """[N] the place of each outcome in OUTCOMES."""
    return np.argmax(outcome[:, None] == OUTCOMES, axis=1)


def _policy(rows: np.ndarray, weight: np.ndarray, starts: np.ndarray) -> np.ndarray:
    policy = rows["policy"].astype(np.float64)
    heavy = weight * policy.any(axis=1)
    total = np.add.reduceat(heavy, starts)
    summed = np.add.reduceat(heavy[:, None] * policy, starts)
    mean = summed / np.where(total > 0, total, 1.0)[:, None]
    share = mean.sum(axis=1, keepdims=True)
    return mean / np.where(share > 0, share, 1.0)


def _spread(rows: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Rows that were merged before keep at least the spread they had."""
    value = rows["value"]
    spread = np.maximum.reduceat(value, starts) - np.minimum.reduceat(value, starts)
    return np.maximum(spread, np.maximum.reduceat(rows["spread"], starts))


def _heaviest(
    classes: np.ndarray, number: int, weight: np.ndarray, starts: np.ndarray
) -> np.ndarray:
    """[U] the class with the most weight in each group; of equal ones the first."""
    sums = np.add.reduceat(np.eye(number)[classes] * weight[:, None], starts)
    return sums.argmax(axis=1)


def _same_or(values: np.ndarray, other: int, starts: np.ndarray) -> np.ndarray:
    low, high = np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)
    return np.where(low == high, low, other)
