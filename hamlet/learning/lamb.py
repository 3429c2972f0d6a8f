"""LAMB: Adam whose step of each layer is as long as a share of the layer's own weights.

Source: You et al. 2020, https://arxiv.org/abs/1904.00962, algorithm 2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor


class Lamb(torch.optim.Optimizer):
    """For large batches: layers of small weights take small steps. Each parameter is one layer."""

    def __init__(
        self,
        parameters: Iterable[torch.nn.Parameter],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-6,
        weight_decay: float = 0.01,
    ) -> None:
        """Args: weight_decay: lambda, added to the step and not to the gradient."""
        settings = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        super().__init__(parameters, settings)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._move(parameter, group)
        return loss

    def _move(self, parameter: Tensor, group: dict) -> None:
        state = self.state[parameter]
        if not state:
            state["step"] = torch.zeros(())
            state["exp_avg"] = torch.zeros_like(parameter)
            state["exp_avg_sq"] = torch.zeros_like(parameter)
        state["step"] += 1
        steps, (first, second) = int(state["step"]), group["betas"]
        mean, square = state["exp_avg"], state["exp_avg_sq"]
        mean.lerp_(parameter.grad, 1 - first)
        square.mul_(second).addcmul_(parameter.grad, parameter.grad, value=1 - second)
        direction = (mean / (1 - first**steps)) / (
            (square / (1 - second**steps)).sqrt() + group["eps"]
        )
        direction.add_(parameter, alpha=group["weight_decay"])
        parameter.sub_(group["lr"] * trust_ratio(parameter, direction) * direction)


def trust_ratio(weights: Tensor, direction: Tensor) -> Tensor:
    """Length of the weights over that of the step, a scalar; 1 where either is 0."""
    long, step = weights.norm(), direction.norm()
    return torch.where((long > 0) & (step > 0), long / step, torch.ones_like(long))
