"""How much better an action was than expected.

Letters: T steps, N environments.
"""

from __future__ import annotations

import torch
from torch import Tensor

from hamlet.errors import ShapeError


def generalized_advantages(
    rewards: Tensor,
    values: Tensor,
    next_values: Tensor,
    ended: Tensor,
    *,
    discount: float,
    trace_decay: float,
) -> tuple[Tensor, Tensor]:
    """Measure how much better each action did than the value head expected.

    Args:
        rewards: [T, N] reward received after acting at step t.
        values: [T, N] value predicted for the observation at step t.
        next_values: [T, N] value of the observation that followed; 0 where the episode
            terminated. A truncated step keeps its value: it was cut short, not lost.
        ended: [T, N] bool, true where the episode terminated or was truncated.
        discount: gamma, per environment step. trace_decay: lambda. Both in [0, 1].

    Returns: (advantages, returns), both [T, N].
    Raises: ShapeError if the four tensors do not share one [T, N] shape.
    Source: Schulman et al., https://arxiv.org/abs/1506.02438, section 3.
    """
    shapes = {tuple(each.shape) for each in (rewards, values, next_values, ended)}
    if len(shapes) != 1 or rewards.dim() != 2:
        found = ", ".join(map(str, sorted(map(list, shapes))))
        raise ShapeError(f"found shapes {found}; expected one [T, N] for all four")
    deltas = rewards + discount * next_values - values
    advantages = torch.zeros_like(deltas)
    trace = torch.zeros_like(deltas[0])
    for t in reversed(range(len(deltas))):
        # Cut the trace where an episode ends, or the next episode's luck leaks into this one.
        trace = deltas[t] + discount * trace_decay * trace * ~ended[t]
        advantages[t] = trace
    return advantages, advantages + values
