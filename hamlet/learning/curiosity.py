"""The intrinsic reward: novelty, times how much curiosity counts at present.

Letters: N environments, D numbers of an observation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from hamlet.layout import ObservationLayout
from hamlet.learning.annealing import AdaptiveAnnealing
from hamlet.learning.randomness import generator_for
from hamlet.learning.rnd import RandomNetworkDistillation
from hamlet.learning.saved_state import below
from hamlet.learning.town_settings import annealing_settings


class Curiosity:
    """Random network distillation with a base weight and adaptive annealing.

    Novelty is measured, and shown to watchers, from the second observation on; it is paid for
    once the first `train_every` observations are in, see `RandomNetworkDistillation.pays`. With
    a base weight of 0 nothing is measured or trained, and novelty is 0.
    """

    def __init__(
        self,
        training: Mapping[str, Any],
        layout: ObservationLayout,
        max_steps: int,
        seed: int,
        device: torch.device | str = "cpu",
    ) -> None:
        intrinsic = training["intrinsic"]
        self.base_weight = intrinsic["base_weight"]
        self.annealing = AdaptiveAnnealing(annealing_settings(training), max_steps)
        self.rnd = None
        if self.base_weight > 0:
            self.rnd = RandomNetworkDistillation(
                layout,
                generator_for(seed, "curiosity"),
                embedding=intrinsic["embedding"],
                learning_rate=intrinsic["learning_rate"],
                train_every=intrinsic["train_every"],
                device=device,
            )

    @property
    def weight(self) -> float:
        """What novelty is multiplied with, before the level's modifiers."""
        return self.base_weight * self.annealing.weight

    def reward(self, observations: Tensor, modifiers: Tensor) -> tuple[Tensor, Tensor]:
        """Pay for newly collected observations and learn from them.

        Args: observations: [N, D]. modifiers: [N] by the level, see its intrinsic_modifiers.

        Returns: (intrinsic reward, novelty), both [N] float32.
        """
        if self.rnd is None:
            nothing = torch.zeros_like(modifiers)
            return nothing, nothing
        novelty = self.rnd.novelty(observations)
        paid = novelty * self.weight * modifiers
        return torch.where(self.rnd.pays, paid, 0.0), novelty

    def state_dict(self) -> dict[str, Any]:
        return {
            "rnd": self.rnd.state_dict() if self.rnd else None,
            "annealing": self.annealing.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Raises: CheckpointError if the state does not fit these settings."""
        if self.rnd is not None:
            with below("rnd"):
                self.rnd.load_state_dict(state["rnd"])
        with below("annealing"):
            self.annealing.load_state_dict(state["annealing"])
