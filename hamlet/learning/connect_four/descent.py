"""Down the gradient of a loss, as the configuration of a run says it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from hamlet.errors import TrainingDivergedError
from hamlet.learning.board_optimizing import (
    NotFiniteError,
    descend,
    make_board_optimizer,
    schedule_factor,
)
from hamlet.learning.saved_state import load_optimizer, load_whole, optimizer_state

MOST_UPDATES = 10**12


class Descent:
    """The optimiser of one network.

    Attributes:
        updates: done so far. epoch: finished ones. learning_rate: of the one at hand.
    """

    def __init__(
        self, network: nn.Module, config: Mapping[str, Any], *, warm_up_updates: int = 0
    ) -> None:
        """Args:
        config: a whole one, see `hamlet.learning.connect_four.config`.
        warm_up_updates: the first ones, over which the learning rate rises evenly.
        """
        self.network, self.config = network, config
        self.optimizer = make_board_optimizer(config, network.parameters())
        self.updates, self.warm_up_updates = 0, warm_up_updates
        self.begin_epoch(0)

    def begin_epoch(self, epochs_done: int) -> None:
        self.epoch = epochs_done
        factor = schedule_factor(self.config["scheduler"], epochs_done, self.config["epochs"])
        self.learning_rate = self.config["learning_rate"] * factor

    def step(self, loss: Tensor, batch: Callable[[], Mapping[str, Tensor]]) -> None:
        """One update.

        Args: loss: scalar, without the L2 term. batch: gives what it was learned from, by name.
        Raises: TrainingDivergedError with the batch, if the loss or its gradient is not finite;
            no weight has changed then.
        """
        rising = min(1.0, (self.updates + 1) / max(1, self.warm_up_updates))
        rate = rising * self.learning_rate
        try:
            descend(self.optimizer, self.network.parameters(), loss, self.config, rate)
        except NotFiniteError as error:
            raise TrainingDivergedError(
                str(error),
                epoch=self.epoch + 1,
                batch_number=self.updates + 1,
                batch={name: tensor.detach().cpu() for name, tensor in batch().items()},
            ) from None
        self.updates += 1

    def state_dict(self) -> dict[str, Any]:
        return {"optimizer": optimizer_state(self.optimizer), "updates": self.updates}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """The learning rate follows from the epoch: `begin_epoch` says it. Raises:
        CheckpointError."""
        load_optimizer(self.optimizer, state["optimizer"], "optimizer")
        self.updates = load_whole(state["updates"], 0, MOST_UPDATES, "updates")


class Means:
    """Sums of what each update reported, for one epoch."""

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._count = 0

    def add(self, values: Mapping[str, Tensor]) -> None:
        """Args: values: scalars; the same names each time."""
        for name, value in values.items():
            self._sums[name] = self._sums.get(name, 0.0) + value.detach().double()
        self._count += 1

    def take(self) -> dict[str, float]:
        """Means since the last call; nothing where there were none."""
        means = {name: float(value) / self._count for name, value in self._sums.items()}
        self._sums, self._count = {}, 0
        return means

    def state_dict(self) -> dict[str, Any]:
        return {
            "sums": {name: float(value) for name, value in self._sums.items()},
            "count": self._count,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Raises: CheckpointError."""
        self._count = load_whole(state["count"], 0, MOST_UPDATES, "count")
        self._sums = {
            str(name): torch.tensor(float(value), dtype=torch.float64)
            for name, value in state["sums"].items()
        }
