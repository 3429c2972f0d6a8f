"""Ask a network about positions, some of which it sees in the mirror.

A board and its mirror image are equally good, so a network that is asked about either at random
learns both from the same games. Answers come back by the columns of the board itself.

Shapes: B positions.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from hamlet.brains import BoardBrain
from hamlet.brains.board_dqn import BoardDqnBrain
from hamlet.envs.connect_four.planes import mirrored_columns, planes_of


def seen_planes(own: Tensor, occupied: Tensor, flipped: Tensor) -> Tensor:
    """[B, 3, 6, 7]. Args: own, occupied [B] int64; flipped [B] bool: seen in the mirror."""
    planes = planes_of(own, occupied)
    return torch.where(flipped[:, None, None, None], mirrored_columns(planes), planes)


def by_board(answers: Tensor, flipped: Tensor) -> Tensor:
    """Args: answers [B, 7] by the columns that the network saw."""
    return torch.where(flipped[:, None], mirrored_columns(answers), answers)


def ask_policy(
    network: BoardBrain, own: Tensor, occupied: Tensor, flipped: Tensor, precision: str
) -> tuple[Tensor, Tensor]:
    """Returns: (logits [B, 7], values [B]), float32."""
    logits, value = _ask(network, own, occupied, flipped, precision)
    return by_board(logits.float(), flipped), value.float().squeeze(1)


def ask_q(
    network: BoardDqnBrain, own: Tensor, occupied: Tensor, flipped: Tensor, precision: str
) -> Tensor:
    """[B, 7] float32: what each column is worth, full ones included."""
    return by_board(_ask(network.q_values, own, occupied, flipped, precision).float(), flipped)


def _ask(
    network: Callable[[Tensor], Tensor | tuple[Tensor, Tensor]],
    own: Tensor,
    occupied: Tensor,
    flipped: Tensor,
    precision: str,
) -> Tensor | tuple[Tensor, Tensor]:
    planes = seen_planes(own, occupied, flipped)
    with torch.autocast(planes.device.type, torch.bfloat16, enabled=precision == "bf16"):
        return network(planes)


def drawn_flips(count: int, flip: bool, generator: torch.Generator, device: torch.device) -> Tensor:
    """[count] bool: one in two if `flip`, else none."""
    if not flip:
        return torch.zeros(count, dtype=torch.bool, device=device)
    return (torch.rand(count, generator=generator) < 0.5).to(device)
