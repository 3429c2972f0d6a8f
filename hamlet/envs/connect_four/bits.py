"""The rules on bitboards, compiled: what search and solver are made of.

A set of cells is one int64 with 7 bits per column: bit `7 * column + height`, height 0 at the
bottom. Bit 6 of each column is a sentinel that stays empty, so that lines never run over the
edge of the board. A position is `own`, the stones of the side to move, and `occupied`, all stones.

Source: the encoding is that of J. Tromp's Fhourstones and of P. Pons's tutorial on solving
Connect Four, http://blog.gamesolver.org/solving-connect-four/06-bitboard/.
"""

from __future__ import annotations

import numpy as np

from hamlet.compiled import compiled

ROWS, COLUMNS, CELLS = 6, 7, 42
HEIGHT = ROWS + 1  # bits per column, with the sentinel
BOTTOM = sum(1 << (HEIGHT * column) for column in range(COLUMNS))
BOARD = BOTTOM * ((1 << ROWS) - 1)
FIRST_COLUMN = (1 << ROWS) - 1
# By centre first: better moves stand nearer the centre more often than not.
CENTRE_FIRST = np.array([3, 2, 4, 1, 5, 0, 6], dtype=np.int64)


@compiled
def count(cells: int) -> int:
    """How many cells a set has."""
    cells = cells - ((cells >> 1) & 0x5555555555555555)
    cells = (cells & 0x3333333333333333) + ((cells >> 2) & 0x3333333333333333)
    cells = (cells + (cells >> 4)) & 0x0F0F0F0F0F0F0F0F
    # Summed by shifts: the usual product would run over the sign of an int64.
    cells = cells + (cells >> 8)
    cells = cells + (cells >> 16)
    return (cells + (cells >> 32)) & 0x7F


@compiled
def playable(occupied: int) -> int:
    """The cells into which a stone can fall now: at most one per column."""
    return (occupied + BOTTOM) & BOARD


@compiled
def cells_of(column: int) -> int:
    return FIRST_COLUMN << (HEIGHT * column)


@compiled
def has_four(stones: int) -> bool:
    """Whether four of these stones stand in a line."""
    for step in (1, HEIGHT - 1, HEIGHT, HEIGHT + 1):
        pairs = stones & (stones >> step)
        if pairs & (pairs >> (2 * step)):
            return True
    return False


@compiled
def winning_cells(stones: int, occupied: int) -> int:
    """Empty cells in which one more of these stones would make four, reachable now or not."""
    found = (stones << 1) & (stones << 2) & (stones << 3)
    for step in (HEIGHT - 1, HEIGHT, HEIGHT + 1):
        after = (stones << step) & (stones << (2 * step))
        found |= after & (stones << (3 * step))
        found |= after & (stones >> step)
        before = (stones >> step) & (stones >> (2 * step))
        found |= before & (stones << step)
        found |= before & (stones >> (3 * step))
    return found & (BOARD ^ occupied)


@compiled
def mirrored(cells: int) -> int:
    """The same cells seen from behind the board; sentinels move along."""
    full = (1 << HEIGHT) - 1
    image = 0
    for column in range(COLUMNS):
        image |= ((cells >> (HEIGHT * column)) & full) << (HEIGHT * (COLUMNS - 1 - column))
    return image


@compiled
def key(own: int, occupied: int) -> int:
    """A number of the position alone: no other position has it."""
    return own + occupied


@compiled
def canonical_key(own: int, occupied: int) -> int:
    """The smaller of the keys of the position and of its mirror image."""
    straight = own + occupied
    image = mirrored(own) + mirrored(occupied)
    return min(straight, image)
