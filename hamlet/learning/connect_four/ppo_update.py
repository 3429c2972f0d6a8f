"""Improve a policy from what it did, without leaving it far behind.

Shapes: B rows of one batch.
Source: Schulman et al., https://arxiv.org/abs/1707.06347, equations 7 and 9.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from hamlet.brains import BoardBrain
from hamlet.brains.masked_categorical import MaskedCategorical
from hamlet.envs.connect_four.batch import open_columns_of
from hamlet.learning.connect_four.descent import Descent, Means
from hamlet.learning.connect_four.mirrored_asking import ask_policy, seen_planes
from hamlet.learning.connect_four.rollout import Rollout
from hamlet.learning.connect_four.still_norms import learning_with_still_norms, measure_norms
from hamlet.learning.randomness import generator_for
from hamlet.learning.saved_state import load_whole

SMALLEST_SPREAD = 1e-8
MOST_ROUNDS = 10**12


class PolicyLosses(NamedTuple):
    """Scalars: what is descended, then what is reported."""

    policy: Tensor
    value: Tensor
    entropy: Tensor
    clip_fraction: Tensor
    approx_kl: Tensor


def policy_losses(
    policy: MaskedCategorical, values: Tensor, batch: Mapping[str, Tensor], clip: float
) -> PolicyLosses:
    """Args:
        policy, values [B]: what the network says now.
        batch: columns, log_probs (of when they were played), advantages, returns, [B] each.
        clip: how far the odds of a move may leave those of when it was played.

    The estimate of the divergence is that of J. Schulman, http://joschu.net/blog/kl-approx.html.
    """
    change = policy.log_prob(batch["columns"]) - batch["log_probs"]
    ratio = change.exp()
    advantages = batch["advantages"]
    spread = advantages.std(correction=0)
    advantages = (advantages - advantages.mean()) / (spread + SMALLEST_SPREAD)
    kept = ratio.clamp(1.0 - clip, 1.0 + clip)
    return PolicyLosses(
        policy=-torch.minimum(ratio * advantages, kept * advantages).mean(),
        value=(values - batch["returns"]).square().mean(),
        entropy=policy.entropy().mean(),
        clip_fraction=((ratio - 1.0).abs() > clip).float().mean(),
        approx_kl=(ratio - 1.0 - change).mean(),
    )


class PpoLearner:
    """Goes over a rollout several times, in batches.

    The order of its rows follows from the seed and the number of the round, so that an
    interrupted round goes on with the very batch that was due.

    Attributes: rounds: finished ones. batch: batches done of the round at hand.
    """

    def __init__(self, network: BoardBrain, config: Mapping[str, Any], seed: int) -> None:
        """Args: network: on its device; it is left in evaluation mode."""
        self.network, self.config, self.seed = network, config, seed
        self.settings = config["advanced_config"]
        self.descent, self.means = Descent(network, config), Means()
        self.rounds = self.batch = 0

    def update(self, rollout: Rollout) -> bool:
        """One step down the gradient of one batch.

        Returns: whether it was the last of the round.
        Raises: TrainingDivergedError with the batch, if its loss or gradient is not finite.
        """
        batches = math.ceil(len(rollout) / self.config["batch_size"])
        at_pass, at_batch = divmod(self.batch, batches)
        order = self._order(len(rollout), at_pass)
        rows = order[at_batch * self.config["batch_size"] :][: self.config["batch_size"]]
        self._learn(rollout.take(rows))
        self.batch += 1
        if self.batch < batches * self.settings["passes"]:
            return False
        self._measure_norms(rollout, order)
        self.rounds, self.batch = self.rounds + 1, 0
        return True

    def _order(self, count: int, at_pass: int) -> Tensor:
        purpose = f"order of pass {at_pass} in round {self.rounds}"
        order = torch.randperm(count, generator=generator_for(self.seed, purpose))
        return order.to(self.network.device)

    def _learn(self, batch: dict[str, Tensor]) -> None:
        settings = self.settings
        with learning_with_still_norms(self.network):
            logits, values = ask_policy(
                self.network,
                batch["own"],
                batch["occupied"],
                batch["flipped"],
                self.config["precision"],
            )
        policy = MaskedCategorical(logits, open_columns_of(batch["occupied"]))
        losses = policy_losses(policy, values, batch, settings["clip"])
        loss = (
            losses.policy
            + settings["value_weight"] * losses.value
            - settings["entropy_weight"] * losses.entropy
        )
        self.descent.step(loss, lambda: batch)
        self.means.add(
            {
                "train_loss": loss,
                "train_policy_loss": losses.policy,
                "train_value_loss": losses.value,
                "entropy": losses.entropy,
                "clip_fraction": losses.clip_fraction,
                "approx_kl": losses.approx_kl,
            }
        )

    def _measure_norms(self, rollout: Rollout, order: Tensor) -> None:
        """From the positions of the round, each once."""
        rows = [rollout.take(part) for part in order.split(self.config["batch_size"])]
        measure_norms(
            self.network,
            (seen_planes(part["own"], part["occupied"], part["flipped"]) for part in rows),
        )

    def state_dict(self) -> dict[str, Any]:
        return {
            "descent": self.descent.state_dict(),
            "means": self.means.state_dict(),
            "rounds": self.rounds,
            "batch": self.batch,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Raises: CheckpointError."""
        self.descent.load_state_dict(state["descent"])
        self.means.load_state_dict(state["means"])
        self.rounds = load_whole(state["rounds"], 0, MOST_ROUNDS, "rounds")
        self.batch = load_whole(state["batch"], 0, MOST_ROUNDS, "batch")
