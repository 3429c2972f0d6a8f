"""Arrays of a running search into the state of a checkpoint and back.

Compiled code trusts the numbers of nodes it finds in its arrays, so that whatever is read from a
file is looked at before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hamlet.errors import CheckpointError
from hamlet.learning.saved_state import OTHER_RUN, load_tensor, spell


def saved(arrays: Mapping[str, np.ndarray]) -> dict[str, Tensor]:
    """Copies, which later play does not change."""
    return {name: torch.from_numpy(array.copy()) for name, array in arrays.items()}


def loaded(like: np.ndarray, value: Any, name: str) -> np.ndarray:
    """A saved array of the shape and type of `like`. Raises: CheckpointError."""
    target = torch.empty(like.shape, dtype=torch.from_numpy(like[:0]).dtype)
    load_tensor(target, value, name)
    return target.numpy()


def loaded_some(value: Any, kind: type, name: str) -> np.ndarray:
    """A saved array with one axis, of any length. Raises: CheckpointError."""
    if not isinstance(value, Tensor) or value.ndim != 1:
        raise CheckpointError(f"{name}: found {spell(value)}; expected one axis. {OTHER_RUN}")
    return loaded(np.empty(len(value), kind), value, name)


def restore(arrays: Mapping[str, np.ndarray], state: Any, name: str) -> None:
    """Copy saved arrays over those of a run with the same settings. Raises: CheckpointError."""
    if not isinstance(state, Mapping) or set(state) != set(arrays):
        found = sorted(map(str, state)) if isinstance(state, Mapping) else spell(state)
        raise CheckpointError(
            f"{name}: found entries {found}; expected {sorted(arrays)}. {OTHER_RUN}"
        )
    for key, array in arrays.items():
        array[...] = loaded(array, state[key], f"{name}.{key}")


def check_bounds(array: np.ndarray, low: int, high: Any, name: str) -> None:
    """Raises: CheckpointError unless all numbers lie in [low, high], high one number or many."""
    if ((array < low) | (array > high)).any():
        raise CheckpointError(f"{name}: found numbers out of bounds. {OTHER_RUN}")
