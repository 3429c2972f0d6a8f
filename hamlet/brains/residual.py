"""Residual convolutions over a board, and the heads that read them.

Shapes: B batch, C channels, R rows, A columns.
Sources: He et al., https://arxiv.org/abs/1512.03385 (residual blocks); Hu et al.,
https://arxiv.org/abs/1709.01507 (squeeze and excitation); Silver et al. 2017,
https://doi.org/10.1038/nature24270 (both heads on one trunk).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from hamlet.brains.blocks import Dropout, dropout_rate
from hamlet.schema import Integer, Reader

SQUEEZE_RATIO = 16
MOST_BLOCKS, MOST_CHANNELS = 40, 512
BLOCK_NUMBERS = 9  # feature maps that one block keeps until gradients have passed


def residual_fields(blocks: int, channels: int) -> dict[str, Reader]:
    """Fields of a family whose trunk is residual, with its defaults."""
    return {
        "blocks": Integer(1, MOST_BLOCKS, blocks),
        "channels": Integer(1, MOST_CHANNELS, channels),
        "head_channels": Integer(1, MOST_CHANNELS, 32),
        "head_hidden": Integer(1, 4096, 128),
        "dropout": dropout_rate(),
    }


def trunk_numbers(block: dict[str, Any], cells: int) -> int:
    """Numbers per observation that a trunk keeps until gradients have passed."""
    return (3 + BLOCK_NUMBERS * block["blocks"]) * block["channels"] * cells


def head_numbers(block: dict[str, Any], cells: int) -> int:
    """The same of one head."""
    return 3 * block["head_channels"] * cells + 4 * block["head_hidden"]


class SqueezeExcite(nn.Module):
    """Weigh each channel by what all channels show on the whole board."""

    keeps_shape = True

    def __init__(self, channels: int) -> None:
        super().__init__()
        squeezed = max(1, channels // SQUEEZE_RATIO)
        self.squeeze = nn.Linear(channels, squeezed)
        self.excite = nn.Linear(squeezed, channels)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, R, A] to the same shape."""
        weights = torch.relu(self.squeeze(x.mean(dim=(2, 3))))
        return x * torch.sigmoid(self.excite(weights))[:, :, None, None]


class ResidualBlock(nn.Module):
    """conv-BN-ReLU-conv-BN, the channels weighed if asked for, the input added, ReLU."""

    def __init__(self, channels: int, *, squeeze: bool) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.BatchNorm2d(channels),
        )
        self.weigh = SqueezeExcite(channels) if squeeze else None
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        y = self.body(x)
        if self.weigh is not None:
            y = self.weigh(y)
        return self.relu(x + y)


def conv_norm(inputs: int, channels: int, kernel: int = 3) -> list[nn.Module]:
    """[conv, BN, ReLU] that keeps the size of the board."""
    conv = nn.Conv2d(inputs, channels, kernel, padding=kernel // 2)
    return [conv, nn.BatchNorm2d(channels), nn.ReLU()]


class ResidualTrunk(nn.Sequential):
    """conv-BN-ReLU, then residual blocks: [B, inputs, R, A] to [B, C, R, A]."""

    def __init__(
        self, inputs: tuple[int, int, int], channels: int, blocks: int, *, squeeze: bool
    ) -> None:
        """Args: inputs: (planes, rows, columns) of what comes in."""
        super().__init__(
            *conv_norm(inputs[0], channels),
            *(ResidualBlock(channels, squeeze=squeeze) for _ in range(blocks)),
        )
        self.planes = inputs


class BoardHead(nn.Sequential):
    """1x1 conv, BN, ReLU, Linear, ReLU, Linear: [B, C, R, A] to [B, outputs]."""

    def __init__(
        self, inputs: tuple[int, int, int], block: dict[str, Any], outputs: int, *, tanh: bool
    ) -> None:
        """Args: inputs: (channels, rows, columns). tanh: whether the answer lies in [-1, 1]."""
        width, hidden = block["head_channels"], block["head_hidden"]
        layers = [
            *conv_norm(inputs[0], width, kernel=1),
            nn.Flatten(),
            nn.Linear(width * inputs[1] * inputs[2], hidden),
            nn.ReLU(),
        ]
        if block["dropout"] > 0:
            layers.append(Dropout(block["dropout"]))
        layers.append(nn.Linear(hidden, outputs))
        if tanh:
            layers.append(nn.Tanh())
        super().__init__(*layers)
        self.planes = inputs
