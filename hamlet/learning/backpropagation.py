"""Backpropagation of dense networks written out, without building a graph each time.

For networks of this size half the time of a backward pass goes into recording operations and
walking the record. Here a network is a chain of layers that each know their own derivative; the
numbers are the same bit for bit.

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
from hamlet.learning.sparse_input import SparseGridLinear, SparseRows

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
    """Reads observations, which have no slope of interest."""

    def backward(self, slope: Tensor) -> Tensor:
        self.learn(slope)
        return slope


class FirstSparse(First):
    """Reads observations with a grid that is mostly zeros; see `SparseGridLinear`."""

    def __init__(self, linear: SparseGridLinear) -> None:
        super().__init__(linear)
        self.linear = linear

    def forward(self, x: Tensor) -> Tensor:
        self.x = x
        self.rows = self.linear.find(x)
        return self.linear.product(x, self.rows)

    def learn(self, slope: Tensor) -> None:
        add_gradient(self.linear, self.x, self.rows, slope)
        torch.sum(slope, dim=0, out=self.bias.grad)


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
    """Dropout: what the mask let through is found again from where the output is zero."""

    def __init__(self, dropout: Dropout) -> None:
        self.dropout = dropout

    def forward(self, x: Tensor) -> Tensor:
        self.factor = self.dropout(torch.ones_like(x))
        return x * self.factor

    def backward(self, slope: Tensor) -> Tensor:
        return slope * self.factor
