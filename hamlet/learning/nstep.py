"""Fold up to n steps of an episode into one transition.

Letters: n steps at most, N environments.
Source: Sutton 1988, https://doi.org/10.1007/BF00115009; for deep Q-learning Hessel et al.,
https://arxiv.org/abs/1710.02298, "multi-step learning".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from hamlet.learning.saved_state import check_range, cloned, load_tensors, load_whole
from hamlet.learning.transitions import Transitions

STREAMS = ("extrinsic", "intrinsic", "shaping")


class NStepFold:
    """Waits until a transition has n steps behind it, or its episode has ended.

    A transition that its episode's end cuts short covers the steps there were: the learner
    discounts its bootstrap with gamma ** steps after a truncation and uses none after a death.
    """

    def __init__(
        self,
        n: int,
        discount: float,
        num_envs: int,
        *,
        observation_size: int,
        actions: int,
        device: torch.device | str = "cpu",
    ) -> None:
        self.n, self.discount = n, discount
        self.cursor = 0  # slot of the newest step; slots are taken in turn
        self.waiting = {
            "observations": torch.zeros(n, num_envs, observation_size, device=device),
            "masks": torch.zeros(n, num_envs, actions, dtype=torch.bool, device=device),
            "actions": torch.zeros(n, num_envs, dtype=torch.int64, device=device),
            "steps": torch.zeros(n, num_envs, dtype=torch.int64, device=device),  # 0: empty
            **{name: torch.zeros(n, num_envs, device=device) for name in STREAMS},
        }

    def add(self, step: Transitions) -> Transitions:
        """Take one step of N environments, in order of environment.

        Returns: the transitions that are complete with it, oldest first; there may be none.
        """
        waiting = self.waiting
        waiting["observations"][self.cursor] = step.observations
        waiting["masks"][self.cursor] = step.masks
        waiting["actions"][self.cursor] = step.actions
        waiting["steps"][self.cursor] = 0
        for name in STREAMS:
            waiting[name][self.cursor] = 0.0
        active = waiting["steps"] > 0
        active[self.cursor] = True
        weight = self.discount ** waiting["steps"] * active
        for name in STREAMS:
            waiting[name] += weight * getattr(step, name)
        waiting["steps"] += active
        ended = step.terminated | step.truncated
        complete = active & ((waiting["steps"] == self.n) | ended)
        self.cursor = (self.cursor + 1) % self.n
        folded = self._take(complete, step)
        waiting["steps"].masked_fill_(complete, 0)
        return folded

    def _take(self, complete: Tensor, step: Transitions) -> Transitions:
        """complete: [n, N] bool. The slot after the newest is the oldest, so roll it to the top."""
        oldest_first = complete.roll(-self.cursor, 0).nonzero()
        slots = (oldest_first[:, 0] + self.cursor) % self.n
        envs = oldest_first[:, 1]
        return Transitions(
            **{name: values[slots, envs] for name, values in self.waiting.items()},
            terminated=step.terminated[envs],
            truncated=step.truncated[envs],
            next_observations=step.next_observations[envs],
            next_masks=step.next_masks[envs],
            env_rows=step.env_rows[envs],
        )

    def state_dict(self) -> dict[str, Any]:
        return {
            "cursor": self.cursor,
            "waiting": cloned(self.waiting),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Raises: CheckpointError if the state does not fit these sizes."""
        self.cursor = load_whole(state["cursor"], 0, self.n - 1, "cursor")
        load_tensors(self.waiting, state["waiting"], "waiting")
        check_range(self.waiting["steps"], 0, self.n, "waiting.steps")
