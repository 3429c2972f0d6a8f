"""The games that a run plays while it learns, kept with each of its checkpoints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from django.utils import timezone

from hamlet.datasets.games import Game as PlayedGame
from training.games import services
from training.games.rows import Keeping
from training.models import Run


class GamesOfRun:
    """Collects games and writes them in bulk. A game that is played again after a crash has its
    number already, and stays as it is."""

    def __init__(self, run: Run) -> None:
        self.keeping = Keeping(run.owner, run.classroom, run=run, origin=run.pk)
        self._waiting: dict[int, PlayedGame] = {}

    def add(self, number: int, game: PlayedGame) -> None:
        """Args: number: of the episode that it was."""
        self._waiting[number] = replace(game, played_at=timezone.now())

    def prepare(self) -> Callable[[], None]:
        """Store what searches found, before any row names it.

        Returns: what writes the rows, inside the caller's transaction.
        """
        games, numbers = list(self._waiting.values()), list(self._waiting)
        if not games:
            return lambda: None
        block = services.store_search(games)
        self._waiting = {}  # only now: a database that stays away lets the caller try again

        def write() -> None:
            services.record_games(games, self.keeping, numbers=numbers, block=block)

        return write
