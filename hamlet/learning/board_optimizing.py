"""Optimisers and learning rates of a run on a board, as its configuration names them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from hamlet.learning.lamb import Lamb

STEP_EPOCHS, STEP_FACTOR = 30, 0.1
EXPONENTIAL_FACTOR = 0.95
MOMENTUM = 0.9


class NotFiniteError(ArithmeticError):
    """The loss of an update, or its gradient, went to infinity or is no number."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what}; expected a finite number. Take a lower learning_rate or grad_clip_norm"
        )


def make_board_optimizer(
    config: Mapping[str, Any], parameters: Iterable[torch.nn.Parameter]
) -> torch.optim.Optimizer:
    """The optimiser of `optimizer`, at the learning rate before any schedule.

    `regularization.weight_decay` acts in adamw and lamb alone; `regularization.l2` is a part of
    the loss of every optimiser, so it is none of their business.
    """
    rate, decay = config["learning_rate"], config["regularization"]["weight_decay"]
    parameters = list(parameters)
    match config["optimizer"]:
        case "adam":
            return torch.optim.Adam(parameters, lr=rate, fused=True)
        case "adamw":
            return torch.optim.AdamW(parameters, lr=rate, weight_decay=decay, fused=True)
        case "sgd":
            return torch.optim.SGD(parameters, lr=rate, momentum=MOMENTUM, nesterov=True)
        case "rmsprop":
            return torch.optim.RMSprop(parameters, lr=rate)
        case "lamb":
            return Lamb(parameters, lr=rate, weight_decay=decay)
        case other:
            raise ValueError(f"the config allows optimizer {other}, which nobody built")


def add_l2(parameters: Iterable[torch.nn.Parameter], factor: float) -> None:
    """Add the gradient of `factor` times the sum of all squared weights."""
    for parameter in parameters if factor > 0 else ():
        if parameter.grad is not None:
            parameter.grad.add_(parameter.detach(), alpha=2 * factor)


def descend(
    optimizer: torch.optim.Optimizer,
    parameters: Iterable[torch.nn.Parameter],
    loss: Tensor,
    config: Mapping[str, Any],
    rate: float,
) -> None:
    """One update at a learning rate, with the L2 term and the clipping of `config`.

    Args: loss: scalar, without the L2 term.
    Raises: NotFiniteError if the loss or its gradient is not finite; no weight has changed then.
    """
    parameters = list(parameters)
    if not bool(torch.isfinite(loss)):
        raise NotFiniteError(f"the loss is {float(loss.detach())}")
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    add_l2(parameters, config["regularization"]["l2"])
    norm = torch.nn.utils.clip_grad_norm_(parameters, config["grad_clip_norm"])
    if not bool(torch.isfinite(norm)):
        raise NotFiniteError(f"the length of the gradient is {float(norm)}")
    set_learning_rate(optimizer, rate)
    optimizer.step()


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate


def learning_rate_at(
    config: Mapping[str, Any], updates: int, updates_per_epoch: int, warm_up_share: float = 0.0
) -> float:
    """The rate of the next update.

    Args:
        updates: done so far.
        warm_up_share: of all updates of the run, in which the rate rises evenly from near 0; the
            schedule goes on beneath it.
    """
    rate = config["learning_rate"] * schedule_factor(
        config["scheduler"], updates // updates_per_epoch, config["epochs"]
    )
    rising = warm_up_share * config["epochs"] * updates_per_epoch
    return rate * min(1.0, (updates + 1) / rising) if rising > 0 else rate


def schedule_factor(scheduler: str | None, epochs_done: int, epochs: int) -> float:
    """What the learning rate is multiplied by in the epoch after `epochs_done`.

    Source of cosine: Loshchilov and Hutter, https://arxiv.org/abs/1608.03983, without restarts.
    """
    match scheduler:
        case None:
            return 1.0
        case "cosine":
            return 0.5 * (1.0 + math.cos(math.pi * min(epochs_done / epochs, 1.0)))
        case "step":
            return STEP_FACTOR ** (epochs_done // STEP_EPOCHS)
        case "exponential":
            return EXPONENTIAL_FACTOR**epochs_done
        case other:
            raise ValueError(f"the config allows scheduler {other}, which nobody built")
