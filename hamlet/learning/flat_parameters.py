"""All weights of a network in one piece of memory, and all their gradients in another.

An optimiser then makes one step over one tensor instead of one over each of a dozen, the norm of
the gradient is one number of one tensor, and copying a network is one copy. The weights
themselves become views, so nothing changes for the network. Elementwise optimisers (all that
`hamlet.brains` builds) give the same steps as before.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class FlatParameters:
    """Attributes:
    values: [P] all weights in the network's order; give it to the optimiser.
    gradient: [P] their gradient, also `values.grad`. Backward passes add to it.
    """

    def __init__(self, network: nn.Module) -> None:
        parameters = list(network.parameters())
        device = parameters[0].device
        total = sum(parameter.numel() for parameter in parameters)
        self.values = nn.Parameter(torch.empty(total, device=device))
        self.gradient = torch.zeros(total, device=device)
        self.values.grad = self.gradient
        begin = 0
        for parameter in parameters:
            stretch = slice(begin, begin + parameter.numel())
            value = laid_out_like(parameter, self.values.detach()[stretch])
            value.copy_(parameter.detach())
            parameter.data = value
            if parameter.requires_grad:
                parameter.grad = laid_out_like(parameter, self.gradient[stretch])
            begin = stretch.stop

    def clear_gradient(self) -> None:
        self.gradient.zero_()

    def clip_gradient(self, longest: float) -> None:
        """Shorten the gradient to the norm `longest` where it is longer."""
        norm = torch.linalg.vector_norm(self.gradient)
        self.gradient.mul_((longest / (norm + 1e-6)).clamp_max(1.0))

    def copy_from(self, other: FlatParameters) -> None:
        with torch.no_grad():
            self.values.copy_(other.values)


def laid_out_like(parameter: Tensor, stretch: Tensor) -> Tensor:
    """A view of [n] numbers in the shape and memory order of a dense parameter."""
    if parameter.is_contiguous():
        return stretch.view(parameter.shape)
    # The other order in use: a matrix that lies in memory column by column.
    return stretch.view(parameter.shape[::-1]).t()
