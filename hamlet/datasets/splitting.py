"""Training and validation parted by game, and how far they still share positions.

Shapes: N examples.
"""

from __future__ import annotations

import numpy as np

from hamlet.datasets.errors import DatasetError
from hamlet.learning.randomness import derived_seed


def validation_mask(groups: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Draw whole groups for validation until they hold `share` of the examples.

    Args: groups: [N] int64, as `stored.groups_of` gives them. share: in [0, 1); 0 for none.
    Returns: [N] bool. At least one group stays on each side where there are two or more; a single
        group stays in training whole.
    Raises: DatasetError for another share.
    """
    if not 0 <= share < 1:
        raise DatasetError(f"validation share: found {share}; expected a number from 0 to below 1")
    names, place, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    if share == 0 or len(names) < 2:
        return np.zeros(len(groups), dtype=bool)
    draw = np.random.Generator(np.random.PCG64(derived_seed(seed, "validation")))
    order = draw.permutation(len(names))
    held = np.cumsum(sizes[order])
    taken = int(np.searchsorted(held, share * len(groups) - 1e-9)) + 1
    chosen = np.zeros(len(names), dtype=bool)
    chosen[order[: min(taken, len(names) - 1)]] = True
    return chosen[place]


def seen_in_training(validation_keys: np.ndarray, training_keys: np.ndarray) -> np.ndarray:
    """[N] bool: validation positions (canonical keys) that training holds too, up to mirror.

    The mean is the overlap to report; the others are the positions unseen.
    """
    return np.isin(validation_keys, np.unique(training_keys))
