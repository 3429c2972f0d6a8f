"""Let curiosity fade once the agent survives long and reliably."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean, variance
from typing import Any


@dataclass(frozen=True)
class AnnealingSettings:
    """When and how fast.

    Attributes:
        window: finished episodes that are looked at. variance_below: of their survival, in
            steps squared. survival_above: share of the time limit that their mean must exceed.
        factor: by which the weight shrinks for each episode that meets both.
    """

    window: int
    variance_below: float
    survival_above: float
    factor: float


class AdaptiveAnnealing:
    """The weight of the intrinsic reward, from 1 towards 0.

    Both conditions must hold: survival alone may be luck, and an agent that always dies at the
    same step is reliable too, though it still has everything to find out.
    """

    def __init__(self, settings: AnnealingSettings, max_steps: int) -> None:
        self.settings, self.max_steps = settings, max_steps
        self.weight = 1.0
        self._survival: deque[int] = deque(maxlen=settings.window)

    def episode_finished(self, survival_steps: int) -> None:
        """Judge the last episodes, this one included, once the window is full."""
        self._survival.append(survival_steps)
        if len(self._survival) < self.settings.window:
            return
        reliable = variance(self._survival) < self.settings.variance_below
        long_lived = fmean(self._survival) > self.settings.survival_above * self.max_steps
        if reliable and long_lived:
            self.weight *= self.settings.factor

    def state_dict(self) -> dict[str, Any]:
        return {"weight": self.weight, "survival": list(self._survival)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.weight = float(state["weight"])
        self._survival = deque(state["survival"], maxlen=self.settings.window)
