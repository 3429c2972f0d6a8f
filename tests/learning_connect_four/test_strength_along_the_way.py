"""The curve against perfect play: how often a raw network spoils what was won or held."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from hamlet.envs.connect_four.layout import LAYOUT
from hamlet.evaluation.connect_four_sets import load_set, shipped_sets
from hamlet.learning.connect_four.strength import POSITIONS, questions, raw_strength


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
