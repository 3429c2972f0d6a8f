"""Learning a model of the game: policy, value and reward at each of K unrolled steps.

Shapes: B batch, K unrolled steps, A = 7 columns.
Source: Schrittwieser et al. 2020, https://doi.org/10.1038/s41586-020-03051-4, equation 1 and
appendix G: what flows back into the dynamics is halved at every step, and the losses of the
unrolled steps count 1/K each, so that the gradient does not grow with K.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from hamlet.brains.muzero import MuZeroBrain
from hamlet.learning.connect_four.descent import Descent, Means
from hamlet.learning.connect_four.game_store import GameStore
from hamlet.learning.connect_four.unrolled import Unrolled, unroll_targets
from hamlet.learning.randomness import generator_for
from hamlet.learning.saved_state import generator_state, load_generator

INTO_DYNAMICS = 0.5
# Full steps from the first update on drive the value into the flat ends of its tanh, from where it
# comes back late: its head is pushed by K + 1 positions at once.
WARM_UP_UPDATES = 100


class UnrolledLearner:
    """Draws positions from stored games and follows the gradient of all three losses + L2."""

    def __init__(self, network: MuZeroBrain, config: Mapping[str, Any], seed: int) -> None:
        """Args: network: on its device; it is left in evaluation mode between updates."""
        self.network, self.config = network, config
        self.steps = config["advanced_config"]["unroll_steps"]
        self.descent = Descent(network, config, warm_up_updates=WARM_UP_UPDATES)
        self.means = Means()
        self._generator = generator_for(seed, "batches")

    def update(self, store: GameStore) -> None:
        """One batch, one step."""
        self.learn(self.draw(store).to(self.network.device))

    def draw(self, store: GameStore) -> Unrolled:
        count, generator = self.config["batch_size"], self._generator
        games, plies = store.draw(count, generator)
        batch = unroll_targets(
            store,
            games,
            plies,
            self.steps,
            generator,
            value_target=self.config["value_target"],
        )
        if self.config["augment"]["flip"]:
            batch = batch.mirrored(torch.rand(count, generator=generator) < 0.5)
        return batch

    def learn(self, batch: Unrolled) -> None:
        half = self.config["precision"] == "bf16"
        self.network.train()
        try:
            with torch.autocast(batch.planes.device.type, torch.bfloat16, enabled=half):
                losses = unrolled_losses(self.network, batch)
        finally:
            self.network.eval()
        loss = sum(losses.values())
        self.descent.step(loss, batch.tensors)
        self.means.add(
            {
                "train_loss": loss,
                "train_policy_loss": losses["policy"],
                "train_value_loss": losses["value"],
                "reward_loss": losses["reward"],
            }
        )

    def state_dict(self) -> dict[str, Any]:
        return {
            "descent": self.descent.state_dict(),
            "means": self.means.state_dict(),
            "generator": generator_state(self._generator),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Raises: CheckpointError."""
        self.descent.load_state_dict(state["descent"])
        self.means.load_state_dict(state["means"])
        load_generator(self._generator, state["generator"], "generator")


def unrolled_losses(network: MuZeroBrain, batch: Unrolled) -> dict[str, Tensor]:
    """Scalars `policy`, `value`, `reward`, scaled: the first position counts 1, each step 1/K."""
    latent = network.represent(batch.planes)
    policy, value = prediction_losses(network, latent, batch, 0)
    reward = torch.zeros_like(value)
    share = 1.0 / batch.steps
    for step in range(batch.steps):
        latent, earned = network.dynamics(
            scaled_gradient(latent, INTO_DYNAMICS), batch.moves[:, step]
        )
        wrong = (earned.float().squeeze(1) - batch.reward[:, step]).square()
        reward = reward + share * mean_of(wrong, batch.moved[:, step])
        at_policy, at_value = prediction_losses(network, latent, batch, step + 1)
        policy, value = policy + share * at_policy, value + share * at_value
    return {"policy": policy, "value": value, "reward": reward}


def prediction_losses(
    network: MuZeroBrain, latent: Tensor, batch: Unrolled, step: int
) -> tuple[Tensor, Tensor]:
    """Scalars: cross-entropy of the policy, squared error of the value.

    The policy is over all seven columns: below the root nobody masks full ones, so the model has
    to know by itself that they are not played.
    """
    logits, value = network.predict(latent)
    policy_losses = -(batch.policy[:, step] * F.log_softmax(logits.float(), dim=1)).sum(dim=1)
    value_losses = (value.float().squeeze(1) - batch.value[:, step]).square()
    known = batch.known[:, step]
    return mean_of(policy_losses, known), mean_of(value_losses, known)


def mean_of(losses: Tensor, known: Tensor) -> Tensor:
    """Scalar: the mean over the batch, of which only a part is known; 0 for the rest."""
    return torch.where(known, losses, 0.0).mean()


def scaled_gradient(x: Tensor, factor: float) -> Tensor:
    """The same numbers, with a gradient `factor` times as long."""
    return factor * x + (1.0 - factor) * x.detach()
