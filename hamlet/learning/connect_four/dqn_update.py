"""Pull the worth of a move towards what came of it, seen through the opponent's eyes.

Shapes: B transitions, 7 columns.
Sources: Mnih et al. 2015, https://doi.org/10.1038/nature14236; van Hasselt et al.,
https://arxiv.org/abs/1509.06461 (Double DQN); Schaul et al., https://arxiv.org/abs/1511.05952;
Littman 1994, https://doi.org/10.1016/B978-1-55860-335-6.50027-1 (minimax-Q; here players take
turns).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from hamlet.brains import compile_brain
from hamlet.brains.board_dqn import BoardDqnBrain
from hamlet.envs.connect_four.batch import open_columns_of
from hamlet.learning.connect_four.descent import Descent, Means
from hamlet.learning.connect_four.mirrored_asking import ask_q, drawn_flips
from hamlet.learning.connect_four.ply_fold import Plies
from hamlet.learning.connect_four.ply_replay import PlyReplay
from hamlet.learning.randomness import generator_for
from hamlet.learning.saved_state import cloned, generator_state, load_generator, load_tensors
from hamlet.learning.targets import bootstrapped, next_values


def targets_of(plies: Plies, target_q: Tensor, online_q: Tensor, discount: float) -> Tensor:
    """[B]: rewards + (-discount)^steps x the best legal move of the next position.

    After one ply the next to move is the opponent, whose gain is our loss, hence
    `r - discount * max Q(next)`; after two it is our turn again.

    Args: target_q, online_q: [B, 7] of the next positions; the online network picks the move that
        the target network values.
    """
    values = next_values(target_q, open_columns_of(plies.next_occupied), online_q)
    # No game is worth more than a win: an estimate beyond it would feed on itself.
    values = values.clamp(-1.0, 1.0)
    return bootstrapped(plies.rewards, values, plies.ended, plies.steps, -discount)


class DqnLearner:
    """An online network that learns, and a target network that follows it in jumps."""

    def __init__(self, network: BoardDqnBrain, config: Mapping[str, Any], seed: int) -> None:
        """Args: network: on its device; it is left in evaluation mode."""
        self.network, self.config = network, config
        self.settings = config["advanced_config"]
        self.target = compile_brain(network.spec, network.layout).to(network.device)
        self.target.eval().requires_grad_(False)
        self.follow()
        self.descent, self.means = Descent(network, config), Means()
        self._generator = generator_for(seed, "batches")

    def follow(self) -> None:
        self.target.load_state_dict(self.network.state_dict())

    def update(self, replay: PlyReplay, beta: float) -> None:
        """One batch, one step; then the target network follows if it is time.

        Args: beta: how far importance weights make up for the priorities.
        Raises: TrainingDivergedError with the batch, if the loss or its gradient is not finite.
        """
        size = self.config["batch_size"]
        rows, importance = replay.sample_rows(size, self._generator, beta=beta)
        plies = replay.rows(rows)
        flip = self.config["augment"]["flip"]
        flipped = drawn_flips(size, flip, self._generator, self.network.device)
        errors = self._learn(plies, importance * plies.weights, flipped)
        replay.update_priorities(rows, errors)
        if self.descent.updates % self.settings["target_every"] == 0:
            self.follow()

    def _learn(self, plies: Plies, weights: Tensor, flipped: Tensor) -> Tensor:
        """Returns: [B] temporal-difference errors before the step."""
        targets = self._targets(plies, flipped)
        precision = self.config["precision"]
        self.network.train()
        try:
            q_values = ask_q(self.network, plies.own, plies.occupied, flipped, precision)
        finally:
            self.network.eval()
        chosen = q_values.gather(1, plies.columns[:, None]).squeeze(1)
        losses = F.huber_loss(chosen, targets, reduction="none")
        loss = (losses * weights).mean()
        self.descent.step(loss, lambda: {**vars(plies), "targets": targets, "weights": weights})
        errors = (targets - chosen).detach()
        self.means.add(
            {"train_loss": loss, "q_mean": chosen.mean(), "td_error": errors.abs().mean()}
        )
        return errors

    @torch.no_grad()
    def _targets(self, plies: Plies, flipped: Tensor) -> Tensor:
        after = plies.next_own, plies.next_occupied
        target_q, online_q = (
            ask_q(network, *after, flipped, self.config["precision"])
            for network in (self.target, self.network)
        )
        return targets_of(plies, target_q, online_q, self.settings["discount"])

    def state_dict(self) -> dict[str, Any]:
        return {
            "target": cloned(self.target.state_dict()),
            "descent": self.descent.state_dict(),
            "means": self.means.state_dict(),
            "generator": generator_state(self._generator),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Raises: CheckpointError."""
        load_tensors(self.target.state_dict(), state["target"], "target")
        self.descent.load_state_dict(state["descent"])
        self.means.load_state_dict(state["means"])
        load_generator(self._generator, state["generator"], "generator")
