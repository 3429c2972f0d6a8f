"""The curve against perfect play: how often a raw network spoils what was won or held."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from hamlet.envs.connect_four.layout import LAYOUT
from hamlet.evaluation.connect_four_sets import load_set, shipped_sets
from hamlet.learning.connect_four.strength import (
    POSITIONS,
    questions,
    raw_rating,
    raw_strength,
    strengths_together,
)
from hamlet.learning.connect_four.system import build_runspec, make_trainer
from hamlet.learning.trainer import MetricsReported
from tests.brains.boards import board_network


class Oracle(nn.Module):
    """Looks the answers up: every position with the outcome of each column as its logit."""

    device = torch.device("cpu")

    def __init__(self, sign: float = 1.0) -> None:
        super().__init__()
        self.answers = {}
        for name in shipped_sets():
            asked = questions(name)
            for planes, outcomes in zip(asked.planes, asked.outcomes, strict=True):
                self.answers[planes.numpy().tobytes()] = sign * outcomes.astype(np.float32)

    def forward(self, planes: Tensor) -> tuple[Tensor, Tensor]:
        logits = np.stack([self.answers[board.numpy().tobytes()] for board in planes])
        return torch.from_numpy(logits), torch.zeros(len(planes), 1)


def test_perfect_play_spoils_nothing_and_its_opposite_everything():
    assert set(raw_strength(Oracle()).values()) == {0.0}
    assert set(raw_strength(Oracle(-1.0)).values()) == {100.0}


def test_the_overall_rate_is_the_mean_of_the_sets():
    rates = raw_strength(Oracle(-1.0))
    assert len(rates) == len(shipped_sets()) + 1
    assert "mistakes_begin_hard" in rates


@pytest.mark.parametrize("name", shipped_sets())
def test_only_decisive_positions_are_asked(name):
    asked = questions(name)
    assert 0 < len(asked.planes) <= POSITIONS
    assert asked.planes.shape[1:] == LAYOUT.group("board").shape
    legal = np.where(asked.legal, asked.outcomes, np.nan)
    assert (np.nanmax(legal, axis=1) > np.nanmin(legal, axis=1)).all()
    assert len(load_set(name)) >= len(asked.planes)


class Favourite(nn.Module):
    """Likes columns in one order, whatever stands on the board."""

    device = torch.device("cpu")

    def __init__(self, *order: int) -> None:
        super().__init__()
        self.logits = torch.tensor([float(-order.index(column)) for column in range(7)])

    def forward(self, planes: Tensor) -> tuple[Tensor, Tensor]:
        return self.logits.expand(len(planes), 7), torch.zeros(len(planes), 1)


def test_a_rating_is_repeated_by_its_seed_and_asked_for_by_its_openings():
    network = Favourite(3, 2, 4, 1, 5, 0, 6)
    first = raw_rating(network, 4, seed=1)
    assert first == raw_rating(network, 4, seed=1)
    assert raw_rating(network, 0, seed=1) == {}
    assert -200 < first["rating"] < 700  # near random play, far from minimax


def test_each_epoch_of_a_run_is_rated():
    config = {
        "model_type": "ppo",
        "epochs": 2,
        "rating_openings": 1,
        "advanced_config": {"num_blocks": 1, "channels": 4, "env_steps": 8},
    }
    trainer = make_trainer(build_runspec({"config": config, "seed": 2}))
    values = []
    while not trainer.finished:
        values += [e.values for e in trainer.advance() if isinstance(e, MetricsReported)]
    assert [np.isfinite(found["rating"]) for found in values] == [True, True]


def test_an_ensemble_tells_its_own_strength_and_that_of_each_member():
    network = board_network("ensemble")
    network.set_combination([0.3, 0.7], [1.0, 2.0])
    network.train()
    whole, members = strengths_together(network)

    assert network.training
    assert whole == raw_strength(network)
    assert members == [raw_strength(member) for member in network.members]
    assert members[0] != members[1]
