"""Matches between two players, and the gate that a new network must pass.

Every opening is played twice with seats exchanged, so that neither its value nor the first move
favours anybody. All games run side by side: each player is asked once per ply.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from hamlet.envs.connect_four.position import IllegalMoveError
from hamlet.errors import HamletError
from hamlet.evaluation.intervals import Interval
from hamlet.evaluation.statistics import mean_interval
from hamlet.learning.randomness import derived_seed
from hamlet.search.boards import Boards
from hamlet.search.openings import as_columns, as_moves
from hamlet.search.players import Player

GATE_GAMES = 128
GATE_MEAN = 0.05


@dataclass(frozen=True)
class MatchGame:
    """One game. moves: digits 1-7 from the empty board, the first `opening` of them given.

    Attributes: red: 0 or 1, which of both players moved first. winner: 1 Red, 2 Yellow, 0 a draw.
    """

    moves: str
    opening: int
    red: int
    winner: int

    def result(self, player: int = 0) -> int:
        """1, 0 or -1 for that player."""
        if self.winner == 0:
            return 0
        won_by = self.red if self.winner == 1 else 1 - self.red
        return 1 if won_by == player else -1


@dataclass(frozen=True)
class Match:
    """The games of two players, two of each opening; results are those of the first named."""

    games: list[MatchGame] = field(default_factory=list)

    def results(self, red: int | None = None) -> list[int]:
        """Of all games, or of those in which player `red` moved first."""
        return [game.result() for game in self.games if red in (None, game.red)]

    def mean(self) -> Interval:
        """Mean result with its interval; both games of an opening are one observation, since the
        opening decides much of either."""
        pairs = torch.tensor(self.results(), dtype=torch.float64).reshape(-1, 2).mean(dim=1)
        return mean_interval(pairs)

    def counts(self, red: int | None = None) -> dict[str, int]:
        results = self.results(red)
        return {name: results.count(value) for name, value in OUTCOMES.items()}

    def to_data(self) -> dict[str, Any]:
        return {
            "games": len(self.games),
            "mean": self.mean().to_data(),
            **self.counts(),
            "moving_first": self.counts(red=0),
            "moving_second": self.counts(red=1),
        }


OUTCOMES = {"wins": 1, "draws": 0, "losses": -1}


@dataclass(frozen=True)
class GateDecision:
    """Whether a new network takes the place of the best one."""

    accepted: bool
    match: Match
    needed: float = GATE_MEAN

    def to_data(self) -> dict[str, Any]:
        return {"accepted": self.accepted, "needed": self.needed, **self.match.to_data()}


def play_match(
    one: Player,
    other: Player,
    openings: Sequence[str],
    *,
    seed: int,
    on_ply: Callable[[int, int], None] | None = None,
) -> Match:
    """Two games from each opening.

    Args:
        openings: strings of digits 1-7, "" for the empty board.
        on_ply: called after each ply with the games finished and all games.
    Raises: HamletError for an opening that cannot be played or ends the game; IllegalMoveError
        naming a player that chose a closed column.
    """
    starts = [as_columns(opening) for opening in openings for _ in range(2)]
    boards = Boards.after(starts)
    if boards.ended().any():
        over = openings[int(boards.ended().argmax()) // 2]
        raise HamletError(f"opening {over}: the game is over; expected a side to move")
    moves = [list(start) for start in starts]
    red = np.tile([0, 1], len(openings))
    players = (one, other)
    generators = [np.random.default_rng(derived_seed(seed, f"player/{i}")) for i in (0, 1)]
    open_games = np.arange(len(moves))
    while len(open_games):
        here = boards.rows(open_games)
        mover = (red[open_games] + here.plies()) % 2
        columns = np.empty(len(open_games), np.int64)
        for i in np.unique(mover):
            mine = np.flatnonzero(mover == i)
            columns[mine] = players[i].choose(here.rows(mine), generators[i])
        boards = _played(boards, open_games, columns, mover, players)
        for game, column in zip(open_games, columns, strict=True):
            moves[game].append(int(column))
        open_games = open_games[~boards.rows(open_games).ended()]
        if on_ply is not None:
            on_ply(len(moves) - len(open_games), len(moves))
    results = boards.results()
    return Match(
        [
            MatchGame(as_moves(moves[i]), len(starts[i]), int(red[i]), int(results[i]))
            for i in range(len(moves))
        ]
    )


def arena_gate(
    new: Player,
    best: Player,
    openings: Sequence[str],
    *,
    seed: int,
    games: int = GATE_GAMES,
    needed: float = GATE_MEAN,
) -> GateDecision:
    """Let a new network play the best one: accepted if its mean result is at least `needed`.

    Raises: HamletError if the games are odd, or more than twice the openings.
    """
    if games % 2 or games > 2 * len(openings):
        raise HamletError(
            f"found {games} games with {len(openings)} openings; expected an even number, and an "
            "opening for every two games"
        )
    match = play_match(new, best, openings[: games // 2], seed=seed)
    return GateDecision(match.mean().mean >= needed, match, needed)


def _played(
    boards: Boards,
    games: np.ndarray,
    columns: np.ndarray,
    mover: np.ndarray,
    players: tuple[Player, Player],
) -> Boards:
    here = boards.rows(games)
    try:
        after = here.play(columns)
    except IllegalMoveError as error:
        legal = here.legal()[np.arange(len(columns)), np.clip(columns, 0, 6)]
        wrong = int((~legal | (columns < 0) | (columns > 6)).argmax())
        name = players[mover[wrong]].title
        raise IllegalMoveError(f"{name} chose a move that is none: {error}") from None
    own, occupied = boards.own.copy(), boards.occupied.copy()
    own[games], occupied[games] = after.own, after.occupied
    return Boards(own, occupied)
