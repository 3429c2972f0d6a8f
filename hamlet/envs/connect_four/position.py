"""One position of Connect Four in plain Python: the reference that everything else is tested
against. Red (1) moves first, Yellow (2) second; columns are 0 to 6, from the left."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self

from hamlet.errors import HamletError

ROWS, COLUMNS, CELLS = 6, 7, 42
RED, YELLOW = 1, 2
NAMES = {RED: "Red", YELLOW: "Yellow"}
BITS = ROWS + 1  # per column; the highest is a sentinel that stays empty
DIRECTIONS = (1, BITS - 1, BITS, BITS + 1)  # up, falling, level, rising


class IllegalMoveError(HamletError):
    """A stone where none may fall."""


@dataclass(frozen=True, slots=True)
class Position:
    """A position that can arise in play.

    Attributes:
        own: stones of the side to move, as bits `7 * column + height`.
        occupied: all stones.
    """

    own: int = 0
    occupied: int = 0

    @classmethod
    def after(cls, columns: Iterable[int]) -> Self:
        """The position after these moves from the empty board.

        Raises: IllegalMoveError naming the ply of the first move that is none.
        """
        position = cls()
        for ply, column in enumerate(columns):
            try:
                position = position.play(column)
            except IllegalMoveError as error:
                raise IllegalMoveError(f"ply {ply}: {error}") from None
        return position

    @property
    def ply(self) -> int:
        """Stones on the board."""
        return self.occupied.bit_count()

    @property
    def player(self) -> int:
        """Who is to move, or would be if the game were not over."""
        return RED if self.ply % 2 == 0 else YELLOW

    @property
    def other(self) -> int:
        """Stones of the side that moved last."""
        return self.own ^ self.occupied

    @property
    def winner(self) -> int:
        """RED, YELLOW or 0. Only the side that moved last can have won."""
        return 3 - self.player if has_four(self.other) else 0

    @property
    def ended(self) -> bool:
        return self.ply == CELLS or self.winner != 0

    def legal(self) -> list[bool]:
        """By column; all False where the game is over."""
        if self.ended:
            return [False] * COLUMNS
        return [self.height(column) < ROWS for column in range(COLUMNS)]

    def legal_columns(self) -> list[int]:
        return [column for column, legal in enumerate(self.legal()) if legal]

    def height(self, column: int) -> int:
        """Stones in a column."""
        return ((self.occupied >> (BITS * column)) & ((1 << ROWS) - 1)).bit_count()

    def play(self, column: int) -> Self:
        """Raises: IllegalMoveError saying why no stone falls there."""
        if isinstance(column, bool) or not isinstance(column, int) or not 0 <= column < COLUMNS:
            raise IllegalMoveError(f"found column {column!r}; expected a whole number from 0 to 6")
        if self.winner:
            raise IllegalMoveError(f"the game is over: {NAMES[self.winner]} has won")
        if self.ply == CELLS:
            raise IllegalMoveError("the game is over: the board is full")
        if self.height(column) == ROWS:
            free = ", ".join(str(free) for free in self.legal_columns())
            raise IllegalMoveError(f"column {column} is full; columns {free} are open")
        stone = 1 << (BITS * column + self.height(column))
        return type(self)(self.other, self.occupied | stone)

    def mirror(self) -> Self:
        """As seen from behind the board."""
        return type(self)(mirrored(self.own), mirrored(self.occupied))

    @property
    def key(self) -> int:
        """Unique per position."""
        return self.own + self.occupied

    @property
    def canonical_key(self) -> int:
        """The same for a position and its mirror image: the smaller of both keys."""
        return min(self.key, self.mirror().key)

    def board(self) -> list[list[int]]:
        """int[6][7], row 0 on top: 0 empty, 1 Red, 2 Yellow."""
        board = [[0] * COLUMNS for _ in range(ROWS)]
        for cell in bits_of(self.occupied):
            column, height = divmod(cell, BITS)
            mine = self.own >> cell & 1
            board[ROWS - 1 - height][column] = self.player if mine else 3 - self.player
        return board


def has_four(stones: int) -> bool:
    """Whether four of these stones stand in a line."""
    for step in DIRECTIONS:
        pairs = stones & (stones >> step)
        if pairs & (pairs >> 2 * step):
            return True
    return False


def mirrored(cells: int) -> int:
    column_bits = (1 << BITS) - 1
    return sum(
        ((cells >> (BITS * column)) & column_bits) << (BITS * (COLUMNS - 1 - column))
        for column in range(COLUMNS)
    )


def bits_of(cells: int) -> Iterator[int]:
    """Numbers of the bits that are set, lowest first."""
    while cells:
        lowest = cells & -cells
        yield lowest.bit_length() - 1
        cells ^= lowest
