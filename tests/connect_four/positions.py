"""Games and positions that several tests play with, by the plain reference."""

import random

from hamlet.envs.connect_four.position import Position


def random_positions(count: int, seed: int, stop: float = 0.05) -> list[Position]:
    """Positions along random games; each game is left with probability `stop` per move."""
    draw, positions = random.Random(seed), []
    for _ in range(count):
        position = Position()
        while not position.ended and draw.random() > stop:
            position = position.play(draw.choice(position.legal_columns()))
        positions.append(position)
    return positions
