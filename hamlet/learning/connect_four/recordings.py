"""A finished game as watchers see it and as lists remember it.

Letters: P plies.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hamlet.envs.connect_four.position import NAMES, RED, YELLOW, Position
from hamlet.learning.trainer import EpisodeFinished
from hamlet.recording import Episode

if TYPE_CHECKING:
    from hamlet.datasets.games import Game

DIGITS = 4
DRAW = "draw"


@dataclass
class GameShown:
    """A game with what its players thought; entry i of each list belongs to ply i.

    Attributes:
        moves: [P] columns 0 to 6.
        visits: [P] of [7] search visits; empty lists where none was searched.
        policies: [P] of [7] shares of the network alone over legal columns.
        values: [P] expected result for the side to move, -1 to 1; None where nobody said one.
        kind: `self_play`, `arena` or `exhibition`. red, yellow: who played.
        reason: `four`, `full`, `resignation`. winner: RED, YELLOW or 0.
        facts: what else is said of it. played: its record for a library of games, if it is to be
            learned from.
    """

    kind: str
    red: str
    yellow: str
    moves: list[int] = field(default_factory=list)
    visits: list[list[int]] = field(default_factory=list)
    policies: list[list[float]] = field(default_factory=list)
    values: list[float | None] = field(default_factory=list)
    winner: int = 0
    reason: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    played: Game | None = None


def episode_of(number: int, game: GameShown) -> EpisodeFinished:
    """The event for a finished game. Its score is the result for Red: 1, 0 or -1."""
    outcome = {RED: 1.0, YELLOW: -1.0}.get(game.winner, 0.0)
    winner = NAMES.get(game.winner, "Draw")
    summary = {
        "survival_steps": len(game.moves),
        "score": outcome,
        "reason": f"{winner} wins by {game.reason}" if game.winner else DRAW,
        "stage": 0,
        "kind": game.kind,
        "red": game.red,
        "yellow": game.yellow,
        "moves": "".join(str(column + 1) for column in game.moves),
        **game.facts,
    }
    start = {"kind": game.kind, "red": game.red, "yellow": game.yellow, **game.facts}
    end = {"reason": summary["reason"], "winner": game.winner, "line": winning_line(game.moves)}
    episode = Episode(number, start, columns(game), end, time.time())
    return EpisodeFinished(number, summary, episode, game.played)


def columns(game: GameShown) -> dict[str, list[Any]]:
    """Step i is the position before ply i, what was thought there, and the column played."""
    return {
        "column": list(game.moves),
        "visits": game.visits or [[] for _ in game.moves],
        "policy": [[round(p, DIGITS) for p in row] for row in game.policies]
        or [[] for _ in game.moves],
        "value": [None if value is None else round(value, DIGITS) for value in game.values]
        or [None] * len(game.moves),
    }


def winning_line(moves: Sequence[int]) -> list[list[int]]:
    """Cells [row, column] of the stones that won, row 0 on top; empty where no four stands."""
    position = Position.after(moves)
    if not position.winner:
        return []
    board, winner = position.board(), position.winner
    cells: set[tuple[int, int]] = set()
    for row in range(6):
        for column in range(7):
            for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)):
                line = [(row + k * down, column + k * right) for k in range(4)]
                inside = all(0 <= r < 6 and 0 <= c < 7 for r, c in line)
                if inside and all(board[r][c] == winner for r, c in line):
                    cells.update(line)
    return [list(cell) for cell in sorted(cells)]
