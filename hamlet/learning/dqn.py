"""Deep Q-learning from single transitions, for networks without memory.

Letters: B transitions, K batches, D numbers of an observation, A actions.
Sources: Mnih et al. 2015, https://doi.org/10.1038/nature14236; van Hasselt et al.,
https://arxiv.org/abs/1509.06461; Schaul et al., https://arxiv.org/abs/1511.05952.
"""

from __future__ import annotations

import torch
from torch import Tensor

from hamlet.brains import BrainSpec
from hamlet.layout import ObservationLayout
from hamlet.learning.backpropagation import written_out
from hamlet.learning.q_learner import QLearner
from hamlet.learning.targets import bootstrapped, next_values
from hamlet.learning.transitions import Transitions


class DQNLearner(QLearner):
    """Pulls Q(s, a) towards the reward plus the discounted worth of what followed."""

    def __init__(
        self,
        spec: BrainSpec,
        layout: ObservationLayout,
        generator: torch.Generator,
        device: torch.device | str = "cpu",
    ) -> None:
        super().__init__(spec, layout, generator, device)
        self._written_out = written_out(self.online)

    def update(
        self,
        batch: Transitions,
        rewards: Tensor,
        *,
        weights: Tensor | None = None,
        target_q: Tensor | None = None,
    ) -> Tensor:
        """One gradient step.

        Args:
            batch: B transitions. rewards: [B] what to learn from (see `total_reward`).
            weights: [B] importance weights of prioritised replay.
            target_q: [B, A] the target network's values of the next observations, where they
                are known already.

        Returns: [B] temporal-difference errors before the step.
        """
        targets = self.targets(batch, rewards, target_q)
        actions = batch.actions.unsqueeze(1)
        with self._training_mode(), torch.no_grad():
            q_values = self._written_out.forward(batch.observations)
        chosen = q_values.gather(1, actions).squeeze(1).requires_grad_()
        losses = self.loss(chosen, targets)
        loss = (losses if weights is None else losses * weights).mean()
        loss.backward()  # as far as the chosen values
        with torch.no_grad():
            slope = torch.zeros_like(q_values).scatter_(1, actions, chosen.grad.unsqueeze(1))
            self._written_out.backward(slope)
        self._descend(loss)
        return targets - chosen.detach()

    def update_each(self, batches: Transitions, rewards: Tensor, size: int) -> None:
        """One gradient step for each `size` rows of `batches` [K x size], in order.

        The target network stands still between two of its jumps, so its values of all batches
        up to the next jump are worked out in one pass.
        """
        parts = zip(batches.split(size), rewards.split(size), strict=True)
        target_q: list[Tensor] = []
        for index, (batch, reward) in enumerate(parts):
            if not target_q:
                begin = index * size
                end = begin + size * (self.sync_every - self.updates % self.sync_every)
                with torch.no_grad():
                    values, _ = self.target(batches.next_observations[begin:end])
                target_q = list(values.split(size))
            self.update(batch, reward, target_q=target_q.pop(0))

    @torch.no_grad()
    def targets(self, batch: Transitions, rewards: Tensor, target_q: Tensor | None) -> Tensor:
        """[B] what Q(s, a) is pulled towards."""
        if target_q is None:
            target_q, _ = self.target(batch.next_observations)
        online_q = self.online(batch.next_observations)[0] if self.double else None
        values = next_values(target_q, batch.next_masks, online_q)
        return bootstrapped(rewards, values, batch.terminated, batch.steps, self.discount)
