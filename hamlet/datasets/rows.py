"""Examples as rows of a table: what passes through every stage of building a dataset.

Shapes: N rows.
"""

from __future__ import annotations

import numpy as np

from hamlet.compiled import compiled
from hamlet.envs.connect_four.bits import mirrored

ROW = np.dtype(
    [
        ("own", "<i8"),  # stones of the side to move
        ("occupied", "<i8"),
        ("policy", "<f4", (7,)),  # all 0: no target for the policy
        ("value", "<f4"),  # seen by the side to move
        ("weight", "<f4"),
        ("spread", "<f4"),  # highest less lowest of the values merged into this one
        ("count", "<i4"),  # examples merged into this one
        ("game", "<i4"),  # place in the list of game ids; -1 where it belongs to none or several
        ("move", "i1"),  # the column played; of merged rows the one with the most weight
        ("outcome", "i1"),  # of the game, for the mover: 1, 0, -1; 2 where nobody knows
        ("source", "u1"),  # place in SOURCES
        ("copy", "u1"),  # sum of what was done to make this copy: FLIPPED to IMAGE
    ]
)
LOOSE = -1
UNKNOWN = 2
# IMAGE: of a game that is itself the mirrored copy of another. It is FLIPPED besides, and flipped
# once more it is seen again as that other game was played.
FLIPPED, NOISY, SMOOTHED, IMAGE = 1, 2, 4, 8
# Where the value of an example comes from; `several` where merged rows disagree.
SOURCES = ("outcome", "discounted", "search", "mixed", "solver", "given", "several")
SEVERAL = SOURCES.index("several")


def empty_rows(count: int) -> np.ndarray:
    """[N] rows of one plain example each, to be filled in."""
    rows = np.zeros(count, dtype=ROW)
    rows["weight"], rows["count"], rows["game"], rows["outcome"] = 1.0, 1, LOOSE, UNKNOWN
    return rows


def keys_of(rows: np.ndarray) -> np.ndarray:
    """[N] int64, unique per position."""
    return rows["own"] + rows["occupied"]


def canonical_keys_of(rows: np.ndarray) -> np.ndarray:
    """[N] int64, the same for a position and its mirror image."""
    return np.minimum(keys_of(rows), mirrored_cells(rows["own"]) + mirrored_cells(rows["occupied"]))


def flipped(rows: np.ndarray) -> np.ndarray:
    """Copies of rows as seen from behind the board."""
    image = rows.copy()
    image["own"], image["occupied"] = (
        mirrored_cells(rows["own"]),
        mirrored_cells(rows["occupied"]),
    )
    image["policy"], image["move"] = rows["policy"][:, ::-1], 6 - rows["move"]
    return image


def legal_columns(occupied: np.ndarray) -> np.ndarray:
    """[N, 7] bool: columns with a free cell."""
    tops = 7 * np.arange(7) + 5
    return (occupied[:, None] >> tops) & 1 == 0


def policy_entropy(policy: np.ndarray) -> np.ndarray:
    """[N] float64, in nats, of policies [N, 7]."""
    share = policy.astype(np.float64)
    return -np.where(share > 0, share * np.log(np.where(share > 0, share, 1.0)), 0.0).sum(axis=1)


def mirrored_cells(cells: np.ndarray) -> np.ndarray:
    """[N] int64 bitboards seen from behind the board."""
    return _mirrored(np.ascontiguousarray(cells))


@compiled
def _mirrored(cells: np.ndarray) -> np.ndarray:
    image = np.empty_like(cells)
    for index in range(len(cells)):
        image[index] = mirrored(cells[index])
    return image
