"""Let curiosity fade once the agent survives long and reliably."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean, variance
from typing import Any

from hamlet.learning.saved_state import load_list, load_number, load_whole

FEWEST_EPISODES = 10  # fewer say nothing about how much survival varies


@dataclass(frozen=True)
class AnnealingSettings:
    """When and how fast.

    Attributes:
        window: newest finished episodes that are looked at, as soon as 10 are there.
        variance_below: of their survival, in
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
        """Judge the last `window` episodes, this one included, or those there are yet."""
        self._survival.append(survival_steps)
        if len(self._survival) < FEWEST_EPISODES:
            return
        reliable = variance(self._survival) < self.settings.variance_below
        long_lived = fmean(self._survival) > self.settings.survival_above * self.max_steps
        if reliable and long_lived:
            self.weight *= self.settings.factor

    def state_dict(self) -> dict[str, Any]:
        return {"weight": self.weight, "survival": list(self._survival)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Raises: CheckpointError if no run of these settings can have saved it."""
        self.weight = load_number(state["weight"], 0.0, 1.0, "weight")
        survival = load_list(state["survival"], 0, self.settings.window, "survival")
        self._survival.clear()
        for index, steps in enumerate(survival):
            self._survival.append(load_whole(steps, 1, self.max_steps, f"survival[{index}]"))
