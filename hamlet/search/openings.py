"""Beginnings of games for matches, so that two deterministic players do not repeat one game."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from importlib import resources

import numpy as np

from hamlet.envs.connect_four.position import COLUMNS, IllegalMoveError, Position
from hamlet.errors import HamletError

BALANCED = "balanced_openings.txt"


@functools.cache
def balanced_openings() -> tuple[str, ...]:
    """Openings that perfect play draws, or that it wins only with one of the last stones, by our
    solver; no two are mirror images of each other. The order is a shuffled one: any first few are
    a fair sample."""
    text = resources.files("hamlet.search").joinpath(BALANCED).read_text(encoding="ascii")
    lines = (line.strip() for line in text.splitlines())
    return tuple(line for line in lines if line and not line.startswith("#"))


def random_openings(count: int, *, plies: int = 4, seed: int = 0) -> list[str]:
    """Different openings of random moves, none a mirror image of another.

    Raises: HamletError if there are not so many.
    """
    generator = np.random.default_rng(seed)
    found: dict[int, str] = {}
    for _ in range(200 * count):
        if len(found) == count:
            break
        position, columns = Position(), []
        while len(columns) < plies and not position.ended:
            columns.append(int(generator.choice(position.legal_columns())))
            position = position.play(columns[-1])
        if not position.ended:
            found.setdefault(position.canonical_key, as_moves(columns))
    if len(found) < count:
        raise HamletError(f"found {len(found)} openings of {plies} plies; expected {count}")
    return list(found.values())


def as_columns(moves: str) -> list[int]:
    """Columns 0-6 of digits 1-7. Raises: HamletError for another sign, or a move that is none."""
    if any(digit not in "1234567" for digit in moves):
        raise HamletError(f"found the opening {moves[:60]!r}; expected digits from 1 to {COLUMNS}")
    columns = [int(digit) - 1 for digit in moves]
    try:
        Position.after(columns)
    except IllegalMoveError as error:
        raise HamletError(f"opening {moves}: {error}") from None
    return columns


def as_moves(columns: Iterable[int]) -> str:
    return "".join(str(column + 1) for column in columns)
