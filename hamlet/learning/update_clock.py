"""How many updates are due after each vector step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hamlet.learning.saved_state import load_whole


class UpdateClock:
    """One update for every `every` environment steps, at most `most_per_step` at once.

    What is above that is let go: with very many environments a step would otherwise owe more
    updates each time, and the run would fall ever further behind its own experience.
    """

    def __init__(self, every: int, most_per_step: int, starts: int) -> None:
        """Args: starts: environment steps to collect before the first update."""
        self.every, self.most, self.starts = every, most_per_step, starts
        self.owed_steps = 0

    def updates_after(self, env_steps: int, new_steps: int) -> int:
        """Args: env_steps: taken in the whole run. new_steps: of them since the last call."""
        if env_steps <= self.starts:
            return 0
        self.owed_steps += new_steps
        due, self.owed_steps = divmod(self.owed_steps, self.every)
        return min(due, self.most)

    def state_dict(self) -> dict[str, Any]:
        return {"owed_steps": self.owed_steps}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Raises: CheckpointError if as many steps are never owed."""
        self.owed_steps = load_whole(state["owed_steps"], 0, self.every - 1, "owed_steps")
