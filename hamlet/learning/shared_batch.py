"""One update's batch, learned from by several processes at once: what each of them calculates.

Each process takes a part of the batch. Together they get the loss and the gradient that one
process gets from the whole batch, but for the order in which numbers are added.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from hamlet.brains import BoardBrain
from hamlet.learning.supervised_examples import Batch, Examples
from hamlet.learning.supervised_losses import Objective
from hamlet.learning.synced_norms import synced_norms


def part_of(examples: Examples, flipped: Tensor | None, rank: int, count: int) -> Batch:
    """The part of one of `count` processes. There must be as many examples as processes."""
    rows = torch.arange(len(examples), device=examples.own.device).tensor_split(count)[rank]
    return Batch.of(examples.take(rows), None if flipped is None else flipped[rows])


def share_weights(network: BoardBrain) -> None:
    """Let all processes have the weights and the statistics of the first one."""
    flat = flattened(tensors_of(network))
    dist.broadcast(flat, src=0)
    fill(tensors_of(network), flat)


def shared_gradients(
    network: BoardBrain, objective: Objective, batch: Batch, sums: int
) -> tuple[Tensor, list[Tensor | None], Tensor]:
    """Calculate this process's part, and add up those of all.

    Args:
        batch: the part. sums: how many numbers of each example the objective tells.
    Returns: (scalar loss of the whole batch, its gradient for each parameter, None for one that
        has no part in it, [sums] float64 of what the objective tells, times the weights).
    """
    whole = batch.weight.sum()
    dist.all_reduce(whole)
    parameters = list(network.parameters())
    with synced_norms(network):
        loss, parts = objective(network, batch)
        # The objective is a mean over weights: this is the part's share of the mean over all.
        share = loss * (batch.weight.sum() / whole)
        found = torch.autograd.grad(share, parameters, allow_unused=True)
    told = torch.stack([(part.double() * batch.weight).sum() for part in parts[:sums]])
    messages = [*(gradient for gradient in found if gradient is not None), share.detach()]
    flat = flattened(messages)
    dist.all_reduce(flat)
    dist.all_reduce(told)
    fill(messages, flat)
    return messages[-1], list(found), told


def tensors_of(network: BoardBrain) -> list[Tensor]:
    """Parameters and float buffers, in one order everywhere."""
    buffers = [buffer for buffer in network.buffers() if buffer.is_floating_point()]
    return [*(parameter.data for parameter in network.parameters()), *buffers]


def flattened(tensors: Iterable[Tensor]) -> Tensor:
    """One message in place of many."""
    return torch.cat([tensor.reshape(-1) for tensor in tensors])


def fill(tensors: list[Tensor], flat: Tensor) -> None:
    pieces = flat.split([tensor.numel() for tensor in tensors])
    for tensor, piece in zip(tensors, pieces, strict=True):
        tensor.copy_(piece.view_as(tensor))


class Given(torch.autograd.Function):
    """A loss whose gradient is known already."""

    @staticmethod
    def forward(ctx: Any, loss: Tensor, gradients: list[Tensor | None], *_: Tensor) -> Tensor:
        ctx.gradients = gradients
        return loss.clone()

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        scaled = (None if one is None else upstream * one for one in ctx.gradients)
        return None, None, *scaled
