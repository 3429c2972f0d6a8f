"""Deep Q-learning from single transitions, for networks without memory.

Letters: B transitions, K batches, D numbers of an observation, A actions.
Sources: Mnih et al. 2015, https://doi.org/10.1038/nature14236; van Hasselt et al.,
https://arxiv.org/abs/1509.06461; Schaul et al., https://arxiv.org/abs/1511.05952; Bellemare et al.,
https://arxiv.org/abs/1512.04860.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from hamlet.brains import BrainSpec
from hamlet.layout import ObservationLayout
from hamlet.learning.backpropagation import written_out
from hamlet.learning.q_learner import QLearner
from hamlet.learning.targets import action_gap, bootstrapped, next_values
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
        self._online, self._target = written_out(self.online), written_out(self.target)
        self._loss_slope = loss_slope(spec)
        self.advantage_learning = spec.data["q_learning"]["advantage_learning"]

    @torch.no_grad()
    def q_values(self, observations: Tensor) -> Tensor:
        """[B, A] by the online network."""
        return self._online.forward(observations)

    @torch.no_grad()
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
        with self._training_mode():
            q_values = self._online.forward(batch.observations)
        chosen = q_values.gather(1, actions).squeeze(1)
        # The mean over the batch, each transition with its weight.
        share = 1.0 / len(batch) if weights is None else weights / len(batch)
        slope = self._loss_slope(chosen - targets).mul_(share)
        self._online.backward(torch.zeros_like(q_values).scatter_(1, actions, slope.unsqueeze(1)))
        self._descend((self.loss(chosen, targets) * share).sum())
        return targets - chosen

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
                values = self._target_q(batches.next_observations[begin:end])
                target_q = list(values.split(size))
            self.update(batch, reward, target_q=target_q.pop(0))

    def targets(self, batch: Transitions, rewards: Tensor, target_q: Tensor | None) -> Tensor:
        """[B] what Q(s, a) is pulled towards."""
        if target_q is None:
            target_q = self._target_q(batch.next_observations)
        online_q = self.q_values(batch.next_observations) if self.double else None
        values = next_values(target_q, batch.next_masks, online_q)
        targets = bootstrapped(rewards, values, batch.terminated, batch.steps, self.discount)
        if self.advantage_learning:
            present_q = self._target_q(batch.observations)
            targets -= self.advantage_learning * action_gap(present_q, batch.masks, batch.actions)
        return targets

    @torch.no_grad()
    def _target_q(self, observations: Tensor) -> Tensor:
        return self._target.forward(observations)


def loss_slope(spec: BrainSpec) -> Callable[[Tensor], Tensor]:
    """The slope of the brain's loss by the error, prediction less target, as a new tensor."""
    fields = spec.data["loss"]
    match fields["type"]:
        case "mse":
            return lambda error: 2.0 * error
        case "huber":
            return lambda error: error.clamp(-fields["huber_delta"], fields["huber_delta"])
        case "smooth_l1":
            return lambda error: (error / fields["huber_delta"]).clamp_(-1.0, 1.0)
        case other:
            raise ValueError(f"the spec allows loss.type {other}; write its slope down here")
