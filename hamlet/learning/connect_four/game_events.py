"""Finished games as events: one board is watched, of the others the result is kept."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from hamlet.learning.connect_four.recordings import GameShown
from hamlet.learning.connect_four.trainer import BoardTrainer
from hamlet.learning.connect_four.watched_game import WATCHED
from hamlet.learning.trainer import Event


def game_events(trainer: BoardTrainer, games: Iterable[tuple[int, GameShown]]) -> list[Event]:
    """Args: games: (row, game) of each, in the order in which they are counted."""
    events: list[Event] = []
    for row, game in games:
        event = trainer.show(game)
        watched = row == WATCHED
        events.append(event if watched else dataclasses.replace(event, recording=None))
    return events
