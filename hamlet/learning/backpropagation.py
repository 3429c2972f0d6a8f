"""Backpropagation of dense networks written out, without building a graph each time.

For networks of this size half the time of a backward pass goes into recording operations and
walking the record. Here a network is a chain of layers that each know their own derivative; the
numbers are the same but for rounding.

Letters: B observations, I inputs and U outputs of a layer, A actions.
Source: Rumelhart et al. 1986, https://doi.org/10.1038/323533a0.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from hamlet.brains.blocks import Dropout
from hamlet.brains.dueling import DuelingBrain
from hamlet.brains.feedforward import FeedforwardBrain
from hamlet.learning.sparse_input import SparseGridLinear

aten = torch.ops.aten


class Layer(ABC):
    """One step of a network. `backward` follows the `forward` it belongs to."""

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor: ...

    @abstractmethod
    def backward(self, slope: Tensor) -> Tensor:
        """From the loss's slope along the output to that along the input, writing the slopes
        along the layer's own weights into their `grad`."""


class Dense(Layer):
    def __init__(self, linear: nn.Linear) -> None:
        self.weight, self.bias = linear.weight, linear.bias

    def forward(self, x: Tensor) -> Tensor:
        self.x = x
        return torch.addmm(self.bias, x, self.weight.t())

    def backward(self, slope: Tensor) -> Tensor:
        self.learn(slope)
        return slope @ self.weight

    def learn(self, slope: Tensor) -> None:
        torch.mm(slope.t(), self.x, out=self.weight.grad)
        torch.sum(slope, dim=0, out=self.bias.grad)


class First(Dense):
    """Reads observations, which have no slope of interest, and may skip the zeros of a grid."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__(linear)
        self.sparse = linear if isinstance(linear, SparseGridLinear) else None

    def forward(self, x: Tensor) -> Tensor:
        self.found = self.sparse.find(x) if self.sparse else None
        if self.found is None:
            return super().forward(x)
        self.x = x
        return self.sparse.product(x, self.found)

    def backward(self, slope: Tensor) -> Tensor:
        if self.found is None:
            self.learn(slope)
        else:
            self.sparse.write_gradient(self.x, self.found, slope)
            torch.sum(slope, dim=0, out=self.bias.grad)
        return slope


class Normalisation(Layer):
    def __init__(self, norm: nn.LayerNorm) -> None:
        self.norm = norm

    def forward(self, x: Tensor) -> Tensor:
        norm = self.norm
        self.x = x
        y, self.mean, self.scale = torch.native_layer_norm(
            x, norm.normalized_shape, norm.weight, norm.bias, norm.eps
        )
        return y

    def backward(self, slope: Tensor) -> Tensor:
        norm = self.norm
        back, weight, bias = aten.native_layer_norm_backward.default(
            slope,
            self.x,
            norm.normalized_shape,
            self.mean,
            self.scale,
            norm.weight,
            norm.bias,
            [True, True, True],
        )
        norm.weight.grad.copy_(weight)
        norm.bias.grad.copy_(bias)
        return back


class Activation(Layer):
    """ReLU, GELU, swish, tanh or ELU."""

    def __init__(self, module: nn.Module) -> None:
        self.module = module
        self.slope_at = SLOPES[type(module)]

    def forward(self, x: Tensor) -> Tensor:
        self.x = x
        self.y = self.module(x)
        return self.y

    def backward(self, slope: Tensor) -> Tensor:
        return self.slope_at(slope, self.x, self.y)


SLOPES = {
    nn.ReLU: lambda slope, x, y: aten.threshold_backward.default(slope, y, 0),
    nn.GELU: lambda slope, x, y: aten.gelu_backward.default(slope, x),
    nn.SiLU: lambda slope, x, y: aten.silu_backward.default(slope, x),
    nn.Tanh: lambda slope, x, y: aten.tanh_backward.default(slope, y),
    nn.ELU: lambda slope, x, y: aten.elu_backward.default(slope, 1.0, 1, 1, False, x),
}


class Dropping(Layer):
    """Dropout; the slope passes where the number did."""

    def __init__(self, dropout: Dropout) -> None:
        self.dropout = dropout

    def forward(self, x: Tensor) -> Tensor:
        self.factor = self.dropout(torch.ones_like(x))
        return x * self.factor

    def backward(self, slope: Tensor) -> Tensor:
        return slope * self.factor


class Chain(Layer):
    """Layers one after the other."""

    def __init__(self, modules: Sequence[nn.Module], *, reads_observations: bool = False) -> None:
        self.layers = [layer_of(module) for module in modules]
        if reads_observations:
            self.layers[0] = First(modules[0])

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def backward(self, slope: Tensor) -> Tensor:
        for layer in reversed(self.layers):
            slope = layer.backward(slope)
        return slope


class Dueling(Layer):
    """Q = V + A - mean(A), see `DuelingBrain`."""

    def __init__(self, brain: DuelingBrain) -> None:
        self.shared = Chain([*brain.shared], reads_observations=True)
        self.value, self.advantage = Chain([*brain.value]), Chain([*brain.advantage])

    def forward(self, x: Tensor) -> Tensor:
        shared = self.shared.forward(x)
        advantage = self.advantage.forward(shared)
        return self.value.forward(shared) + advantage - advantage.mean(dim=1, keepdim=True)

    def backward(self, slope: Tensor) -> Tensor:
        total = slope.sum(dim=1, keepdim=True)
        by_advantage = self.advantage.backward(slope - total / slope.shape[1])
        return self.shared.backward(self.value.backward(total) + by_advantage)


def layer_of(module: nn.Module) -> Layer:
    """Raises: TypeError for a layer whose derivative nobody wrote down."""
    for kind, layer in ((nn.Linear, Dense), (nn.LayerNorm, Normalisation), (Dropout, Dropping)):
        if isinstance(module, kind):
            return layer(module)
    if type(module) in SLOPES:
        return Activation(module)
    raise TypeError(f"found a {type(module).__name__}; write its derivative down here")


def written_out(network: nn.Module) -> Layer:
    """A feedforward or dueling brain, or a plain chain of layers, as layers that share its
    weights. Every weight must have a `grad` already, which `backward` writes over.

    Raises: TypeError for any other network.
    """
    if isinstance(network, DuelingBrain):
        return Dueling(network)
    if isinstance(network, FeedforwardBrain):
        return Chain([*network.body, network.head], reads_observations=True)
    if isinstance(network, nn.Sequential):
        return Chain([*network], reads_observations=True)
    raise TypeError(f"found a {type(network).__name__}; say here what it is made of")
