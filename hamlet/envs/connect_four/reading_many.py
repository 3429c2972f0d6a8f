"""Hundreds of thousands of boards, read as `reading` reads one.

The compiled check finds the boards that are wrong; what is wrong with them is said by the reader
of one board, so that the two never disagree in words.

Shapes: N boards.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hamlet.compiled import compiled
from hamlet.envs.connect_four.bits import (
    BOARD,
    BOTTOM,
    CELLS,
    COLUMNS,
    HEIGHT,
    ROWS,
    count,
    has_four,
)
from hamlet.envs.connect_four.reading import MOST_PROBLEMS, read_position
from hamlet.errors import InputError, Problem, ShapeError

ZERO = ord("0")


def read_positions(
    boards: np.ndarray,
    players: np.ndarray | None = None,
    *,
    playable: bool = False,
    path: str = "boards",
) -> tuple[np.ndarray, np.ndarray]:
    """Read boards of integers.

    Args:
        boards: [N, 6, 7] of any integer type: 0 empty, 1 Red, 2 Yellow, row 0 on top.
        players: [N] integers, who is to move: 1, 2, or 0 where nobody said.
        playable: refuse games that are over.
        path: what the boards are called in messages; the index of the board is added.

    Returns: own and occupied, [N] int64 each.
    Raises: ShapeError for another shape or type; InputError naming the first boards that are
        wrong, by index, and what is wrong with each.
    """
    if boards.ndim != 3 or boards.shape[1:] != (ROWS, COLUMNS) or boards.dtype.kind not in "iu":
        found = f"{boards.dtype} {list(boards.shape)}"
        raise ShapeError(f"{path}: found {found}; expected whole numbers [N, {ROWS}, {COLUMNS}]")
    if players is None:
        players = np.zeros(len(boards), dtype=np.int64)
    elif players.shape != (len(boards),) or players.dtype.kind not in "iu":
        found = f"{players.dtype} {list(players.shape)}"
        raise ShapeError(f"players: found {found}; expected whole numbers [{len(boards)}]")
    given = np.ascontiguousarray(players, dtype=np.int64)
    own, occupied, good = _read_all(np.ascontiguousarray(boards), given, playable)
    if not good.all():
        raise _faults(boards, players, np.flatnonzero(~good), playable, path)
    return own, occupied


def boards_of_digits(texts: Sequence[str], path: str = "boards") -> np.ndarray:
    """[N, 6, 7] uint8 of texts of 42 digits each; digits above 2 are left to `read_positions`.

    Raises: InputError naming the first text that is not 42 digits.
    """
    try:
        joined = "".join(texts).encode("ascii")
    except (UnicodeEncodeError, TypeError):
        joined = b""
    digits = np.frombuffer(joined, dtype=np.uint8) - np.uint8(ZERO)
    fits = len(joined) == CELLS * len(texts) and bool((digits <= 9).all())
    if not fits or any(len(text) != CELLS for text in texts):
        for index, text in enumerate(texts):
            if not (isinstance(text, str) and len(text) == CELLS and _are_digits(text)):
                message = f"found {text!r:.60}; expected {CELLS} digits 0 to 2, row by row"
                raise InputError([Problem(f"{path}[{index}]", message)])
    return digits.reshape(len(texts), ROWS, COLUMNS)


def digits_of_boards(boards: np.ndarray) -> list[str]:
    """42 digits, row by row, of each of boards [N, 6, 7]."""
    text = (boards.astype(np.uint8) + np.uint8(ZERO)).tobytes().decode("ascii")
    return [text[start : start + CELLS] for start in range(0, len(text), CELLS)]


def write_boards(own: np.ndarray, occupied: np.ndarray) -> np.ndarray:
    """[N, 6, 7] int8 of positions own, occupied [N] int64."""
    boards = np.empty((len(own), ROWS, COLUMNS), dtype=np.int8)
    _write_all(own, occupied, boards)
    return boards


def _are_digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _faults(
    boards: np.ndarray, players: np.ndarray, wrong: np.ndarray, playable: bool, path: str
) -> InputError:
    problems: list[Problem] = []
    for index in wrong[:MOST_PROBLEMS]:
        here = f"{path}[{index}]"
        player = int(players[index]) or None
        try:
            read_position(boards[index], player, playable=playable, path=here)
        except InputError as error:
            problems += error.problems
    if len(wrong) > MOST_PROBLEMS:
        problems.append(Problem(path, f"{len(wrong) - MOST_PROBLEMS} more boards are wrong"))
    return InputError(problems)


@compiled
def _read_all(
    boards: np.ndarray, players: np.ndarray, playable: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """own, occupied and whether the board is good, [N] each."""
    own, occupied = np.empty(len(boards), np.int64), np.empty(len(boards), np.int64)
    good = np.empty(len(boards), np.bool_)
    for index in range(len(boards)):
        red, yellow, fits = _stones(boards[index])
        both = red | yellow
        yellow_to_move = count(both) % 2 == 1
        own[index] = yellow if yellow_to_move else red
        occupied[index] = both
        last = red if yellow_to_move else yellow
        # Where every column stands on the ground, adding 1 to each carries no further.
        falls = ((both + BOTTOM) & both) == 0
        turns = count(red) - count(yellow) == yellow_to_move
        over = has_four(last)
        ended = over or both == BOARD
        mover = players[index] == 0 or players[index] == 1 + yellow_to_move
        good[index] = (
            fits
            and falls
            and turns
            and mover
            and not has_four(own[index])
            and not (over and not _last_move_made_it(last, both))
            and not (playable and ended)
        )
    return own, occupied, good


@compiled
def _stones(board: np.ndarray) -> tuple[int, int, bool]:
    red, yellow, fits = 0, 0, True
    for row in range(ROWS):
        for column in range(COLUMNS):
            bit = 1 << (HEIGHT * column + ROWS - 1 - row)
            stone = board[row, column]
            if stone == 1:
                red |= bit
            elif stone == 2:
                yellow |= bit
            elif stone != 0:
                fits = False
    return red, yellow, fits


@compiled
def _last_move_made_it(stones: int, occupied: int) -> bool:
    """Whether some top stone can be taken back so that no four remains."""
    for column in range(COLUMNS):
        for height in range(ROWS):
            bit = 1 << (HEIGHT * column + height)
            top = stones & bit and not occupied & (bit << 1)
            if top and not has_four(stones ^ bit):
                return True
    return False


@compiled
def _write_all(own: np.ndarray, occupied: np.ndarray, boards: np.ndarray) -> None:
    for index in range(len(own)):
        mover = 1 + count(occupied[index]) % 2
        for row in range(ROWS):
            for column in range(COLUMNS):
                bit = HEIGHT * column + ROWS - 1 - row
                stone = 0
                if (occupied[index] >> bit) & 1:
                    stone = mover if (own[index] >> bit) & 1 else 3 - mover
                boards[index, row, column] = stone
