"""What the episodes in progress have earned so far, one row per environment.

Letters: N environments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from hamlet.learning.saved_state import check_range, load_tensor

LARGEST_SUM = 1e300  # finite


class EpisodeTotals(NamedTuple):
    """Sums over the steps of one episode. `dense` is the level's own reward, whatever the
    curriculum stage pays; `entropy` that of the behaviour, see `behaviour_entropy`; `terms`
    those of the shaping terms that are on, by name."""

    extrinsic: float
    intrinsic: float
    shaping: float
    dense: float
    entropy: float
    terms: Mapping[str, float]


SINGLE = len(EpisodeTotals._fields) - 1


class EpisodeBook:
    """Adds up streams in float64, so that long episodes lose nothing."""

    def __init__(
        self, num_envs: int, device: torch.device | str = "cpu", *, terms: Sequence[str] = ()
    ) -> None:
        """Args: terms: names of the shaping terms, in the order in which `add` gets them."""
        self.terms = tuple(terms)
        width = SINGLE + len(self.terms)
        self._sums = torch.zeros(num_envs, width, dtype=torch.float64, device=device)

    def add(self, *streams: Tensor) -> None:
        """Args: streams: [N] each, in the order of `EpisodeTotals`, terms last."""
        self._sums += torch.stack(streams, dim=1)

    def take(self, env: int) -> EpisodeTotals:
        """The totals of the episode that ended in `env`; its row begins anew."""
        sums = self._sums[env].tolist()
        self._sums[env] = 0.0
        terms = dict(zip(self.terms, sums[SINGLE:], strict=True))
        return EpisodeTotals(*sums[:SINGLE], terms=terms)

    def state_dict(self) -> dict[str, Any]:
        return {"sums": self._sums.clone()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        load_tensor(self._sums, state["sums"], "sums")
        check_range(self._sums, -LARGEST_SUM, LARGEST_SUM, "sums")
