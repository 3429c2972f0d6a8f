"""The gate that a new network must pass: games against the best one, a ply at a time.

Every opening is played twice with seats exchanged. Between two plies the state is no more than
the moves so far: what is drawn follows from the seed, the round and the ply alone.

Source: Silver et al. 2017, https://doi.org/10.1038/nature24270, "Evaluator".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hamlet.envs.connect_four.position import IllegalMoveError, Position
from hamlet.errors import CheckpointError
from hamlet.learning.randomness import derived_seed
from hamlet.learning.saved_state import OTHER_RUN, load_list, load_whole
from hamlet.schema import describe
from hamlet.search.arena import GateDecision, Match, MatchGame
from hamlet.search.boards import Boards
from hamlet.search.openings import as_columns, as_moves, random_openings
from hamlet.search.players import Player

FEW_OPENINGS = 256  # so many of four random moves are easily found; more need longer ones
MOST_ROUNDS = 10**9
NEW, BEST = 0, 1


class ArenaGate:
    """One round of games at a time.

    Attributes:
        openings: of the round, as digits; each is played twice. moves: columns of each game.
    """

    def __init__(self, games: int, accept_from: float, seed: int, starts: Sequence[str]) -> None:
        """Args:
        games: of a round; an odd one more, since openings are played twice.
        accept_from: mean result at which the new network is accepted.
        starts: openings to take in turn; without any they are drawn.
        """
        self.pairs, self.accept_from, self.seed = -(-games // 2), accept_from, seed
        self.starts = list(starts)
        self.begin(0)

    def begin(self, number: int) -> None:
        """Args: number: of the round; each has openings of its own."""
        self.number = number
        if self.starts:
            first = number * self.pairs
            count = len(self.starts)
            self.openings = [self.starts[(first + i) % count] for i in range(self.pairs)]
        else:
            plies = 4 if self.pairs <= FEW_OPENINGS else 6
            seed = derived_seed(self.seed, f"openings/{number}")
            self.openings = random_openings(self.pairs, plies=plies, seed=seed)
        self.moves = [as_columns(opening) for opening in self.openings for _ in (NEW, BEST)]

    def advance(self, new: Player, best: Player) -> list[MatchGame]:
        """Play one ply of every open game. Returns: the games that it ended."""
        positions = [Position.after(moves) for moves in self.moves]
        # Always from the state alone, so that a round taken up again draws the same.
        rows = [row for row, position in enumerate(positions) if not position.ended]
        movers = np.array([(row + positions[row].ply) % 2 for row in rows])
        ply = max(len(self.moves[row]) - self._opening(row) for row in rows)
        for who, player in ((NEW, new), (BEST, best)):
            mine = [row for row, mover in zip(rows, movers, strict=True) if mover == who]
            if not mine:
                continue
            draws = np.random.default_rng(
                derived_seed(self.seed, f"arena/{self.number}/{ply}/{who}")
            )
            columns = player.choose(Boards.of(positions[row] for row in mine), draws)
            for row, column in zip(mine, columns, strict=True):
                self.moves[row].append(int(column))
        return [self.game(row) for row in rows if Position.after(self.moves[row]).ended]

    @property
    def finished(self) -> bool:
        return all(Position.after(moves).ended for moves in self.moves)

    def game(self, row: int) -> MatchGame:
        """Player 0 is the new network. It moves first in the first game of each opening, if that
        has an even number of stones, so that seats are those of the whole game."""
        moves = self.moves[row]
        winner = Position.after(moves).winner
        return MatchGame(as_moves(moves), self._opening(row), row % 2, winner)

    def decision(self) -> GateDecision:
        """Of a finished round."""
        match = Match([self.game(row) for row in range(len(self.moves))])
        return GateDecision(match.mean().mean >= self.accept_from, match, self.accept_from)

    def _opening(self, row: int) -> int:
        return len(self.openings[row // 2])

    def state_dict(self) -> dict[str, Any]:
        return {"number": self.number, "moves": [as_moves(moves) for moves in self.moves]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Raises: CheckpointError if these are no games of such a round."""
        self.begin(load_whole(state["number"], 0, MOST_ROUNDS, "number"))
        count = len(self.moves)
        for row, moves in enumerate(load_list(state["moves"], count, count, "moves")):
            opening = self.openings[row // 2]
            if not isinstance(moves, str) or not moves.startswith(opening):
                message = f"found {describe(moves)}; expected a game that begins with {opening!r}"
                raise CheckpointError(f"moves[{row}]: {message}. {OTHER_RUN}")
            columns = [ord(digit) - ord("1") for digit in moves]
            try:
                Position.after(columns)
            except IllegalMoveError as error:
                raise CheckpointError(f"moves[{row}]: {error}. {OTHER_RUN}") from None
            self.moves[row] = columns
