"""The network that plays while another learns."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
from torch import Tensor

from hamlet.brains import CompiledBrain
from hamlet.learning.saved_state import cloned, load_tensors
from hamlet.search.evaluators import NetworkEvaluator


class BestNetwork:
    """A copy of the best network so far, and the evaluator of all searches with it."""

    def __init__(self, network: CompiledBrain, precision: str = "fp32") -> None:
        """Args: precision: of evaluations, `fp32` or `bf16`."""
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self.precision = precision
        self._evaluator: NetworkEvaluator | None = None  # made when it is asked

    def take(self, network: CompiledBrain) -> None:
        """Be from now on what `network` is."""
        self.network.load_state_dict(network.state_dict())
        self._evaluator = None

    def __call__(self, own: np.ndarray, occupied: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As an evaluator of `hamlet.search`."""
        if self._evaluator is None:
            self._evaluator = NetworkEvaluator(self.network, self.network.device, self.precision)
        return self._evaluator(own, occupied)

    def state_dict(self) -> dict[str, Tensor]:
        return cloned(self.network.state_dict())

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Raises: CheckpointError."""
        load_tensors(self.network.state_dict(), state, "weights")
        self._evaluator = None
