"""Small networks of a board, and positions to ask them about."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from hamlet.brains import FAMILIES, BoardBrain, BrainSpec, compile_brain
from hamlet.envs.connect_four.layout import LAYOUT
from hamlet.sample_positions import random_positions
from tests.brains.specs import with_changes

BOARD_FAMILIES = tuple(
    name for name, row in FAMILIES.items() if issubclass(row.network, BoardBrain)
)
RESIDUAL = {"blocks": 1, "channels": 8, "head_channels": 4, "head_hidden": 16}
TRANSFORMER = {"layers": 1, "width": 8, "heads": 2, "feedforward": 12, "head_hidden": 16}
BLOCKS: dict[str, dict[str, Any]] = {
    "alphazero": RESIDUAL,
    "muzero": RESIDUAL,
    "transformer": TRANSFORMER,
    "ppo": RESIDUAL,
    "dqn": RESIDUAL,
    "ensemble": {
        "members": [
            {"architecture": {"type": "alphazero", "alphazero": RESIDUAL}},
            {"architecture": {"type": "transformer", "transformer": TRANSFORMER}},
        ]
    },
}


def board_spec(family: str, **changes: Any) -> BrainSpec:
    """A small one; changes are fields of its block, with __ for dots."""
    data = {"architecture": {"type": family, family: BLOCKS[family]}}
    paths = {f"architecture.{family}.{key.replace('__', '.')}": changes[key] for key in changes}
    return BrainSpec.from_data(with_changes(data, paths))


def board_network(family: str, seed: int = 1, **changes: Any) -> BoardBrain:
    generator = torch.Generator().manual_seed(seed)
    return compile_brain(board_spec(family, **changes), LAYOUT, generator=generator)


def unsettled(network: BoardBrain, seed: int = 7) -> BoardBrain:
    """With running means and variances as after some training, so that norms do something."""
    generator = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0.0, 0.1, generator=generator)
            module.running_var.uniform_(0.5, 2.0, generator=generator)
            module.num_batches_tracked.fill_(12)
    return network


def positions(rows: int, seed: int = 3) -> Tensor:
    return random_positions(rows, torch.Generator().manual_seed(seed))["input"]


def board_of(*filled: int, first: bool = True) -> Tensor:
    """[1, 3, 6, 7]: these columns are full, of either side in turn; the rest is empty."""
    planes = torch.zeros(1, 3, 6, 7)
    for column in filled:
        planes[0, 0, ::2, column] = 1.0
        planes[0, 1, 1::2, column] = 1.0
    planes[0, 2] = float(first)
    return planes
