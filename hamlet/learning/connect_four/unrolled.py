"""What MuZero's model should say while it is unrolled along a game, and beyond its end.

Shapes: B batch, K unrolled steps, A = 7 columns.
Source: Schrittwieser et al. 2020, https://doi.org/10.1038/s41586-020-03051-4, appendix F and its
pseudocode: absorbing states after the end have value 0, a uniform policy and no reward.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor

from hamlet.envs.connect_four.bits import CELLS, COLUMNS
from hamlet.envs.connect_four.planes import mirrored_columns, planes_of
from hamlet.learning.connect_four.game_store import GameStore


@dataclass(frozen=True)
class Unrolled:
    """K + 1 positions in a row from each of B games.

    Attributes:
        planes: [B, 3, 6, 7], the first position.
        moves: [B, K] int64; drawn at random after the end of the game.
        policy: [B, K + 1, A], uniform after the end; all 0 where no search recommends anything.
        value: [B, K + 1], seen by the side to move there; 0 after the end.
        reward: [B, K] of each move, seen by the side that makes it: 1 if it makes four, else 0.
        known: [B, K + 1] bool, whether policy and value are to be learned: not after a side
            resigned, since nobody knows how that game goes on.
        moved: [B, K] bool, whether the reward is to be learned.
    """

    planes: Tensor
    moves: Tensor
    policy: Tensor
    value: Tensor
    reward: Tensor
    known: Tensor
    moved: Tensor

    @property
    def steps(self) -> int:
        return self.moves.shape[1]

    def to(self, device: torch.device) -> Unrolled:
        return Unrolled(**{each.name: getattr(self, each.name).to(device) for each in fields(self)})

    def tensors(self) -> dict[str, Tensor]:
        return {each.name: getattr(self, each.name) for each in fields(self)}

    def mirrored(self, flipped: Tensor) -> Unrolled:
        """Args: flipped: [B] bool, games to be seen from behind the board."""
        over = flipped[:, None]
        return Unrolled(
            planes=torch.where(over[:, :, None, None], mirrored_columns(self.planes), self.planes),
            moves=torch.where(over, COLUMNS - 1 - self.moves, self.moves),
            policy=torch.where(over[:, :, None], mirrored_columns(self.policy), self.policy),
            value=self.value,
            reward=self.reward,
            known=self.known,
            moved=self.moved,
        )


def unroll_targets(
    store: GameStore,
    games: Tensor,
    plies: Tensor,
    steps: int,
    generator: torch.Generator,
    *,
    value_target: str = "outcome",
) -> Unrolled:
    """Look K steps ahead from positions of stored games.

    Args:
        games, plies: [B] int64. steps: K.
        generator: draws the moves after the end.
        value_target: as in `hamlet.learning.connect_four.targets.value_targets`.
    """
    columns = store.columns
    length = columns["plies"][games][:, None]
    ply = plies[:, None] + torch.arange(steps + 1)
    inside = ply < length
    place = ply.clamp(max=CELLS - 1)
    rows = games[:, None].expand_as(place)
    policy = columns["policy"][rows, place].float()
    policy = policy / policy.sum(dim=2, keepdim=True).clamp_min(0.5)
    policy = torch.where(inside[:, :, None], policy, torch.tensor(1.0 / COLUMNS))
    found, outcome = columns["value"][rows, place].float(), columns["outcome"][rows, place].float()
    value = chosen_value(value_target, found, outcome)
    after_end = torch.randint(COLUMNS, (len(games), steps), generator=generator)
    moves = torch.where(inside[:, :-1], columns["moves"][rows, place][:, :-1].long(), after_end)
    played_out = columns["played_out"][games][:, None]
    last = (ply == length - 1) & columns["won"][games][:, None]
    known = inside | played_out
    return Unrolled(
        planes=planes_of(columns["own"][games, plies], columns["occupied"][games, plies]),
        moves=moves,
        policy=policy,
        value=torch.where(inside, value, 0.0),
        reward=last[:, :-1].float(),
        known=known,
        moved=known[:, :-1],
    )


def chosen_value(kind: str, found: Tensor, outcome: Tensor) -> Tensor:
    """The target of the value, elementwise; all as seen by the side to move."""
    match kind:
        case "outcome" | "discounted":  # the store has it discounted already
            return outcome
        case "search":
            return found
        case "mixed":
            return (outcome + found) / 2
        case other:
            raise ValueError(f"the config allows value_target {other}, which nobody built")
