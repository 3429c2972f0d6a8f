"""A board as text and as a picture, for the `render` of the wrappers."""

from __future__ import annotations

import numpy as np

from hamlet.envs.connect_four.position import COLUMNS, Position

CELL = 48  # pixels
BOARD = (34, 68, 138)
STONES = np.array([(236, 240, 244), (200, 44, 44), (240, 196, 32)], dtype=np.uint8)
LETTERS = ".RY"


def as_text(position: Position) -> str:
    """Six rows of letters (R Red, Y Yellow) over the numbers that people give to columns."""
    rows = [" ".join(LETTERS[stone] for stone in row) for row in position.board()]
    return "\n".join([*rows, " ".join(str(number) for number in range(1, COLUMNS + 1))])


def as_picture(position: Position) -> np.ndarray:
    """[288, 336, 3] uint8, RGB."""
    steps = np.arange(CELL) - (CELL - 1) / 2
    inside = steps[:, None] ** 2 + steps[None, :] ** 2 <= (0.42 * CELL) ** 2
    colours = STONES[np.array(position.board())]  # [6, 7, 3]
    cells = np.where(inside[None, None, :, :, None], colours[:, :, None, None], np.uint8(0))
    cells = cells + np.where(inside[:, :, None], 0, np.array(BOARD)).astype(np.uint8)
    rows, columns = colours.shape[:2]
    return cells.transpose(0, 2, 1, 3, 4).reshape(rows * CELL, columns * CELL, 3)
