"""Small games and runs that several tests use."""

from __future__ import annotations

from typing import Any

import torch

from hamlet.brains import BrainSpec, compile_brain
from hamlet.envs.connect_four.layout import LAYOUT
from hamlet.envs.connect_four.position import Position
from hamlet.learning.connect_four.config import read_config
from hamlet.learning.connect_four.game_store import PlayedGame
from hamlet.learning.connect_four.system import build_runspec
from hamlet.learning.connect_four.targets import outcomes
from hamlet.learning.randomness import generator_for
from hamlet.runspec import RunSpec

TINY = {"blocks": 1, "channels": 8, "head_channels": 4, "head_hidden": 16}
RED_WINS = (0, 1, 0, 1, 0, 1, 0)  # four in the first column at the seventh ply
YELLOW_WINS = (3, 2, 3, 2, 3, 2, 0, 2)


def tiny_network(model_type: str, seed: int = 0, **block: Any):
    data = {"architecture": {"type": model_type, model_type: TINY | block}}
    return compile_brain(
        BrainSpec.from_data(data), LAYOUT, generator=generator_for(seed, "weights")
    )


def config_of(model_type: str, **fields: Any) -> dict[str, Any]:
    return read_config({"model_type": model_type, **fields})


def run_of(model_type: str, *, seed: int = 0, advanced: dict[str, Any], **fields: Any) -> RunSpec:
    """A run with a tiny network."""
    config = {
        "model_type": model_type,
        "rating_openings": 0,
        "advanced_config": {**TINY, **advanced},
        **fields,
    }
    return build_runspec({"system": "connect_four", "config": config, "seed": seed})


def played(moves: tuple[int, ...], *, resigned_by: int = 0) -> PlayedGame:
    """A game with all the search's weight on the moves that were made."""
    positions = [Position.after(moves[:ply]) for ply in range(len(moves))]
    last = Position.after(moves)
    winner = 3 - resigned_by if resigned_by else last.winner
    policy = torch.nn.functional.one_hot(torch.tensor(moves), 7).float()
    return PlayedGame(
        own=torch.tensor([position.own for position in positions]),
        occupied=torch.tensor([position.occupied for position in positions]),
        moves=torch.tensor(moves),
        policy=policy,
        value=torch.linspace(-0.5, 0.5, len(moves)),
        outcome=torch.from_numpy(outcomes(winner, 0, len(moves))),
        played_out=not resigned_by,
        won=bool(last.winner),
    )
