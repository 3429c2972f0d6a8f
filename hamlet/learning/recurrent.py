"""Deep Q-learning from sequences, for networks with memory.

The hidden state that was stored when a sequence was collected is stale by the time it is learned
from. So the burn-in part is run again first, without gradient, to bring it up to date; then errors
of all trained steps flow back through time to the first of them.

Letters: B windows, T = burn_in + S steps of a window, S trained steps, D numbers of an
observation, A actions, L recurrent layers, H hidden size.
Source: Kapturowski et al. 2019, "Recurrent Experience Replay in Distributed Reinforcement
Learning" (R2D2), section 3, stored state with burn-in.
"""

from __future__ import annotations

import torch
from torch import Tensor

from hamlet.learning.q_learner import QLearner
from hamlet.learning.sequences import Windows
from hamlet.learning.targets import bootstrapped, next_values

Hidden = tuple[Tensor, Tensor]


class RecurrentLearner(QLearner):
    """Pulls Q(history, a) towards one-step targets along each trained stretch."""

    def update(self, windows: Windows, rewards: Tensor) -> Tensor:
        """One gradient step.

        Args:
            windows: B of them. rewards: [T, B] what to learn from (see `total_reward`).

        Returns: [S, B] temporal-difference errors before the step; 0 in padding.
        """
        loss, errors = self.sequence_loss(windows, rewards)
        self._weights.clear_gradient()
        loss.backward()
        self._descend(loss)
        return errors

    def sequence_loss(self, windows: Windows, rewards: Tensor) -> tuple[Tensor, Tensor]:
        """The mean loss over all real trained steps, and their [S, B] errors."""
        burn_in = windows.observations.shape[0] - 1 - self.spec.data["replay"]["sequence_length"]
        trained = windows.observations[burn_in:]
        with self._training_mode() as online:
            hidden = self._burned_in(online, windows, burn_in)
            q_values, _ = online.unroll(trained, hidden)  # [S + 1, B, A]
        actions = windows.actions[burn_in:].unsqueeze(-1)
        chosen = q_values[:-1].gather(-1, actions).squeeze(-1)
        targets = self.targets(windows, rewards, burn_in, q_values.detach())
        valid = windows.valid[burn_in:]
        # Zeros instead of whatever padding holds, or a NaN there would reach the gradient.
        targets = torch.where(valid, targets, 0.0)
        chosen = torch.where(valid, chosen, 0.0)
        loss = self.loss(chosen, targets).sum() / valid.sum()
        return loss, (targets - chosen).detach()

    @torch.no_grad()
    def targets(self, windows: Windows, rewards: Tensor, burn_in: int, online_q: Tensor) -> Tensor:
        """[S, B] what the trained steps are pulled towards.

        The value of what follows step k comes from the target network after it has seen step k
        too: its hidden state runs along the window, one step ahead of the trained one.

        Args: online_q: [S + 1, B, A] values by the online network along the window.
        """
        hidden = self._burned_in(self.target, windows, burn_in)
        target_q, _ = self.target.unroll(windows.observations[burn_in:], hidden)
        values = next_values(
            target_q[1:], windows.masks[burn_in + 1 :], online_q[1:] if self.double else None
        )
        terminated = windows.terminated[burn_in:]
        return bootstrapped(rewards[burn_in:], values, terminated, 1, self.discount)

    @staticmethod
    @torch.no_grad()
    def _burned_in(network: torch.nn.Module, windows: Windows, burn_in: int) -> Hidden:
        """The hidden state before the first trained step, each [L, B, H]."""
        stored = (windows.h.contiguous(), windows.c.contiguous())
        if burn_in == 0:
            return stored
        _, fresh = network.unroll(windows.observations[:burn_in], stored)
        # Windows at an episode's start have no burn-in: their stored state is the right one.
        burned = windows.burned.view(1, -1, 1)
        h, c = (torch.where(burned, new, old) for new, old in zip(fresh, stored, strict=True))
        return h, c
