"""What the episodes in progress have earned so far, one row per environment.

Letters: N environments.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from hamlet.learning.saved_state import load_tensor


class EpisodeTotals(NamedTuple):
    """Sums over the steps of one episode. `dense` is the level's own reward, whatever the
    curriculum stage pays; `entropy` that of the behaviour, see `behaviour_entropy`."""

    extrinsic: float
    intrinsic: float
    shaping: float
    dense: float
    entropy: float


class EpisodeBook:
    """Adds up streams in float64, so that long episodes lose nothing."""

    def __init__(self, num_envs: int, device: torch.device | str = "cpu") -> None:
        width = len(EpisodeTotals._fields)
        self._sums = torch.zeros(num_envs, width, dtype=torch.float64, device=device)

    def add(self, *streams: Tensor) -> None:
        """Args: streams: [N] each, in the order of `EpisodeTotals`."""
        self._sums += torch.stack(streams, dim=1)

    def take(self, env: int) -> EpisodeTotals:
        """The totals of the episode that ended in `env`; its row begins anew."""
        totals = EpisodeTotals(*self._sums[env].tolist())
        self._sums[env] = 0.0
        return totals

    def state_dict(self) -> dict[str, Any]:
        return {"sums": self._sums.clone()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        load_tensor(self._sums, state["sums"], "episode_book.sums")
