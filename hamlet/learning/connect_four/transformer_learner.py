"""How a Transformer learns from a buffer: policy and value, the mirror image, and the reply.

Shapes: B batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from hamlet.brains import CompiledBrain
from hamlet.learning.board_optimizing import set_learning_rate
from hamlet.learning.connect_four.position_learner import PositionLearner
from hamlet.learning.supervised_examples import Batch, Examples
from hamlet.learning.supervised_losses import Objective


class TransformerLearner(PositionLearner):
    """Attributes:
    objective: what it descends. rising: share of the run in which the learning rate rises.
    """

    def __init__(self, network: CompiledBrain, config: Mapping[str, Any], seed: int) -> None:
        super().__init__(network, config, seed)
        advanced = config["advanced_config"]
        self.rising = advanced["warm_up_share"]
        self.objective = Objective(
            advanced["mirror_weight"], advanced["reply_weight"], config["precision"]
        )

    def warm_up(self, done: float) -> None:
        """Args: done: share of the run that is over with the next update, in (0, 1]."""
        factor = min(1.0, done / self.rising) if self.rising > 0 else 1.0
        self.descent.begin_epoch(self.descent.epoch)
        self.descent.learning_rate *= factor
        set_learning_rate(self.descent.optimizer, self.descent.learning_rate)

    @property
    def learning_rate(self) -> float:
        """Of the last update."""
        return self.descent.learning_rate

    def learn(self, examples: Examples, flipped: Tensor | None = None) -> None:
        """Args: flipped: [B] bool, examples to be mirrored."""
        batch = Batch.of(examples, flipped)
        self.network.train()
        try:
            loss, (both, policy, value, _) = self.objective(self.network, batch)
        finally:
            self.network.eval()
        self.descent.step(loss, examples.tensors)
        self.means.add(
            {
                "train_loss": both.mean(),
                "train_policy_loss": policy.mean(),
                "train_value_loss": value.mean(),
                "descended_loss": loss,  # with the mirror image and the reply
            }
        )
