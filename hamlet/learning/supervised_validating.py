"""How well a network answers positions that it does not learn from.

Shapes: N examples, B of one batch, A columns.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from hamlet.brains import BoardBrain
from hamlet.brains.board_dqn import BoardDqnBrain
from hamlet.brains.board_ensemble import BoardEnsembleBrain
from hamlet.brains.masked_categorical import MaskedCategorical
from hamlet.learning.supervised_examples import Batch, Examples
from hamlet.learning.supervised_losses import example_losses, weighted_mean

ROWS = 1024  # asked together
AS_GOOD = 1e-6  # shares of the target that count as one


@dataclass
class Found:
    """Of each validation example, [N]: loss, whether the best column was found, nats of entropy."""

    loss: Tensor
    right: Tensor
    entropy: Tensor
    further: dict[str, Tensor]


class Validation:
    """Asks about all examples, a piece at a time; the network must not change meanwhile."""

    def __init__(self, network: BoardBrain, examples: Examples, seen: Tensor) -> None:
        """Args: seen: [N] bool, true for positions that are among the training examples too, up
        to mirror."""
        self.network, self.examples, self.seen = network, examples, seen
        self._pieces = in_pieces(examples)
        self._found: list[Found] = []
        self._rows = 0

    @property
    def finished(self) -> bool:
        return self._rows == len(self.examples)

    def advance(self) -> None:
        """Ask about the next piece in evaluation mode, and leave the mode as it was."""
        piece = next(self._pieces)
        was_training = self.network.training
        self.network.eval()
        try:
            with torch.no_grad():
                self._found.append(_ask(self.network, Batch.of(piece)))
        finally:
            self.network.train(was_training)
        self._rows += len(piece)

    def metrics(self) -> dict[str, float]:
        """Once finished: `val_loss` (mean over weights), `val_accuracy` (share of positions whose
        best column by the target has the highest logit among the columns that are not full),
        `entropy`, `val_seen_share`, the same two of the unseen positions as `val_unseen_loss` and
        `val_unseen_accuracy` where there are any, and what else this kind of network has."""
        found, weight, unseen = _joined(self._found), self.examples.weight, ~self.seen
        metrics = {
            "val_loss": float(weighted_mean(found.loss, weight)),
            "val_accuracy": float(found.right.mean()),
            "entropy": float(found.entropy.mean()),
            "val_seen_share": float(self.seen.double().mean()),
        }
        if bool(unseen.any()):
            loss = weighted_mean(found.loss[unseen], weight[unseen])
            metrics["val_unseen_loss"] = float(loss)
            metrics["val_unseen_accuracy"] = float(found.right[unseen].mean())
        for name, values in found.further.items():
            metrics[name] = float(weighted_mean(values, weight))
        return metrics


def validation_metrics(network: BoardBrain, examples: Examples, seen: Tensor) -> dict[str, float]:
    """The metrics of a whole `Validation`."""
    validation = Validation(network, examples, seen)
    while not validation.finished:
        validation.advance()
    return validation.metrics()


def _joined(parts: list[Found]) -> Found:
    return Found(
        loss=torch.cat([part.loss for part in parts]),
        right=torch.cat([part.right for part in parts]),
        entropy=torch.cat([part.entropy for part in parts]),
        further={
            name: torch.cat([part.further[name] for part in parts]) for name in parts[0].further
        },
    )


def in_pieces(examples: Examples) -> Iterator[Examples]:
    for begin in range(0, len(examples), ROWS):
        yield examples.take(
            torch.arange(begin, min(begin + ROWS, len(examples)), device=examples.own.device)
        )


def _ask(network: BoardBrain, batch: Batch) -> Found:
    logits, value = network(batch.planes)
    losses = example_losses(logits, value, batch)
    chance = MaskedCategorical(logits, batch.legal)
    share = batch.policy.gather(1, chance.best()[:, None]).squeeze(1)
    right = share >= batch.policy.amax(dim=1) - AS_GOOD
    return Found(
        losses.policy + losses.value, right.double(), chance.entropy(), _further(network, batch)
    )


def _further(network: BoardBrain, batch: Batch) -> dict[str, Tensor]:
    """Numbers of one kind of network alone, [B] each."""
    if isinstance(network, BoardDqnBrain):
        values = network.q_values(batch.planes).masked_fill(~batch.legal, 0.0)
        return {"q_mean": values.sum(dim=1) / batch.legal.sum(dim=1).clamp_min(1)}
    if isinstance(network, BoardEnsembleBrain):
        losses = [example_losses(*member(batch.planes), batch) for member in network.members]
        return {
            f"member_{index}_val_loss": each.policy + each.value
            for index, each in enumerate(losses)
        }
    return {}
