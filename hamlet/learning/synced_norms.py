"""Batch norm over the batch of all processes together, so that many of them calculate what one
would. PyTorch's own SyncBatchNorm does so on GPUs alone.

Shapes: B batch of this process, C channels, H and W of the board.

Source: Ioffe and Szegedy 2015, https://arxiv.org/abs/1502.03167, algorithm 1.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import partial
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn


class Summed(torch.autograd.Function):
    """The sum over all processes. Each one's loss is a share of the whole, so the gradient of what
    it put in is the sum of the gradients of what all got out."""

    @staticmethod
    def forward(ctx: Any, tensor: Tensor) -> Tensor:
        total = tensor.contiguous().clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        total = gradient.contiguous().clone()
        dist.all_reduce(total)
        return total


@contextlib.contextmanager
def synced_norms(network: nn.Module) -> Iterator[None]:
    """Within, every batch norm in training mode norms over the batches of all processes, all of
    which must calculate the same network at the same time."""
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.forward = partial(synced_forward, norm)
    try:
        yield
    finally:
        for norm in norms:
            del norm.forward  # that of the class is back


def synced_forward(norm: nn.BatchNorm2d, found: Tensor) -> Tensor:
    """Args: found: [B, C, H, W]. Returns: as it is, normed."""
    if not norm.training:
        return nn.BatchNorm2d.forward(norm, found)
    per_channel = found.numel() / found.shape[1]
    count = torch.tensor([per_channel], dtype=torch.float32, device=found.device)
    sums = Summed.apply(torch.cat([found.float().sum(dim=(0, 2, 3)), count]))
    count, mean = sums[-1].detach(), sums[:-1] / sums[-1].detach()
    centred = found - mean[None, :, None, None]
    # In a second pass, since a mean of squares less a squared mean loses digits.
    variance = Summed.apply(centred.float().square().sum(dim=(0, 2, 3))) / count
    keep_statistics(norm, mean.detach(), variance.detach() * count / (count - 1))
    scaled = centred * (variance + norm.eps).rsqrt()[None, :, None, None]
    shifted = scaled * norm.weight[None, :, None, None] + norm.bias[None, :, None, None]
    return shifted.to(found.dtype)


@torch.no_grad()
def keep_statistics(norm: nn.BatchNorm2d, mean: Tensor, variance: Tensor) -> None:
    """As `BatchNorm2d` does it. Args: mean, variance: [C]; the variance without bias."""
    norm.running_mean.lerp_(mean, norm.momentum)
    norm.running_var.lerp_(variance, norm.momentum)
    norm.num_batches_tracked.add_(1)
