"""BatchNorm that stands still while a policy is improved.

In training mode the answer about one position depends on which others are in its batch, so the
policy that is improved would not be the one that has played. Instead the statistics stand still
during a round of updates and are measured afresh, exactly, from the positions of that round.

Source: Wu and Johnson, https://arxiv.org/abs/2105.07576, section 3.2 ("precise" statistics).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from hamlet.brains.blocks import Dropout


@contextmanager
def learning_with_still_norms(network: nn.Module) -> Iterator[None]:
    """Dropout is on, where there is any; BatchNorm uses the statistics it has."""
    drops = [module for module in network.modules() if isinstance(module, Dropout)]
    for module in drops:
        module.train()
    try:
        yield
    finally:
        for module in drops:
            module.eval()


@torch.no_grad()
def measure_norms(network: nn.Module, batches: Iterable[Tensor]) -> None:
    """Set the statistics of every BatchNorm to the mean over batches of planes [B, 3, 6, 7].

    The network is left in evaluation mode.
    """
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    network.eval()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the plain mean of all batches
        norm.train()
    for planes in batches:
        network(planes)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
        norm.eval()
