"""Self-play as a learner needs it: from given openings, with rules or a learned model.

P plies of a game, its opening among them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hamlet.learning.connect_four.watched_game import WatchedGame
from hamlet.learning.saved_state import below
from hamlet.search.boards import Boards
from hamlet.search.games_in_progress import GamesInProgress
from hamlet.search.openings import as_columns
from hamlet.search.resignation import Resignation
from hamlet.search.search import Dynamics, Search
from hamlet.search.self_play import SelfPlay, SelfPlaySettings
from hamlet.search.self_play_games import SelfPlayGame
from hamlet.search.streams import streams_of

WATCHED = 0  # the row whose games are shown with what the network thought


@dataclass(frozen=True)
class FinishedGame:
    """Attributes:
    game: its moves from the empty board. opening: how many of them were given.
    watched: policies of the network alone, [7] per ply; None where nobody watched.
    """

    game: SelfPlayGame
    opening: int
    watched: list[list[float]] | None = None


class StartedSelfPlay(SelfPlay):
    """Runs for ever; game n begins after opening n, in turn.

    Attributes:
        openings: columns of each; the empty one alone is the usual game.
    """

    def __init__(
        self,
        dynamics: Dynamics,
        settings: SelfPlaySettings,
        seed: int,
        openings: Sequence[str] = (),
    ) -> None:
        """Args: openings: as digits 1 to 7. Raises: HamletError for one that cannot be played."""
        self.settings, self.seed, self.games = settings, seed, None
        self.openings = [as_columns(opening) for opening in openings] or [[]]
        parallel = settings.parallel_games
        self.search = Search(dynamics, settings.search, parallel, explore=True)
        self.resignation = Resignation(settings.search)
        self.progress = GamesInProgress(parallel)
        self.watched = WatchedGame()
        self.started = self.finished = 0
        self.latest = None
        self._start(np.arange(parallel))

    def play_on(self) -> list[FinishedGame]:
        """One move in every running game. Returns: the games that ended with it."""
        number, thoughts = int(self.progress.numbers[WATCHED]), self.watched
        self.watched = WatchedGame()  # filled by `_start` if the next game begins there
        games = self.advance()
        self._note(thoughts)
        if int(self.progress.numbers[WATCHED]) == number:
            self.watched = thoughts
        return [
            FinishedGame(
                game,
                len(self._opening(game.number)),
                thoughts.policies[: len(game)] if game.number == number else None,
            )
            for game in games
        ]

    def _note(self, thoughts: WatchedGame) -> None:
        found = self.latest
        place = int(np.flatnonzero(found.rows == WATCHED)[0])
        thoughts.add(found.network_policy[place].tolist(), float(found.values[place]))

    def _opening(self, number: int) -> list[int]:
        return self.openings[number % len(self.openings)]

    def _start(self, rows: np.ndarray) -> None:
        rows = np.sort(rows)
        if not len(rows):
            return
        numbers = range(self.started, self.started + len(rows))
        openings = [self._opening(number) for number in numbers]
        streams = streams_of(self.seed, "self-play", numbers)
        self.search.start(rows, Boards.after(openings), streams)
        plays_on = [self._drawn(row) < self.resignation.off_share for row in rows]
        self.progress.begin(rows, numbers, np.array(plays_on))
        for row, opening in zip(rows, openings, strict=True):
            self._give(int(row), opening)
        self.started += len(rows)

    def _give(self, row: int, opening: list[int]) -> None:
        """Moves that nobody searched for: no visits, no policy to learn."""
        progress, given = self.progress, slice(0, len(opening))
        progress.moves[row, given], progress.explored[row, given] = opening, True
        for part in (progress.visits, progress.policies, progress.values):
            part[row, given] = 0
        progress.lengths[row] = len(opening)
        if row == WATCHED:
            self.watched.begin(len(opening))

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "watched": self.watched.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Raises: CheckpointError. The object is of no use then."""
        super().load_state_dict(state)
        with below("self_play.watched"):
            self.watched.load_state_dict(state["watched"])
