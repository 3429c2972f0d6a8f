"""Boards as people and programs write them, checked as if a stranger had sent them.

A board is int[6][7] (0 empty, 1 Red, 2 Yellow; the words stand for the numbers), row 0 on top, or
a text: the moves so far as digits 1 to 7 (`"4453"`), or 42 digits 0 to 2 row by row. A text of 42
characters cannot be both, since 42 moves fill every column and so name the columns 3 to 7 too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from hamlet.envs.connect_four.position import (
    BITS,
    CELLS,
    COLUMNS,
    NAMES,
    RED,
    ROWS,
    YELLOW,
    IllegalMoveError,
    Position,
    bits_of,
    has_four,
)
from hamlet.errors import InputError, Problem
from hamlet.wording import describe, join

WORDS = {"Empty": 0, "Red": RED, "Yellow": YELLOW}
FLOATING = "a floating stone: the cell below it is empty, and stones fall down"
MOST_PROBLEMS = 20  # of cells, named one by one


def read_position(
    board: Any, player: Any = None, *, playable: bool = False, path: str = ""
) -> Position:
    """Read a board in any of its forms.

    Args:
        board: rows (lists, or an array of integers), moves, or 42 digits.
        player: who is to move, 1 or Red, 2 or Yellow; the stones say the same, so it may be left
            out.
        playable: refuse a game that is over.
        path: where the two stand in what was sent.

    Raises: InputError naming each fault with its place.
    """
    here = join(path, "board")
    position = _from_text(board, here) if isinstance(board, str) else _from_rows(board, here)
    _check_player(player, position, join(path, "player"))
    if playable and position.ended:
        how = f"{NAMES[position.winner]} has won" if position.winner else "the board is full"
        raise InputError([Problem(here, f"the game is over: {how}; expected one still going on")])
    return position


def write_board(position: Position) -> list[list[int]]:
    """int[6][7], row 0 on top: the form in which boards are given out."""
    return position.board()


def read_moves(moves: Any, path: str = "moves") -> list[int]:
    """Columns 0 to 6 of a text of digits 1 to 7. Raises: InputError at the first other letter."""
    if not isinstance(moves, str):
        message = f"found {describe(moves)}; expected moves as digits 1 to 7"
        raise InputError([Problem(path, message)])
    if len(moves) > CELLS:
        message = (
            f"found {len(moves)} characters; expected at most {CELLS}: moves as digits 1 to 7, or "
            f"the {CELLS} cells row by row as digits 0 to 2"
        )
        raise InputError([Problem(path, message)])
    for ply, digit in enumerate(moves):
        if digit not in "1234567":
            message = f"ply {ply}: found {digit!r}; expected a column, 1 to 7"
            raise InputError([Problem(path, message)])
    return [int(digit) - 1 for digit in moves]


def write_moves(columns: list[int]) -> str:
    return "".join(str(column + 1) for column in columns)


def _from_text(text: str, path: str) -> Position:
    if len(text) == CELLS and set(text) <= set("012"):
        cells = [int(digit) for digit in text]
        rows = [cells[start : start + COLUMNS] for start in range(0, CELLS, COLUMNS)]
        return _from_rows(rows, path)
    position = Position()
    for ply, column in enumerate(read_moves(text, path)):
        try:
            position = position.play(column)
        except IllegalMoveError as error:
            # In the numbers the text is written in, which count columns from 1.
            full = f"column {column + 1} is full"
            message = str(error) if position.ended else full
            raise InputError([Problem(path, f"ply {ply}: {message}")]) from None
    return position


def _from_rows(board: Any, path: str) -> Position:
    rows = _cells(board.tolist() if isinstance(board, np.ndarray) else board, path)
    stones = {RED: 0, YELLOW: 0}
    problems = []
    for row, cells in enumerate(rows):
        for column, stone in enumerate(cells):
            if stone:
                stones[stone] |= 1 << (BITS * column + ROWS - 1 - row)
                if row + 1 < ROWS and not rows[row + 1][column]:
                    problems.append(Problem(f"{path}[{row}][{column}]", FLOATING))
    problems += _count_problems(stones, path)
    if problems:
        raise InputError(problems)
    _check_fours(stones, path)
    occupied = stones[RED] | stones[YELLOW]
    return Position(stones[RED if occupied.bit_count() % 2 == 0 else YELLOW], occupied)


def _cells(board: Any, path: str) -> list[list[int]]:
    if not isinstance(board, list | tuple) or len(board) != ROWS:
        message = (
            f"found {describe(board)}; expected {ROWS} rows of {COLUMNS} cells, or a text of moves"
        )
        raise InputError([Problem(path, message)])
    problems: list[Problem] = []
    rows = []
    for row, cells in enumerate(board):
        if not isinstance(cells, list | tuple) or len(cells) != COLUMNS:
            message = f"found {describe(cells)}; expected {COLUMNS} cells"
            problems.append(Problem(f"{path}[{row}]", message))
            continue
        rows.append(
            [
                _stone(cell, f"{path}[{row}][{column}]", problems)
                for column, cell in enumerate(cells)
            ]
        )
    if len(problems) > MOST_PROBLEMS:
        more = f"{len(problems) - MOST_PROBLEMS} more cells or rows are wrong"
        problems[MOST_PROBLEMS:] = [Problem(path, more)]
    if problems:
        raise InputError(problems)
    return rows


def _stone(cell: Any, path: str, problems: list[Problem]) -> int:
    if type(cell) is int and 0 <= cell <= YELLOW:
        return cell
    if isinstance(cell, str) and cell in WORDS:
        return WORDS[cell]
    message = f"found {describe(cell)}; expected 0 or Empty, 1 or Red, 2 or Yellow"
    problems.append(Problem(path, message))
    return 0


def _count_problems(stones: dict[int, int], path: str) -> Iterator[Problem]:
    red, yellow = stones[RED].bit_count(), stones[YELLOW].bit_count()
    if red - yellow not in (0, 1):
        message = (
            f"found {red} stones of Red and {yellow} of Yellow; Red moves first and they take "
            "turns, so Red has as many as Yellow or one more"
        )
        yield Problem(path, message)


def _check_fours(stones: dict[int, int], path: str) -> None:
    won = [player for player in (RED, YELLOW) if has_four(stones[player])]
    if not won:
        return
    if len(won) == 2:
        raise InputError(
            [Problem(path, "both Red and Yellow have four in a row; only one can win")]
        )
    winner, occupied = won[0], stones[RED] | stones[YELLOW]
    last = YELLOW if occupied.bit_count() % 2 == 0 else RED
    if winner != last:
        message = (
            f"{NAMES[winner]} has four in a row, yet {NAMES[last]} moved after it; "
            "the game was over"
        )
        raise InputError([Problem(path, message)])
    if all(has_four(stones[winner] ^ stone) for stone in _tops(stones[winner], occupied)):
        message = (
            f"{NAMES[winner]} has four in a row, but no last move of {NAMES[winner]} can have made "
            "it: whichever of its top stones is taken back, a four remains"
        )
        raise InputError([Problem(path, message)])


def _tops(own: int, occupied: int) -> Iterator[int]:
    """Those of the stones that are the highest of their column, each as a bitboard."""
    for bit in bits_of(own):
        if not occupied >> (bit + 1) & 1:
            yield 1 << bit


def _check_player(player: Any, position: Position, path: str) -> None:
    if player is None:
        return
    read = WORDS.get(player) if isinstance(player, str) else player
    if type(read) is not int or read not in NAMES:
        message = f"found {describe(player)}; expected 1 or Red, 2 or Yellow"
        raise InputError([Problem(path, message)])
    if read != position.player:
        message = (
            f"found {read} ({NAMES[read]}); with {position.ply} stones on the board "
            f"{position.player} ({NAMES[position.player]}) is to move"
        )
        raise InputError([Problem(path, message)])
