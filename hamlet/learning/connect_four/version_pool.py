"""Past versions of a network, kept as opponents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from hamlet.brains import CompiledBrain, compile_brain
from hamlet.learning.saved_state import below, cloned, load_list, load_tensors, load_whole

MOST_EPOCHS = 10**9


class VersionPool:
    """Keeps a bounded number of versions, spread over the whole run.

    A pool of the newest ones alone would let a network forget how it used to be beaten.

    Attributes: networks: by the epochs that each had learned, oldest first.
    """

    def __init__(self, capacity: int, like: CompiledBrain) -> None:
        """Args: like: a network of the same shape, on the device of the others."""
        self.capacity = capacity
        self._like = like
        self.networks: dict[int, CompiledBrain] = {}

    @property
    def epochs(self) -> list[int]:
        return list(self.networks)

    def add(self, epoch: int, network: CompiledBrain) -> list[int]:
        """Keep a copy of a network. Args: epoch: later than those of the others.

        Returns: epochs of the versions that had to go.
        """
        self.networks[epoch] = self._copy(network.state_dict())
        gone = []
        while len(self.networks) > self.capacity:
            gone.append(most_crowded(self.epochs))
            del self.networks[gone[-1]]
        return gone

    def _copy(self, weights: Mapping[str, torch.Tensor]) -> CompiledBrain:
        copy = compile_brain(self._like.spec, self._like.layout).to(self._like.device)
        load_tensors(copy.state_dict(), weights, "weights")
        return copy.eval().requires_grad_(False)

    def state_dict(self) -> dict[str, Any]:
        return {
            "versions": [
                {"epoch": epoch, "weights": cloned(network.state_dict())}
                for epoch, network in self.networks.items()
            ]
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Raises: CheckpointError."""
        versions = load_list(state["versions"], 0, self.capacity, "versions")
        self.networks = {}
        for index, version in enumerate(versions):
            with below(f"versions[{index}]"):
                lowest = max(self.networks, default=-1) + 1
                epoch = load_whole(version["epoch"], lowest, MOST_EPOCHS, "epoch")
                self.networks[epoch] = self._copy(version["weights"])


def most_crowded(epochs: list[int]) -> int:
    """The version without which the others stand most evenly; never the newest.

    Args: epochs: rising, two or more. The oldest goes only where there are but two.
    """
    if len(epochs) == 2:
        return epochs[0]
    gaps = {epochs[i]: epochs[i + 1] - epochs[i - 1] for i in range(1, len(epochs) - 1)}
    return min(gaps, key=lambda epoch: gaps[epoch])
