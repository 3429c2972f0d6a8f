"""From a finished game of self-play: what is learned from it, and what is shown of it.

P plies, N of them searched.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from hamlet.datasets.games import Game, Player
from hamlet.envs.connect_four.position import Position
from hamlet.learning.connect_four.game_store import PlayedGame
from hamlet.learning.connect_four.recordings import GameShown
from hamlet.learning.connect_four.started_self_play import FinishedGame
from hamlet.learning.connect_four.targets import value_targets
from hamlet.search.arena import MatchGame
from hamlet.search.self_play_games import SelfPlayGame

SELF_PLAY, ARENA = "self_play", "arena"


def positions_learned(finished: FinishedGame, kind: str, decay: float) -> dict[str, Tensor]:
    """The searched positions as rows of a PositionBuffer.

    Args: kind, decay: `value_target` and `value_decay` of the config.
    Returns: own, occupied int64 [N]; policy float32 [N, 7], all 0 where the column was drawn;
        value float32 [N].
    """
    game, begin = finished.game, finished.opening
    boards = game.boards()
    values = value_targets(kind, game.winner, begin, game.values[begin:], decay)
    return {
        "own": torch.from_numpy(boards.own[begin:]),
        "occupied": torch.from_numpy(boards.occupied[begin:]),
        "policy": torch.from_numpy(game.targets()[begin:]),
        "value": torch.from_numpy(values),
    }


def shown(finished: FinishedGame, player: str) -> GameShown:
    """Args: player: who played both sides, for people."""
    game, begin = finished.game, finished.opening
    moves = game.moves.tolist()
    values = [None] * begin + game.values[begin:].tolist()
    visits = [[] for _ in range(begin)] + game.visits[begin:].astype(np.int64).tolist()
    return GameShown(
        kind=SELF_PLAY,
        red=player,
        yellow=player,
        moves=moves,
        visits=visits,
        policies=finished.watched or [],
        values=values,
        winner=game.winner,
        reason=reason_of(moves, resigned=game.resigned),
        played=as_played(game, player, opening=begin),
    )


def as_played(game: SelfPlayGame, player: str, *, opening: int = 0) -> Game:
    """The record of a game of self-play.

    Args: player: who played both sides. opening: plies that were given, of which no search says
        anything.
    """
    plays = Player(version=player)
    given = np.arange(len(game.moves)) < opening
    return Game(
        id=str(game.number),
        moves=tuple(game.moves.tolist()),
        winner=game.winner,
        reason="resignation" if game.resigned else "normal",
        red=plays,
        yellow=plays,
        source="self_play",
        visits=game.visits.astype(np.int32),
        values=np.where(given, np.nan, game.values).astype(np.float32),
        explored=game.explored,
        metadata={"played_on": True} if game.plays_on else {},
    )


def match_shown(game: MatchGame, players: tuple[str, str]) -> GameShown:
    """Args: players: titles of player 0 and player 1."""
    moves = [int(digit) - 1 for digit in game.moves]
    return GameShown(
        kind=ARENA,
        red=players[game.red],
        yellow=players[1 - game.red],
        moves=moves,
        winner=game.winner,
        reason=reason_of(moves, resigned=False),
    )


def reason_of(moves: list[int], *, resigned: bool) -> str:
    if resigned:
        return "resignation"
    return "four" if Position.after(moves).winner else "full"


def game_learned(finished: FinishedGame, kind: str, decay: float) -> PlayedGame:
    """The searched plies as a game of a GameStore. Args: as for `positions_learned`."""
    game, begin = finished.game, finished.opening
    rows = positions_learned(finished, "discounted" if kind == "discounted" else "outcome", decay)
    moves = game.moves.tolist()
    last = Position.after(moves)
    return PlayedGame(
        own=rows["own"],
        occupied=rows["occupied"],
        moves=torch.tensor(moves[begin:]),
        policy=rows["policy"],
        value=torch.from_numpy(game.values[begin:].copy()),
        outcome=rows["value"],
        played_out=last.ended,
        won=bool(last.winner),
    )
