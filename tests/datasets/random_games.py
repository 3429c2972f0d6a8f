"""Games played at random, to make examples of."""

from collections.abc import Iterator

import numpy as np
import torch

from hamlet.datasets.games import Game, Player
from hamlet.envs.connect_four.batch import ConnectFourBatch


def played_moves(count: int, seed: int) -> tuple[list[tuple[int, ...]], list[int]]:
    """Moves and winners of random games played to the end."""
    batch, draw = ConnectFourBatch(count), torch.Generator().manual_seed(seed)
    while not bool(batch.ended.all()):
        batch.step((torch.rand(count, 7, generator=draw) * batch.legal()).argmax(dim=1))
    moves = [tuple(c for c in row if c >= 0) for row in batch.moves.tolist()]
    return moves, batch.winner.tolist()


def random_games(count: int, seed: int, *, search: bool = False, **fields) -> list[Game]:
    """Games between two programs. search: with visits and values as self-play stores them."""
    return list(many_random_games(count, seed, search=search, **fields))


def many_random_games(
    count: int, seed: int, *, search: bool = False, at_once: int = 1000, **fields
) -> Iterator[Game]:
    draw = np.random.default_rng(seed)
    for begin in range(0, count, at_once):
        size = min(at_once, count - begin)
        for number, (moves, winner) in enumerate(
            zip(*played_moves(size, seed + begin), strict=True)
        ):
            extra = dict(fields)
            if search:
                extra["visits"] = draw.integers(0, 50, (len(moves), 7)).astype(np.int32)
                extra["values"] = draw.uniform(-1, 1, len(moves)).astype(np.float32)
            yield Game(id=f"g{seed}-{begin + number}", moves=moves, winner=winner, **extra)


def game(moves: str, winner: int, **fields) -> Game:
    """A game from its moves as digits 1 to 7."""
    columns = tuple(int(digit) - 1 for digit in moves)
    return Game(**({"id": f"g{moves}", "moves": columns, "winner": winner} | fields))


HUMAN = Player("human")
