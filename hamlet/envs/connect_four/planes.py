"""Positions as the planes that networks read; the only encoding of a board.

Plane 0 holds the stones of the mover, plane 1 those of the opponent, plane 2 is all 1 if the
mover is Red, who moved first, and all 0 otherwise. Row 0 is the top row.

Shapes: B positions.
"""

from __future__ import annotations

import functools

import numpy as np
import torch
from torch import Tensor

from hamlet.compiled import compiled
from hamlet.envs.connect_four.bits import COLUMNS, HEIGHT, ROWS, count


def planes_of(own: Tensor, occupied: Tensor, red_to_move: Tensor | None = None) -> Tensor:
    """The network input of positions, on the device they are on.

    Args:
        own, occupied: [B] int64 bitboards.
        red_to_move: [B] bool; by default Red is to move where the number of stones is even,
            which holds in every position that can arise in play.

    Returns: [B, 3, 6, 7] float32.
    """
    shifts = cell_bits(occupied.device)
    stones = (occupied.view(-1, 1, 1) >> shifts) & 1
    mine = (own.view(-1, 1, 1) >> shifts) & 1
    if red_to_move is None:
        red_to_move = stones.sum(dim=(1, 2)) % 2 == 0
    turn = red_to_move.view(-1, 1, 1).expand_as(stones)
    planes = torch.empty(len(stones), 3, ROWS, COLUMNS, device=occupied.device)
    planes[:, 0], planes[:, 1], planes[:, 2] = mine, stones - mine, turn
    return planes


@compiled
def fill_planes(own: np.ndarray, occupied: np.ndarray, out: np.ndarray) -> None:
    """Write the planes of positions own, occupied [B] int64 into out [B, 3, 6, 7] float32."""
    for index in range(len(own)):
        turn = np.float32(1 - count(occupied[index]) % 2)
        for row in range(ROWS):
            for column in range(COLUMNS):
                bit = HEIGHT * column + ROWS - 1 - row
                mine = (own[index] >> bit) & 1
                out[index, 0, row, column] = mine
                out[index, 1, row, column] = ((occupied[index] >> bit) & 1) - mine
                out[index, 2, row, column] = turn


def mirrored_columns(values: Tensor) -> Tensor:
    """Planes [..., 6, 7], policies or masks [..., 7] as seen from behind the board."""
    return values.flip(-1)


@functools.cache
def cell_bits(device: torch.device) -> Tensor:
    """[6, 7] int64: the bit of a bitboard that stands for the cell, row 0 on top."""
    rows = torch.arange(ROWS - 1, -1, -1, device=device).view(-1, 1)
    return rows + HEIGHT * torch.arange(COLUMNS, device=device).view(1, -1)
