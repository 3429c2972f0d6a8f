"""Learning from the positions of self-play: shares of visits for the policy, results for the value.

Shapes: B batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from hamlet.brains import CompiledBrain
from hamlet.brains.masked_categorical import masked_logits
from hamlet.learning.connect_four.descent import Descent, Means
from hamlet.learning.connect_four.position_buffer import PositionBuffer
from hamlet.learning.randomness import generator_for
from hamlet.learning.saved_state import generator_state, load_generator
from hamlet.learning.supervised_examples import Batch, Examples
from hamlet.learning.supervised_losses import example_losses, weighted_mean


class PositionLearner:
    """Draws batches from a buffer and follows the gradient of
    cross-entropy(policy) + squared error(value) + L2.

    Source: Silver et al. 2017, https://doi.org/10.1038/nature24270, equation 1.
    """

    def __init__(self, network: CompiledBrain, config: Mapping[str, Any], seed: int) -> None:
        """Args: network: on its device; it is left in evaluation mode between updates."""
        self.network, self.config = network, config
        self.descent, self.means = Descent(network, config), Means()
        self._generator = generator_for(seed, "batches")

    def update(self, buffer: PositionBuffer) -> None:
        """One batch, one step."""
        examples = buffer.sample(self.config["batch_size"], self._generator)
        flipped = None
        if self.config["augment"]["flip"]:
            drawn = torch.rand(len(examples), generator=self._generator) < 0.5
            flipped = drawn.to(self.network.device)
        self.learn(on_device(examples, self.network.device), flipped)

    def learn(self, examples: Examples, flipped: Tensor | None = None) -> None:
        """Args: flipped: [B] bool, examples to be mirrored."""
        batch = Batch.of(examples, flipped)
        half = self.config["precision"] == "bf16"
        self.network.train()
        try:
            with torch.autocast(batch.planes.device.type, torch.bfloat16, enabled=half):
                logits, value = self.network(batch.planes)
        finally:
            self.network.eval()
        losses = example_losses(logits, value, batch)
        loss = losses.mean(batch.weight)
        self.descent.step(loss, examples.tensors)
        policy = masked_logits(logits.detach().float(), batch.legal).softmax(dim=1)
        self.means.add(
            {
                "train_loss": loss,
                "train_policy_loss": weighted_mean(losses.policy, batch.weight),
                "train_value_loss": weighted_mean(losses.value, batch.weight),
                "entropy": -torch.xlogy(policy, policy).sum(dim=1).mean(),
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


def on_device(examples: Examples, device: torch.device) -> Examples:
    if examples.own.device == device:
        return examples
    return Examples(**{name: part.to(device) for name, part in examples.tensors().items()})
