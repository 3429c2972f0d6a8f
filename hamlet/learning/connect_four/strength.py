"""How a raw network plays against perfect play and others, measured after each epoch.

Shapes: N positions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from hamlet.brains import CompiledBrain
from hamlet.brains.board import open_columns
from hamlet.brains.board_ensemble import BoardEnsembleBrain
from hamlet.envs.connect_four.choosing import chosen_columns
from hamlet.envs.connect_four.planes import planes_of
from hamlet.evaluation.connect_four_pool import pool_rating
from hamlet.evaluation.connect_four_sets import load_set, shipped_sets
from hamlet.search.players import NetworkPlayer

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
    return rates_of({name: logits_of(network, questions(name).planes) for name in shipped_sets()})


def strengths_together(network: BoardEnsembleBrain) -> tuple[dict[str, float], list[dict]]:
    """As `raw_strength`: (of the ensemble, of each member). Each member is asked once."""
    whole: dict[str, np.ndarray] = {}
    alone: list[dict[str, np.ndarray]] = [{} for _ in network.members]
    for name in shipped_sets():
        planes = questions(name).planes.to(network.device)
        with evaluating(network):
            logits, values = network.ask_members(planes)
            combined, _ = network.combination(logits, values, open_columns(planes))
        whole[name] = as_array(combined)
        for answers, member in zip(alone, logits, strict=True):
            answers[name] = as_array(member)
    return rates_of(whole), [rates_of(answers) for answers in alone]


def rates_of(answers: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Args: answers: logits float32 [N, 7] by name of the set."""
    rates = {
        f"mistakes_{name.replace('-', '_')}": mistakes(logits, questions(name))
        for name, logits in answers.items()
    }
    return {OVERALL: sum(rates.values()) / len(rates), **rates} if rates else {}


def raw_rating(network: CompiledBrain, openings: int, seed: int) -> dict[str, float]:
    """The network's rating without a search, among players that never change.

    Args: openings: see `hamlet.evaluation.connect_four_pool`; 0 asks nobody.
    Returns: `rating`, in points above random play; the bound where games give no finite number.
    """
    if not openings:
        return {}

    def evaluate(own: np.ndarray, occupied: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        planes = planes_of(torch.from_numpy(own), torch.from_numpy(occupied))
        return logits_of(network, planes), np.zeros(len(own), np.float32)  # no search: no values

    found = pool_rating(NetworkPlayer(evaluate), openings, seed=seed)
    known = (found.rating, found.low, found.high)
    return {"rating": next(value for value in known if value is not None)}


@cache
def questions(name: str) -> Questions:
    chosen = load_set(name)
    rows = np.flatnonzero(chosen.decisive)[:POSITIONS]
    own, occupied = (torch.from_numpy(cells[rows]) for cells in (chosen.own, chosen.occupied))
    return Questions(planes_of(own, occupied), chosen.legal[rows], chosen.outcomes[rows])


def mistakes(logits: np.ndarray, asked: Questions) -> float:
    """In percent. Args: logits: float32 [N, 7]."""
    columns = chosen_columns(logits, asked.legal)
    reached = np.take_along_axis(asked.outcomes, columns[:, None], axis=1)[:, 0]
    best = np.where(asked.legal, asked.outcomes, -2).max(axis=1)
    return 100.0 * float((reached < best).mean())


def logits_of(network: CompiledBrain, planes: Tensor) -> np.ndarray:
    """float32 [N, 7]."""
    with evaluating(network):
        parts = [network(part.to(network.device))[0] for part in planes.split(ASKED_AT_ONCE)]
    return as_array(torch.cat(parts))


@contextmanager
def evaluating(network: CompiledBrain) -> Iterator[None]:
    """In evaluation mode and without gradients; the mode is left as it was."""
    was_training = network.training
    network.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        network.train(was_training)


def as_array(logits: Tensor) -> np.ndarray:
    return logits.float().cpu().numpy()
