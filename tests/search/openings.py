"""Positions for the tests of perfect play: what even draws make of a game."""

from __future__ import annotations

import functools
import random

from hamlet.envs.connect_four.position import CELLS, Position


@functools.cache
def drawn_positions(count: int, stones: int, seed: int) -> tuple[Position, ...]:
    """Positions with so many stones in which the game goes on."""
    generator = random.Random(f"{seed}/{stones}")
    found: list[Position] = []
    while len(found) < count:
        position = Position()
        while position.ply < stones and not position.ended:
            position = position.play(generator.choice(position.legal_columns()))
        if not position.ended:
            found.append(position)
    return tuple(found)


def brute_force(position: Position, known: dict[int, int] | None = None) -> int:
    """The score by looking at everything that can follow, in plain Python.

    Args: known: scores by key; what several games come to is looked at once.
    """
    known = {} if known is None else known
    if position.winner:
        winner_stones = (position.ply + 1) // 2
        return -(22 - winner_stones)
    if position.ply == CELLS:
        return 0
    if position.key not in known:
        following = [position.play(column) for column in position.legal_columns()]
        known[position.key] = max(-brute_force(each, known) for each in following)
    return known[position.key]
