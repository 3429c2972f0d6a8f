"""How often the agent tries something else, and how it picks among legal actions.

Letters: N environments, A actions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from hamlet.learning.saved_state import load_number

FORBIDDEN = float("-inf")


class EpsilonSchedule:
    """Epsilon: from `start`, multiplied by `decay` once per finished episode, never below
    `minimum`."""

    def __init__(self, start: float, decay: float, minimum: float) -> None:
        self.start, self.decay, self.minimum = start, decay, minimum
        self.value = start

    def episode_finished(self) -> None:
        self.value = max(self.minimum, self.value * self.decay)

    def state_dict(self) -> dict[str, Any]:
        return {"value": self.value}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Raises: CheckpointError if it never is that value."""
        self.value = load_number(state["value"], self.minimum, self.start, "value")


def greedy_actions(q_values: Tensor, masks: Tensor) -> Tensor:
    """[N] the legal action of the highest value; q_values [N, A], masks [N, A] bool."""
    return q_values.masked_fill(~masks, FORBIDDEN).argmax(dim=1)


def epsilon_greedy(
    q_values: Tensor, masks: Tensor, epsilon: float, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Mostly the best legal action, with probability epsilon any legal one.

    Args:
        q_values: [N, A]. masks: [N, A] bool, at least one true in each row.
        generator: gives N x (A + 1) numbers whatever epsilon is, so that a run's later numbers
            do not depend on it.

    Returns: (actions [N], greedy [N] bool, false where the action was drawn).
    """
    best = greedy_actions(q_values, masks)
    drawn = torch.rand(masks.shape[0], masks.shape[1] + 1, generator=generator, device=masks.device)
    greedy = drawn[:, 0] >= epsilon
    # Of equally distributed numbers the largest stands at each legal place equally often.
    random = drawn[:, 1:].masked_fill(~masks, -1.0).argmax(dim=1)
    return torch.where(greedy, best, random), greedy


def behaviour_entropy(action_count: int, epsilon: float) -> Tensor:
    """Normalised entropy of epsilon-greedy behaviour by number of legal actions.

    Returns: [action_count + 1] float32; entry k is the entropy of the choice among k legal
    actions divided by log k, which is 0 for a sure choice and 1 for an even one. A single legal
    action leaves no choice: 0.
    """
    counts = torch.arange(2, action_count + 1, dtype=torch.float64)
    other = epsilon / counts
    best = 1.0 - epsilon + other
    entropy = -torch.special.xlogy(best, best) - (counts - 1) * torch.special.xlogy(other, other)
    return torch.cat((torch.zeros(2), (entropy / counts.log()).float()))
