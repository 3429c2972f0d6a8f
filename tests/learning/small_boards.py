"""Small sets of examples, configurations and networks of a board."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch

from hamlet.envs.connect_four.position import Position
from hamlet.learning.supervised import SupervisedFit
from hamlet.learning.supervised_epoch import FitEpoch
from hamlet.learning.supervised_examples import Examples
from tests.brains.boards import board_network

CONFIG: dict[str, Any] = {
    "batch_size": 8,
    "learning_rate": 0.01,
    "epochs": 3,
    "validation_split": 0.2,
    "early_stopping_patience": 10,
    "optimizer": "adam",
    "scheduler": None,
    "regularization": {"l2": 0.0, "dropout": None, "weight_decay": 0.01},
    "advanced_config": {},
    "grad_clip_norm": 1.0,
    "precision": "fp32",
    "augment": {"flip": True},
    "devices": 1,
}


def config(**changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(CONFIG), **changes}


def random_games(rows: int, seed: int = 0) -> list[Position]:
    """Positions of random games, all of them with a move to make."""
    generator, found = np.random.default_rng(seed), []
    while len(found) < rows:
        position = Position()
        for _ in range(int(generator.integers(30))):
            following = position.play(int(generator.choice(position.legal_columns())))
            if following.ended:
                break
            position = following
        found.append(position)
    return found


def arrays(rows: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Examples: the leftmost column that is not full is the best, and the more stones lie, the
    better for the side to move."""
    games = random_games(rows, seed)
    policy = np.zeros((rows, 7), np.float32)
    for row, position in enumerate(games):
        policy[row, position.legal_columns()[0]] = 1.0
    return {
        "own": np.array([position.own for position in games]),
        "occupied": np.array([position.occupied for position in games]),
        "policy": policy,
        "value": np.array([position.ply / 21 - 1 for position in games], np.float32),
        "weight": np.ones(rows, np.float32),
    }


def examples(rows: int, seed: int = 0) -> Examples:
    return Examples.from_arrays(arrays(rows, seed))


def fit(family: str = "alphazero", rows: int = 20, **changes: Any) -> SupervisedFit:
    """Args: changes: of the config; `validation` is how many positions validate, `seed` the
    fit's, and what is no field of the config goes to SupervisedFit."""
    seed, validation = changes.pop("seed", 1), changes.pop("validation", 10)
    own = {key: changes.pop(key) for key in list(changes) if key not in CONFIG}
    return SupervisedFit(
        board_network(family),
        examples(rows),
        examples(validation, seed=99) if validation else None,
        config(**changes),
        seed=seed,
        **own,
    )


def run_through(fit: SupervisedFit) -> list[FitEpoch]:
    reports = []
    while not fit.finished:
        report = fit.advance_batch()
        if report is not None:
            reports.append(report)
    return reports


def weights_of(fit: SupervisedFit) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in fit.network.state_dict().items()}


def equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)
