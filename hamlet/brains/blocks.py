"""The pieces that every family of networks is put together from.

Shapes: B batch, T time, F features, H hidden size, L recurrent layers.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from hamlet.schema import Choice, Integer, ListOf, Number

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "swish": nn.SiLU,
    "tanh": nn.Tanh,
    "elu": nn.ELU,
}
WIDEST_LAYER = 4096
MOST_LAYERS = 8

Hidden = tuple[Tensor, Tensor]


def dense_numbers(sizes: Sequence[int]) -> int:
    """Numbers per observation that `dense_stack` keeps until gradients have passed: the output of
    each Linear, LayerNorm and activation."""
    return 3 * sum(sizes)


def layer_sizes(default: Sequence[int]) -> ListOf:
    """Reader of the widths of a stack of layers, first to last."""
    width = Integer(1, WIDEST_LAYER)
    return ListOf(width, shortest=1, longest=MOST_LAYERS, default=list(default))


def activation_choice() -> Choice:
    return Choice(*ACTIVATIONS, default="relu")


def dropout_rate() -> Number:
    return Number(0.0, 1.0, 0.0, below=True)


class Dropout(nn.Module):
    """Dropout whose mask comes from a generator that can be saved, unlike `nn.Dropout`.

    The mask is drawn on the CPU, so that one seed gives one mask on every device. The brain
    that owns the layer sets `generator` when it is compiled.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate
        self.generator: torch.Generator | None = None

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.rate == 0.0:
            return x
        keep = torch.empty(x.shape).bernoulli_(1.0 - self.rate, generator=self.generator)
        return x * keep.to(x.device) / (1.0 - self.rate)

    def extra_repr(self) -> str:
        return f"rate={self.rate}"


def dense_stack(
    inputs: int,
    sizes: Sequence[int],
    activation: str,
    *,
    layer_norm: bool = False,
    dropout: float = 0.0,
) -> nn.Sequential:
    """[Linear, LayerNorm?, activation, Dropout?] for each size: [..., inputs] to [..., last]."""
    layers: list[nn.Module] = []
    for size in sizes:
        layers.append(nn.Linear(inputs, size))
        if layer_norm:
            layers.append(nn.LayerNorm(size))
        layers.append(ACTIVATIONS[activation]())
        if dropout > 0:
            layers.append(Dropout(dropout))
        inputs = size
    return nn.Sequential(*layers)


class LstmStack(nn.Module):
    """LSTM layers with dropout between them; keeps no state of its own.

    `nn.LSTM` with several layers would draw its dropout from the global generator, so each
    layer is one `nn.LSTM` and the dropout is ours.
    """

    def __init__(self, inputs: int, hidden_size: int, num_layers: int, dropout: float) -> None:
        super().__init__()
        widths = [inputs] + [hidden_size] * (num_layers - 1)
        self.layers = nn.ModuleList(nn.LSTM(width, hidden_size) for width in widths)
        self.between = Dropout(dropout)

    def forward(self, x: Tensor, hidden: Hidden) -> tuple[Tensor, Hidden]:
        """Args: x [T, B, F]; hidden (h, c), each [L, B, H].

        Returns: (outputs of the last layer [T, B, H], hidden after the last time step).
        """
        h, c = hidden
        last_h, last_c = [], []
        for index, layer in enumerate(self.layers):
            x = self.between(x) if index else x
            x, (layer_h, layer_c) = layer(x, (h[index : index + 1], c[index : index + 1]))
            last_h.append(layer_h)
            last_c.append(layer_c)
        return x, (torch.cat(last_h), torch.cat(last_c))
