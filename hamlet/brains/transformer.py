"""Transformer encoder over the cells of a board: every cell looks at every other at once.

The norms stand before each layer and once at the end, so that it trains without a long warm-up.
Dropout acts on what attention and feed-forward part add, not inside of the attention.

Sources: Vaswani et al., https://arxiv.org/abs/1706.03762; Xiong et al.,
https://arxiv.org/abs/2002.04745 (norm first). It has no section that says how it learns: that
stands in the run's configuration.
Shapes: B batch, P planes, R rows, A columns, N = R * A tokens, W width, H heads.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hamlet.brains.blocks import Dropout
from hamlet.brains.board import BoardBrain, cells_of, check_board
from hamlet.errors import Problem
from hamlet.layout import ObservationLayout
from hamlet.schema import Flag, Integer, Number

if TYPE_CHECKING:
    from hamlet.brains.spec import BrainSpec

FIELDS = {
    "layers": Integer(1, 48, 4),
    "width": Integer(1, 2048, 96),
    "heads": Integer(1, 64, 4),
    "feedforward": Integer(1, 8192, 384),
    "head_hidden": Integer(1, 4096, 256),
    "dropout": Number(0.0, 1.0, 0.1, below=True),
    # Without positions it cannot tell one cell from another: only for showing that.
    "positions": Flag(True),
}


def check_layout(block: dict[str, Any], layout: ObservationLayout) -> Iterator[Problem]:
    yield from check_board(block, layout)
    if block["width"] % block["heads"]:
        message = f"found {block['heads']}; expected a divisor of width {block['width']}"
        yield Problem("heads", message)


def activations(block: dict[str, Any], layout: ObservationLayout) -> dict[str, int]:
    """Numbers that one observation leaves in memory on its way through, by field."""
    tokens = cells_of(layout)
    return {
        "width": 11 * block["layers"] * tokens * block["width"],
        "heads": 2 * block["layers"] * tokens**2 * block["heads"],
        "feedforward": 2 * block["layers"] * tokens * block["feedforward"],
        "head_hidden": 6 * block["head_hidden"],
    }


class Positions(nn.Module):
    """A learned vector for each cell, added to its token."""

    keeps_shape = True

    def __init__(self, tokens: int, width: int) -> None:
        super().__init__()
        self.planes = (tokens, width)
        self.weight = nn.Parameter(torch.empty(tokens, width))

    def draw(self, generator: torch.Generator) -> None:
        self.weight.normal_(0.0, 0.02, generator=generator)

    def forward(self, tokens: Tensor) -> Tensor:
        return tokens + self.weight


class Attention(nn.Module):
    """Self-attention with several heads: [B, N, W] to [B, N, W]."""

    keeps_shape = True

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.merge = (nn.Linear(width, width) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        split = [
            layer(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for layer in (self.query, self.key, self.value)
        ]
        mixed = F.scaled_dot_product_attention(*split)
        return self.merge(mixed.transpose(1, 2).flatten(2))


class EncoderLayer(nn.Module):
    """Norm, attention, added; norm, feed-forward with GELU, added."""

    def __init__(self, block: dict[str, Any]) -> None:
        super().__init__()
        width = block["width"]
        self.attention_norm = nn.LayerNorm(width)
        self.attention = Attention(width, block["heads"])
        self.attention_dropout = Dropout(block["dropout"])
        self.forward_norm = nn.LayerNorm(width)
        self.feedforward = nn.Sequential(
            nn.Linear(width, block["feedforward"]),
            nn.GELU(),
            nn.Linear(block["feedforward"], width),
        )
        self.forward_dropout = Dropout(block["dropout"])

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention_dropout(self.attention(self.attention_norm(x)))
        return x + self.forward_dropout(self.feedforward(self.forward_norm(x)))


class TransformerBrain(BoardBrain):
    """Cells -> tokens -> encoder -> mean over the cells -> policy, value and, in training alone,
    the opponent's reply."""

    def __init__(self, spec: BrainSpec, layout: ObservationLayout) -> None:
        super().__init__(spec, layout)
        block = spec.block
        planes, rows, columns = self.board_shape
        width, tokens = block["width"], rows * columns
        self.embed = nn.Linear(planes, width)
        self.embed.planes = (tokens, planes)
        self.positions = Positions(tokens, width) if block["positions"] else None
        self.encoder = nn.Sequential(*(EncoderLayer(block) for _ in range(block["layers"])))
        self.encoder.planes = (tokens, width)
        self.norm = nn.LayerNorm(width)
        self.norm.planes = (tokens, width)
        self.policy_head = self._head(block, columns)
        self.value_head = self._head(block, 1).append(nn.Tanh())
        self.reply_head = nn.Linear(width, columns)

    @staticmethod
    def _head(block: dict[str, Any], outputs: int) -> nn.Sequential:
        return nn.Sequential(
            nn.Linear(block["width"], block["head_hidden"]),
            nn.ReLU(),
            Dropout(block["dropout"]),
            nn.Linear(block["head_hidden"], outputs),
        )

    def forward(self, planes: Tensor) -> tuple[Tensor, Tensor]:
        seen = self._pooled(planes)
        return self.policy_head(seen), self.value_head(seen)

    def forward_with_reply(self, planes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """`forward`, and logits [B, A] of the column the opponent will answer with. The head that
        gives them teaches the encoder; no export holds it."""
        seen = self._pooled(planes)
        return self.policy_head(seen), self.value_head(seen), self.reply_head(seen)

    def _pooled(self, planes: Tensor) -> Tensor:
        self.check_planes(planes)
        tokens = self.embed(planes.flatten(2).transpose(1, 2))
        if self.positions is not None:
            tokens = self.positions(tokens)
        return self.norm(self.encoder(tokens)).mean(dim=1)
