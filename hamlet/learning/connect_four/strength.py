"""How a raw network plays against perfect play, measured after each epoch.

Shapes: N positions.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from hamlet.brains import CompiledBrain
from hamlet.envs.connect_four.choosing import chosen_columns
from hamlet.envs.connect_four.planes import planes_of
from hamlet.evaluation.connect_four_sets import load_set, shipped_sets

POSITIONS = 200  # of each shipped set: the curve of a run, not its report
ASKED_AT_ONCE = 256
OVERALL = "mistakes_percent"


class Questions(NamedTuple):
    """Decisive positions of one evaluation set.

    planes: [N, 3, 6, 7]. legal: bool [N, 7]. outcomes: int8 [N, 7], of each legal column.
    """

    planes: Tensor
    legal: np.ndarray
    outcomes: np.ndarray


def raw_strength(network: CompiledBrain) -> dict[str, float]:
    """Of the decisive positions, how many percent the network's likeliest column spoils: it wins
    no more what was won, or holds no more what could be held.

    Returns: `mistakes_<set>` for each shipped set, and `mistakes_percent`, their mean.
    """
    rates = {
        f"mistakes_{name.replace('-', '_')}": mistakes(network, questions(name))
        for name in shipped_sets()
    }
    return {OVERALL: sum(rates.values()) / len(rates), **rates} if rates else {}


@cache
def questions(name: str) -> Questions:
    chosen = load_set(name)
    rows = np.flatnonzero(chosen.decisive)[:POSITIONS]
    own, occupied = (torch.from_numpy(cells[rows]) for cells in (chosen.own, chosen.occupied))
    return Questions(planes_of(own, occupied), chosen.legal[rows], chosen.outcomes[rows])


def mistakes(network: CompiledBrain, asked: Questions) -> float:
    """In percent."""
    columns = chosen_columns(logits_of(network, asked.planes), asked.legal)
    reached = np.take_along_axis(asked.outcomes, columns[:, None], axis=1)[:, 0]
    best = np.where(asked.legal, asked.outcomes, -2).max(axis=1)
    return 100.0 * float((reached < best).mean())


@torch.no_grad()
def logits_of(network: CompiledBrain, planes: Tensor) -> np.ndarray:
    """float32 [N, 7], asked in evaluation mode; the mode is left as it was."""
    was_training = network.training
    network.eval()
    try:
        parts = [network(part.to(network.device))[0] for part in planes.split(ASKED_AT_ONCE)]
    finally:
        network.train(was_training)
    return torch.cat(parts).float().cpu().numpy()
