"""Many positions at once, as search and players pass them around: bitboards in NumPy.

B positions. The rules are those of `hamlet.envs.connect_four.bits`, one compiled loop per call.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from hamlet.compiled import compiled
from hamlet.envs.connect_four.bits import (
    BOARD,
    COLUMNS,
    FIRST_COLUMN,
    HEIGHT,
    cells_of,
    has_four,
    mirrored,
    playable,
)
from hamlet.envs.connect_four.position import IllegalMoveError, Position
from hamlet.errors import ShapeError


@dataclass(frozen=True, slots=True)
class Boards:
    """B positions.

    Attributes:
        own: int64 [B], stones of the side to move. occupied: int64 [B], all stones.
    """

    own: np.ndarray
    occupied: np.ndarray

    @classmethod
    def of(cls, positions: Iterable[Position]) -> Self:
        pairs = [(position.own, position.occupied) for position in positions]
        both = np.array(pairs, dtype=np.int64).reshape(-1, 2)
        return cls(both[:, 0].copy(), both[:, 1].copy())

    @classmethod
    def empty(cls, count: int) -> Self:
        """`count` times the position before the first move."""
        return cls(np.zeros(count, np.int64), np.zeros(count, np.int64))

    @classmethod
    def after(cls, games: Iterable[Sequence[int]]) -> Self:
        """Raises: IllegalMoveError where a list of columns cannot be played."""
        return cls.of(Position.after(columns) for columns in games)

    def __len__(self) -> int:
        return self.own.shape[0]

    def positions(self) -> list[Position]:
        pairs = zip(self.own.tolist(), self.occupied.tolist(), strict=True)
        return [Position(own, occupied) for own, occupied in pairs]

    def rows(self, rows: np.ndarray) -> Self:
        return type(self)(self.own[rows], self.occupied[rows])

    def plies(self) -> np.ndarray:
        """int64 [B]: stones on each board."""
        return np.bitwise_count(self.occupied).astype(np.int64)

    def legal(self) -> np.ndarray:
        """bool [B, 7]; all False where the game is over."""
        legal = np.empty((len(self), COLUMNS), dtype=np.bool_)
        _fill_legal(self.own, self.occupied, legal)
        return legal

    def ended(self) -> np.ndarray:
        """bool [B]."""
        ended = np.empty(len(self), dtype=np.bool_)
        _fill_ended(self.own, self.occupied, ended)
        return ended

    def results(self) -> np.ndarray:
        """int64 [B]: 1 or 2 for the side that won, 0 for a draw or a game that goes on."""
        results = np.empty(len(self), dtype=np.int64)
        _fill_results(self.own, self.occupied, results)
        return results

    def play(self, columns: np.ndarray) -> Self:
        """The positions after one move in each.

        Args: columns: int [B], 0 to 6.
        Raises: IllegalMoveError naming the first position in which no stone falls there.
        """
        columns = np.asarray(columns, dtype=np.int64)
        if columns.shape != self.own.shape:
            raise ShapeError(f"found {columns.shape} columns for {len(self)} positions")
        own, occupied = np.empty_like(self.own), np.empty_like(self.occupied)
        wrong = _play(self.own, self.occupied, columns, own, occupied)
        if wrong >= 0:
            position = Position(int(self.own[wrong]), int(self.occupied[wrong]))
            try:
                position.play(int(columns[wrong]))
            except IllegalMoveError as error:
                raise IllegalMoveError(f"position {wrong}: {error}") from None
        return type(self)(own, occupied)

    def mirror(self) -> Self:
        own, occupied = np.empty_like(self.own), np.empty_like(self.occupied)
        mirror_all(self.own, self.occupied, own, occupied)
        return type(self)(own, occupied)


@compiled
def is_over(own: int, occupied: int) -> bool:
    return occupied == BOARD or has_four(own ^ occupied)


@compiled
def stone_in(occupied: int, column: int) -> int:
    """The cell in which a stone comes to rest; 0 where the column is full."""
    return playable(occupied) & cells_of(column)


@compiled
def _fill_legal(own, occupied, legal):
    for row in range(own.shape[0]):
        over = has_four(own[row] ^ occupied[row])
        cells = playable(occupied[row])
        for column in range(COLUMNS):
            column_cells = FIRST_COLUMN << (HEIGHT * column)
            legal[row, column] = not over and (cells & column_cells) != 0


@compiled
def _fill_ended(own, occupied, ended):
    for row in range(own.shape[0]):
        ended[row] = is_over(own[row], occupied[row])


@compiled
def _fill_results(own, occupied, results):
    for row in range(own.shape[0]):
        results[row] = 0
        if has_four(own[row] ^ occupied[row]):
            stones = 0
            left = occupied[row]
            while left:
                left &= left - 1
                stones += 1
            results[row] = 1 if stones % 2 == 1 else 2


@compiled
def _play(own, occupied, columns, new_own, new_occupied):
    """Returns: the first row in which the move is none, or -1."""
    for row in range(own.shape[0]):
        column = columns[row]
        if column < 0 or column >= COLUMNS or has_four(own[row] ^ occupied[row]):
            return row
        stone = stone_in(occupied[row], column)
        if stone == 0:
            return row
        new_own[row] = own[row] ^ occupied[row]
        new_occupied[row] = occupied[row] | stone
    return -1


@compiled
def mirror_all(own, occupied, image_own, image_occupied):
    for row in range(own.shape[0]):
        image_own[row] = mirrored(own[row])
        image_occupied[row] = mirrored(occupied[row])
