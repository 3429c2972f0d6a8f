"""Games as they are recorded: who played, what was played, how it ended.

Moves are the only truth. Boards and results that come with them are checked against the replay.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np

from hamlet.envs.connect_four.position import NAMES, RED, YELLOW

HUMAN, AI = "human", "ai"
DRAW = 0
WINNERS = {"Red": RED, "Yellow": YELLOW, "Draw": DRAW}
REASONS = ("normal", "timeout", "resignation")
SOURCES = ("human", "self_play", "tournament", "import")
DEFAULT_RATING = 1500.0


@dataclass(frozen=True)
class Player:
    """type: human or ai. version: what an ai played with, in the words of the registry."""

    type: str = AI
    rating: float | None = None
    version: str | None = None


@dataclass(frozen=True, eq=False)
class Game:
    """One game.

    Attributes:
        moves: columns 0 to 6, Red first.
        winner: 1 Red, 2 Yellow, 0 draw.
        reason: normal where the board ended it; timeout or resignation otherwise.
        visits: [plies, 7] int32 visit counts of the search before each move; rows of 0 where
            there was none.
        values: [plies] float32 value that the search gave the position, seen by the mover; NaN
            where there was none.
        explored: [plies] bool, true where nobody chose the move, which is no target: it was drawn
            by lot, or given as part of an opening.
        thinking_ms: by ply, where a clock ran.
        mirror_of: the game of which this is the mirrored copy.
    """

    id: str
    moves: tuple[int, ...]
    winner: int
    reason: str = "normal"
    red: Player = field(default_factory=Player)
    yellow: Player = field(default_factory=Player)
    played_at: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    source: str = "import"
    visits: np.ndarray | None = None
    values: np.ndarray | None = None
    explored: np.ndarray | None = None
    thinking_ms: tuple[int | None, ...] | None = None
    mirror_of: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def plies(self) -> int:
        return len(self.moves)

    @property
    def human(self) -> bool:
        """Whether a human took part."""
        return HUMAN in (self.red.type, self.yellow.type)

    @property
    def ratings(self) -> tuple[float, float]:
        """Of Red and Yellow; 1500 where none is known."""
        return tuple(
            DEFAULT_RATING if player.rating is None else player.rating
            for player in (self.red, self.yellow)
        )

    @property
    def winner_name(self) -> str:
        return NAMES.get(self.winner, "Draw")


def mirrored_game(game: Game, game_id: str) -> Game:
    """The same game seen from behind the board, marked as a copy."""
    return Game(
        id=game_id,
        moves=tuple(6 - column for column in game.moves),
        winner=game.winner,
        reason=game.reason,
        red=game.red,
        yellow=game.yellow,
        played_at=game.played_at,
        source=game.source,
        visits=None if game.visits is None else np.ascontiguousarray(game.visits[:, ::-1]),
        values=game.values,
        explored=game.explored,
        thinking_ms=game.thinking_ms,
        mirror_of=game.id,
        metadata=game.metadata,
    )
