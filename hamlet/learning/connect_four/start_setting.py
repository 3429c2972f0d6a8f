"""The setting `starts`: positions from which the games of a run begin."""

from __future__ import annotations

from typing import Any

from hamlet.envs.connect_four.reading import read_moves, read_position
from hamlet.errors import InputError, Problem
from hamlet.readers import Reader
from hamlet.schema import ListOf
from hamlet.wording import describe

MOST_STARTS = 10_000


class StartMoves(Reader):
    """The moves that lead to a position, as digits 1 to 7. A board would not do: the games that
    people watch are told by their moves."""

    def read(self, value: Any, path: str, problems: list[Problem]) -> Any:
        if not isinstance(value, str):
            message = f"found {describe(value)}; expected moves as digits 1 to 7"
            problems.append(Problem(path, message))
            return value
        try:
            read_moves(value, path)
            read_position(value, playable=True, path=path)
        except InputError as error:
            problems.extend(Problem(path, problem.message) for problem in error.problems)
        return value


# Each game begins at one of these, drawn evenly; with none, on the empty board.
STARTS = ListOf(StartMoves(), longest=MOST_STARTS, default=[])
