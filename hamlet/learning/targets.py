"""What Q-values are pulled towards.

Letters: any leading shape, A actions in the last axis.
Sources: Watkins 1989 (Q-learning); van Hasselt et al., https://arxiv.org/abs/1509.06461 (Double
DQN, equation 4); Bellemare et al., https://arxiv.org/abs/1512.04860, section 4 (advantage
learning).
"""

from __future__ import annotations

import torch
from torch import Tensor

from hamlet.learning.epsilon import FORBIDDEN


def next_values(target_q: Tensor, masks: Tensor, online_q: Tensor | None = None) -> Tensor:
    """What the next situation is worth.

    Args:
        target_q: [..., A] values of the next observation by the target network.
        masks: [..., A] bool, actions legal in it.
        online_q: [..., A] values by the online network, which then picks the action that the
            target network values (Double DQN). Without it the target network does both.

    Returns: [...].
    """
    chooser = target_q if online_q is None else online_q
    best = chooser.masked_fill(~masks, FORBIDDEN).argmax(dim=-1, keepdim=True)
    return target_q.gather(-1, best).squeeze(-1)


def bootstrapped(
    rewards: Tensor, values: Tensor, terminated: Tensor, steps: Tensor | int, discount: float
) -> Tensor:
    """rewards + discount ** steps x values, without the second part after a death.

    An episode that was truncated was cut short, not lost: its next situation keeps its worth.

    Args: rewards, values: [...]. terminated: [...] bool. steps: that the rewards cover.
    """
    return rewards + discount**steps * torch.where(terminated, 0.0, values)


def action_gap(target_q: Tensor, masks: Tensor, actions: Tensor) -> Tensor:
    """How much less the chosen action is worth than the best legal one; 0 for the best.

    A share of it taken off the targets leaves the best action's value as it is and puts the others
    1 / (1 - share) times as far below it, out of reach of the errors of an approximation.

    Args:
        target_q: [..., A] values of the present observation by the target network.
        masks: [..., A] bool, actions legal in it. actions: [...] int64, legal ones.

    Returns: [...].
    """
    best = target_q.masked_fill(~masks, FORBIDDEN).amax(dim=-1)
    return best - target_q.gather(-1, actions.unsqueeze(-1)).squeeze(-1)
