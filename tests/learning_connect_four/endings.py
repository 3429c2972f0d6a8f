"""Endings with known best columns, and how often a network chooses a worse one.

Their results are found by playing them out in every way with the plain-Python rules, which is
quick so near the end and does not depend on the solver.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import nn

from hamlet.envs.connect_four.choosing import CENTRE_FIRST, chosen_columns
from hamlet.envs.connect_four.planes import planes_of
from hamlet.envs.connect_four.position import CELLS, Position

EMPTY_CELLS = (6, 10)


@dataclass(frozen=True)
class Ending:
    """results: by column, for the side to move: 1, 0, -1; None where no stone falls."""

    moves: str
    position: Position
    results: tuple[int | None, ...]

    @property
    def best(self) -> int:
        return max(result for result in self.results if result is not None)


def decisive_endings(count: int, seed: int) -> list[Ending]:
    """Different endings of random games in which a column loses something against another."""
    draw = random.Random(seed)
    found: dict[int, Ending] = {}
    while len(found) < count:
        ending = random_ending(draw)
        if ending is not None:
            found.setdefault(ending.position.canonical_key, ending)
    return list(found.values())


def random_ending(draw: random.Random) -> Ending | None:
    plies = CELLS - draw.randint(*EMPTY_CELLS)
    position, moves = Position(), []
    for _ in range(plies):
        if position.ended:
            return None
        moves.append(draw.choice(position.legal_columns()))
        position = position.play(moves[-1])
    if position.ended:
        return None
    legal = position.legal()
    results = tuple(-result(position.play(c)) if legal[c] else None for c in range(7))
    if len({each for each in results if each is not None}) < 2:
        return None
    return Ending("".join(str(column + 1) for column in moves), position, results)


@cache
def result(position: Position) -> int:
    """For the side to move, by playing on in every way."""
    if position.winner:
        return -1
    columns = position.legal_columns()
    return max((-result(position.play(column)) for column in columns), default=0)


def mistake_rate(network: nn.Module, endings: list[Ending]) -> float:
    """The share of endings in which the network alone loses a win or a draw."""
    own = torch.tensor([ending.position.own for ending in endings])
    occupied = torch.tensor([ending.position.occupied for ending in endings])
    legal = np.array([ending.position.legal() for ending in endings])
    was_training = network.training
    network.eval()
    with torch.no_grad():
        logits, _ = network(planes_of(own, occupied))
    network.train(was_training)
    chosen = chosen_columns(logits.numpy(), legal)
    return mistakes_of(chosen.tolist(), endings)


def centre_first_mistake_rate(endings: list[Ending]) -> float:
    """The same of a player who always takes the open column nearest the centre."""
    chosen = [next(c for c in CENTRE_FIRST if e.results[c] is not None) for e in endings]
    return mistakes_of(chosen, endings)


def mistakes_of(chosen: list[int], endings: list[Ending]) -> float:
    wrong = [e.results[c] < e.best for c, e in zip(chosen, endings, strict=True)]
    return sum(wrong) / len(wrong)
