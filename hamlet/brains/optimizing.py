"""Optimiser, learning-rate schedule and loss, as a brain spec asks for them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.optim.lr_scheduler import LambdaLR

from hamlet.brains.spec import BrainSpec

Loss = Callable[[Tensor, Tensor], Tensor]


def make_optimizer(
    spec: BrainSpec, parameters: Iterable[torch.nn.Parameter]
) -> torch.optim.Optimizer:
    """The optimiser of `optimizer.*`, at the learning rate before any schedule."""
    fields = spec.data["optimizer"]
    common = {"lr": fields["learning_rate"], "weight_decay": fields["weight_decay"]}
    match fields["type"]:
        case "adam" | "adamw" as name:
            kind = torch.optim.Adam if name == "adam" else torch.optim.AdamW
            betas = (fields["adam_beta1"], fields["adam_beta2"])
            # Fused: the same steps in one kernel instead of a dozen.
            return kind(parameters, betas=betas, eps=fields["adam_eps"], fused=True, **common)
        case "sgd":
            momentum, nesterov = fields["sgd_momentum"], fields["sgd_nesterov"]
            return torch.optim.SGD(parameters, momentum=momentum, nesterov=nesterov, **common)
        case "rmsprop":
            alpha, eps = fields["rmsprop_alpha"], fields["rmsprop_eps"]
            return torch.optim.RMSprop(parameters, alpha=alpha, eps=eps, **common)
        case other:
            raise ValueError(f"the spec allows optimizer.type {other}, which nobody built")


def make_scheduler(spec: BrainSpec, optimizer: torch.optim.Optimizer) -> LambdaLR:
    """The schedule of `optimizer.schedule.*`; call its `step()` once after each update."""
    fields = spec.data["optimizer"]

    # A plain function: LambdaLR would put the fields of any other callable into its state.
    def factor(updates: int) -> float:
        return learning_rate_factor(fields["schedule"], fields["learning_rate"], updates)

    return LambdaLR(optimizer, factor)


def learning_rate_factor(schedule: dict[str, Any], learning_rate: float, updates: int) -> float:
    """What the learning rate is multiplied by after `updates` updates.

    The cosine stays at its end once `t_max` is reached, where PyTorch's own would rise again.
    """
    match schedule["type"]:
        case "constant":
            return 1.0
        case "step_decay":
            return schedule["gamma"] ** (updates // schedule["step_size"])
        case "exponential":
            return schedule["gamma"] ** updates
        case "cosine":
            lowest = schedule["eta_min"] / learning_rate
            done = min(updates / schedule["t_max"], 1.0)
            return lowest + (1.0 - lowest) * 0.5 * (1.0 + math.cos(math.pi * done))
        case other:
            raise ValueError(f"the spec allows schedule.type {other}, which nobody built")


def make_loss(spec: BrainSpec) -> Loss:
    """The loss of `loss.*`: (prediction, target) of one shape to the loss of each element.

    Nothing is averaged, so that importance weights and padding masks can be applied.
    """
    fields = spec.data["loss"]
    match fields["type"]:
        case "mse":
            return partial(F.mse_loss, reduction="none")
        case "huber":
            return partial(F.huber_loss, reduction="none", delta=fields["huber_delta"])
        case "smooth_l1":
            return partial(F.smooth_l1_loss, reduction="none", beta=fields["huber_delta"])
        case other:
            raise ValueError(f"the spec allows loss.type {other}, which nobody built")
