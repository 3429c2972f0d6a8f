"""Legal positions of Connect Four to try a model with: noise is no board.

The rules come from `hamlet.envs`, which is imported when positions are asked for and not before.
Shapes: B positions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from hamlet.brains.board import INPUT
from hamlet.signature import BATCH, Signature, TensorSpec

if TYPE_CHECKING:
    from hamlet.envs.connect_four.position import Position

ADAPTER = "connect_four"
BOARD_INPUT = TensorSpec(INPUT, "float32", (BATCH, 3, 6, 7))
# Games as the columns played, 1 to 7.
SPECIAL_GAMES = {
    "empty": "",
    "nearly full": "6216127611644462552655124243543357177737",  # two cells of one column are left
    "forced": "41414",  # three on top of each other: the fourth must be stopped
}


def takes_positions(signature: Signature) -> bool:
    """Whether a model is asked about boards of Connect Four."""
    return signature.adapter == ADAPTER and signature.inputs == (BOARD_INPUT,)


def random_positions(rows: int, generator: torch.Generator) -> dict[str, Tensor]:
    """Positions of random games, cut off at a random ply before their end."""
    return {INPUT: _planes([_random_position(generator) for _ in range(rows)])}


def special_positions() -> dict[str, dict[str, Tensor]]:
    """One position each, by name."""
    from hamlet.envs.connect_four.position import Position

    return {
        name: {INPUT: _planes([Position.after(int(digit) - 1 for digit in moves)])}
        for name, moves in SPECIAL_GAMES.items()
    }


def _random_position(generator: torch.Generator) -> Position:
    from hamlet.envs.connect_four.position import CELLS, Position

    plies = int(torch.randint(CELLS, (), generator=generator))
    position = Position()
    for number in torch.randint(2**31, (plies,), generator=generator).tolist():
        columns = position.legal_columns()
        following = position.play(columns[number % len(columns)])
        if following.ended:
            break
        position = following
    return position


def _planes(positions: list[Position]) -> Tensor:
    """[B, 3, 6, 7] float32: stones of the mover, of the other, 1 where the mover is first."""
    boards = torch.tensor([position.board() for position in positions])
    players = torch.tensor([position.player for position in positions]).view(-1, 1, 1)
    first = (players == 1).expand_as(boards)
    mine, theirs = boards == players, boards == 3 - players
    return torch.stack([mine, theirs, first], dim=1).float()
