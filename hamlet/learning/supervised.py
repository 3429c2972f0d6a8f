"""Fit a network of a board to examples, one batch at a time.

A fit that was interrupted goes on with the very batch that was due, bit for bit.

Sources: Silver et al. 2017, https://doi.org/10.1038/nature24270 (loss); Prechelt 1998,
https://doi.org/10.1007/3-540-49430-8_3 (early stopping).
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from hamlet.brains import BoardBrain
from hamlet.brains.transformer import TransformerBrain
from hamlet.errors import Problem, SpecError, TrainingDivergedError
from hamlet.learning.board_optimizing import (
    NotFiniteError,
    descend,
    learning_rate_at,
    make_board_optimizer,
)
from hamlet.learning.replicas import Replicas
from hamlet.learning.saved_state import (
    cloned,
    generator_state,
    load_generator,
    load_number,
    load_optimizer,
    load_tensor,
    load_tensors,
    load_whole,
    optimizer_state,
)
from hamlet.learning.supervised_epoch import FitEpoch
from hamlet.learning.supervised_examples import Batch, Examples, seen_in
from hamlet.learning.supervised_losses import Objective, precision_problems
from hamlet.learning.supervised_order import Order
from hamlet.learning.supervised_validating import Validation

SUMS = ("loss", "policy_loss", "value_loss", "weight")  # of the epoch in progress
FURTHEST_LOSS = 1e30


class SupervisedFit:
    """Learns from examples until its epochs are done or validation no longer gets better.

    Attributes:
        network: what learns; it holds the best weights once `finished`, if there are validation
            examples.
        epochs: finished ones. batch: batches done of the epoch in progress; all of them while it
            validates.
        stopped: why it ended early, in words; empty if it did not.
        early_stopping: false where there is nothing to validate with.
    """

    def __init__(
        self,
        network: BoardBrain,
        training: Examples,
        validation: Examples | None,
        config: Mapping[str, Any],
        *,
        seed: int,
        mirror_weight: float = 0.0,
        reply_weight: float = 0.0,
        warm_up_share: float = 0.0,
        fixed_norms: bool = False,
        owns_network: bool = True,
    ) -> None:
        """Args:
            network: on the device of the examples.
            config: as `hamlet.learning.connect_four.config` reads it.
            mirror_weight: of the loss for answering mirror images differently.
            reply_weight: of the loss for the opponent's answer; of a Transformer alone.
            warm_up_share: of all updates, in which the learning rate rises.
            fixed_norms: whether batch norms keep the means and variances they have, as befits a
                network that has learned before: then a learning rate of 0 changes nothing.
            owns_network: whether the state holds the weights and the dropout masks to come;
                false where somebody else saves them.

        Raises: SpecError where the device or the network cannot do what is asked.
        """
        self.network, self.training, self.validation = network, training, validation
        self.config, self.owns_network = config, owns_network
        self.objective = Objective(mirror_weight, reply_weight, config["precision"])
        self.warm_up_share, self.fixed_norms = warm_up_share, fixed_norms
        self.device = network.device
        problems = [*precision_problems(config["precision"], self.device)]
        if reply_weight > 0 and not isinstance(network, TransformerBrain):
            message = f"a {network.spec.type} network does not guess the reply; leave it 0"
            problems.append(Problem("reply_weight", message))
        if problems:
            raise SpecError(problems)
        flip = config["augment"]["flip"]
        self.devices = config["devices"]
        self.order = Order(training, config["batch_size"] * self.devices, seed, flip=flip)
        self._replicas: Replicas | None = None  # begin with the first batch that they share
        self.optimizer = make_board_optimizer(config, network.parameters())
        self.early_stopping = validation is not None and len(validation) > 0
        self.seen = seen_in(training, validation) if self.early_stopping else None
        self.epochs = self.batch = 0
        self.stopped = ""
        self.best: dict[str, Tensor] | None = None
        self.best_loss, self.best_epoch = math.inf, 0
        self._sums = torch.zeros(len(SUMS), dtype=torch.float64, device=self.device)
        self._measured = 0.0, 0  # seconds and examples of this epoch in this process
        self._validation: Validation | None = None  # in progress

    @property
    def batches(self) -> int:
        """Of one epoch."""
        return self.order.batches

    @property
    def updates(self) -> int:
        return self.epochs * self.batches + self.batch

    @property
    def finished(self) -> bool:
        return bool(self.stopped) or self.epochs >= self.config["epochs"]

    def advance_batch(self) -> FitEpoch | None:
        """Learn from the next batch, and after the last one of an epoch validate, a piece in each
        call; do nothing once finished.

        Returns: the report of the epoch, if it is over.
        Raises: TrainingDivergedError with the batch, if its loss or gradient is not finite; the
            optimiser did not step.
        """
        if self.finished:
            return None
        if self.batch < self.batches:
            started = time.perf_counter()
            examples, flipped = self.order.batch(self.epochs, self.batch)
            self._learn(examples, flipped)
            self.batch += 1
            seconds, count = self._measured
            self._measured = seconds + time.perf_counter() - started, count + len(examples)
        if self.batch < self.batches or not self._validated():
            return None
        return self._end_epoch()

    def best_weights(self) -> dict[str, Tensor]:
        """By name: those of the lowest validation loss so far, or else the present ones."""
        return cloned(self.network.state_dict() if self.best is None else self.best)

    # One batch

    def _learn(self, examples: Examples, flipped: Tensor | None) -> None:
        self._begin_training()
        loss, told = self._loss(examples, flipped)
        rate = self._rate(self.updates)
        try:
            descend(self.optimizer, self.network.parameters(), loss, self.config, rate)
        except NotFiniteError as error:
            raise TrainingDivergedError(
                f"{error}, or look at the examples of this batch, which are kept",
                epoch=self.epochs + 1,
                batch_number=self.batch + 1,
                batch=examples.tensors(),
            ) from None
        self._sums += told

    def _loss(self, examples: Examples, flipped: Tensor | None) -> tuple[Tensor, Tensor]:
        """Returns: (scalar to descend, what the objective tells times the weights, for SUMS)."""
        # A last batch that has not one example for each process is done by this one alone.
        if self.devices > 1 and len(examples) >= self.devices:
            if self._replicas is None:
                self._replicas = Replicas(self, len(SUMS))
            return self._replicas.loss(self.epochs, self.batch, examples, flipped)
        batch = Batch.of(examples, flipped)
        loss, parts = self.objective(self.network, batch)
        return loss, torch.stack([(part.double() * batch.weight).sum() for part in parts])

    def close(self) -> None:
        """End the processes that learned along, if any; a further batch starts others."""
        if self._replicas is not None:
            self._replicas.close()
            self._replicas = None

    def _rate(self, updates: int) -> float:
        return learning_rate_at(self.config, updates, self.batches, self.warm_up_share)

    def _begin_training(self) -> None:
        self.network.train()
        for module in self.network.modules() if self.fixed_norms else ():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.eval()

    # One epoch

    def _validated(self) -> bool:
        """Validate a piece. Returns: whether all is done, or there is nothing to do."""
        if not self.early_stopping:
            return True
        if self._validation is None:
            self._validation = Validation(self.network, self.validation, self.seen)
        self._validation.advance()
        return self._validation.finished

    def _end_epoch(self) -> FitEpoch:
        metrics = self._training_metrics()
        improved = False
        if self._validation is not None:
            metrics.update(self._validation.metrics())
            improved = self._keep_if_best(metrics["val_loss"])
        self.epochs += 1
        self.batch = 0
        self._sums.zero_()
        self._measured, self._validation = (0.0, 0), None
        patience = self.config["early_stopping_patience"]
        if self.early_stopping and self.epochs - self.best_epoch >= patience:
            self.stopped = (
                f"val_loss is no lower than {self.best_loss:.4f} of epoch {self.best_epoch} since "
                f"{patience} epochs"
            )
        if self.finished and self.best is not None:
            self.network.load_state_dict(self.best)
        if self.finished:
            self.close()
        return FitEpoch(self.epochs, metrics, improved, self.stopped)

    def _training_metrics(self) -> dict[str, float]:
        sums = dict(zip(SUMS, self._sums.tolist(), strict=True))
        metrics = {f"train_{name}": sums[name] / sums["weight"] for name in SUMS[:-1]}
        metrics["learning_rate"] = self._rate(self.updates - 1)
        seconds, count = self._measured
        if count:  # none, if this process came after the last batch
            metrics["examples_per_s"] = count / max(seconds, 1e-9)
        if self.devices > 1:
            metrics["devices"] = float(self.devices)
        return metrics

    def _keep_if_best(self, loss: float) -> bool:
        if not loss < self.best_loss:
            return False
        self.best_loss, self.best_epoch = loss, self.epochs + 1
        self.best = cloned(self.network.state_dict())
        return True

    # Saving

    def state_dict(self) -> dict[str, Any]:
        own = {
            "network": cloned(self.network.state_dict()),
            "dropout": generator_state(self.network.dropout_generator),
        }
        best = None
        if self.best is not None:
            best = {
                "weights": cloned(self.best),
                "loss": self.best_loss,
                "epoch": self.best_epoch,
            }
        return {
            **(own if self.owns_network else {}),
            "optimizer": optimizer_state(self.optimizer),
            "examples": len(self.training),
            "epochs": self.epochs,
            "batch": self.batch,
            "sums": self._sums.clone(),
            "best": best,
            "stopped": self.stopped,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Raises: CheckpointError if the state is of another network, optimiser or set."""
        if self.owns_network:
            load_tensors(self.network.state_dict(), state["network"], "network")
            load_generator(self.network.dropout_generator, state["dropout"], "dropout")
        load_optimizer(self.optimizer, state["optimizer"], "optimizer")
        count = len(self.training)
        load_whole(state["examples"], count, count, "examples")
        self.epochs = load_whole(state["epochs"], 0, self.config["epochs"], "epochs")
        most = self.batches if self.early_stopping else self.batches - 1
        self.batch = load_whole(state["batch"], 0, most, "batch")
        load_tensor(self._sums, state["sums"], "sums")
        self.best, self.best_loss, self.best_epoch = None, math.inf, 0
        if state["best"] is not None:
            self.best = cloned(self.network.state_dict())
            load_tensors(self.best, state["best"]["weights"], "best.weights")
            self.best_loss = load_number(state["best"]["loss"], 0.0, FURTHEST_LOSS, "best.loss")
            self.best_epoch = load_whole(state["best"]["epoch"], 1, self.epochs, "best.epoch")
        self.stopped = str(state["stopped"])
        self._measured, self._validation = (0.0, 0), None
