"""A fit of MuZero to given games as the first epochs of a run.

Source of early stopping: Prechelt 1998, https://doi.org/10.1007/3-540-49430-8_3.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from hamlet.learning.connect_four.game_store import GameStore
from hamlet.learning.connect_four.given_examples import as_examples
from hamlet.learning.connect_four.given_games import GivenGames
from hamlet.learning.connect_four.unrolled_learner import UnrolledLearner
from hamlet.learning.saved_state import cloned, load_number, load_tensors, load_whole
from hamlet.learning.supervised_examples import seen_in
from hamlet.learning.supervised_validating import validation_metrics

FURTHEST_LOSS = 1e30


class GivenGamesFit:
    """Attributes:
    store: the games that are learned from. batch: updates of the epoch in progress.
    epochs: finished ones. most: the most there may be. stopped: why it ended early, in words.
    validated: whether there is something to stop by.
    """

    def __init__(self, learner: UnrolledLearner, given: GivenGames, epochs: int) -> None:
        self.learner, self.most = learner, epochs
        self.store = GameStore(len(given.games))
        for game in given.games:
            self.store.add(game)
        rows, validating = given.rows, given.validating
        device = learner.network.device
        held_back = validating & (rows["policy"].sum(axis=1) > 0)
        self.validated = bool(held_back.any())
        if self.validated:
            self.validation = as_examples(rows[held_back], device)
            self.seen = seen_in(as_examples(rows[~validating], device), self.validation)
        self.epochs = self.batch = self.best_epoch = 0
        self.stopped = ""
        self.best: dict[str, Tensor] | None = None
        self.best_loss = math.inf

    @property
    def batches(self) -> int:
        return math.ceil(self.store.positions / self.learner.config["batch_size"])

    @property
    def finished(self) -> bool:
        return bool(self.stopped) or self.epochs >= self.most

    def advance(self) -> dict[str, float] | None:
        """One batch. Returns: the metrics of the epoch, if this was its last batch."""
        self.learner.update(self.store)
        self.batch += 1
        if self.batch < self.batches:
            return None
        self.batch = 0
        metrics = self.learner.means.take() | {
            "learning_rate": self.learner.descent.learning_rate,
        }
        if self.validated:
            metrics |= self._validate()
        self.epochs += 1
        if self.finished and self.best is not None:
            self.learner.network.load_state_dict(self.best)
        return metrics

    def _validate(self) -> dict[str, float]:
        network, number = self.learner.network, self.epochs + 1
        found = validation_metrics(network, self.validation, self.seen)
        if found["val_loss"] < self.best_loss:
            self.best_loss, self.best_epoch = found["val_loss"], number
            self.best = cloned(network.state_dict())
        patience = self.learner.config["early_stopping_patience"]
        if number - self.best_epoch >= patience:
            self.stopped = (
                f"val_loss is no lower than {self.best_loss:.4f} of epoch {self.best_epoch} since "
                f"{patience} epochs"
            )
        return found

    def state_dict(self) -> dict[str, Any]:
        best = None if self.best is None else cloned(self.best)
        return {
            "epochs": self.epochs,
            "batch": self.batch,
            "best": best,
            "best_loss": self.best_loss if best else 0.0,
            "best_epoch": self.best_epoch,
            "stopped": self.stopped,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Raises: CheckpointError."""
        self.epochs = load_whole(state["epochs"], 0, self.most, "epochs")
        self.batch = load_whole(state["batch"], 0, self.batches - 1, "batch")
        self.best_epoch = load_whole(state["best_epoch"], 0, self.epochs, "best_epoch")
        self.stopped = str(state["stopped"])
        self.best, self.best_loss = None, math.inf
        if state["best"] is not None:
            self.best = cloned(self.learner.network.state_dict())
            load_tensors(self.best, state["best"], "best")
            self.best_loss = load_number(state["best_loss"], 0.0, FURTHEST_LOSS, "best_loss")
