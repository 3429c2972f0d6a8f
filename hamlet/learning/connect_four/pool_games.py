"""Self-play as an environment of one player: the opponent's reply is part of each step.

The learner plays Red in one game and Yellow in the next, as they are drawn; its opponent is the
newest network or a past one, drawn for each game. Between two steps it is always the learner's
turn, so that rewards and values are the learner's and never change sign.

Shapes: N games, K of them, B positions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from hamlet.brains import BoardBrain
from hamlet.brains.masked_categorical import MaskedCategorical
from hamlet.envs.connect_four.batch import ConnectFourBatch
from hamlet.envs.connect_four.position import CELLS, RED, YELLOW
from hamlet.learning.connect_four.first_positions import Starts, step_rows
from hamlet.learning.connect_four.mirrored_asking import ask_policy, drawn_flips
from hamlet.learning.connect_four.recordings import GameShown
from hamlet.learning.connect_four.version_pool import MOST_EPOCHS, VersionPool
from hamlet.learning.connect_four.watched_game import WATCHED, WatchedGame
from hamlet.learning.saved_state import check_range, generator_state, load_generator, load_tensor

NEWEST = -1  # an opponent that learns along
NEWEST_NAME = "newest network"


@dataclass(frozen=True)
class FinishedGame:
    """Attributes: row: of the game. epoch: of the opponent, or NEWEST. points: 1 for a game that
    the learner won, 0.5 for a draw, 0."""

    row: int
    epoch: int
    points: float
    shown: GameShown


class PoolGames:
    """N games side by side, each begun anew as soon as it is over.

    Attributes:
        board: the games. colour: [N] int64, the learner's. opponents: [N] int64, epochs of the
            pool's versions, or NEWEST. finished: games that ended since somebody took them.
    """

    def __init__(
        self,
        count: int,
        network: BoardBrain,
        pool: VersionPool,
        starts: Starts,
        generator: torch.Generator,
        *,
        newest_share: float,
        flip: bool,
        precision: str,
    ) -> None:
        """Args: generator: on the CPU; draws everything here, and may draw for others too.

        The games begin with `begin_all`.
        """
        self.network, self.pool, self.starts = network, pool, starts
        self.generator, self.newest_share = generator, newest_share
        self.flip, self.precision = flip, precision
        self.device = network.device
        self.board = ConnectFourBatch(count, self.device)
        self.colour = torch.full((count,), RED, device=self.device)
        self.opponents = torch.full((count,), NEWEST, device=self.device)
        self.watched = WatchedGame()
        self.finished: list[FinishedGame] = []

    @property
    def count(self) -> int:
        return self.board.num_games

    def begin_all(self) -> None:
        self._begin(torch.arange(self.count, device=self.device))

    def step(self, columns: Tensor, policies: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Play the learner's moves and let the opponents answer.

        Args: columns [N]. policies [N, 7], values [N]: what the learner thought, to be shown.
        Returns: (rewards [N]: 1 for a game won, -1 for one lost, else 0; ended [N] bool).
        """
        self.watched.add(policies[WATCHED].tolist(), float(values[WATCHED]))
        self.board.step(columns)
        self._reply((~self.board.ended).nonzero().squeeze(1))
        ended, winner = self.board.ended.clone(), self.board.winner
        rewards = torch.where(winner == self.colour, 1.0, -1.0).masked_fill(winner == 0, 0.0)
        self._begin(ended.nonzero().squeeze(1))
        return rewards, ended

    def take_finished(self) -> list[FinishedGame]:
        finished, self.finished = self.finished, []
        return finished

    def replace_opponents(self, epochs: list[int]) -> None:
        """Where one of these versions played, the newest network plays on."""
        for epoch in epochs:
            self.opponents = self.opponents.masked_fill(self.opponents == epoch, NEWEST)

    # Beginning and ending

    def _begin(self, rows: Tensor) -> None:
        """Report the games that are over and begin others, up to the learner's first move."""
        while len(rows):
            for row in rows[self.board.ended[rows]].tolist():
                self.finished.append(self._finish(row))
            self.starts.place(self.board, rows, self.generator)
            self._seat(rows)
            if WATCHED in rows.tolist():
                self.watched.begin(int(self.board.ply()[WATCHED]))
            self._reply(rows[(self.board.player() != self.colour)[rows]])
            # An opponent that moves first from an ending may win before the learner moves.
            rows = rows[self.board.ended[rows]]

    def _seat(self, rows: Tensor) -> None:
        """Draw colours and opponents of K games."""
        drawn = torch.rand(len(rows), 3, generator=self.generator)
        self.colour[rows] = torch.where(drawn[:, 0] < 0.5, RED, YELLOW).to(self.device)
        epochs = torch.tensor(self.pool.epochs or [NEWEST])
        past = epochs[(drawn[:, 2] * len(epochs)).long()]
        chosen = torch.where(drawn[:, 1] < self.newest_share, NEWEST, past)
        self.opponents[rows] = chosen.to(self.device)

    def _finish(self, row: int) -> FinishedGame:
        winner, colour = int(self.board.winner[row]), int(self.colour[row])
        epoch = int(self.opponents[row])
        moves = self.board.moves[row]
        other = NEWEST_NAME if epoch == NEWEST else f"version of epoch {epoch}"
        names = {colour: NEWEST_NAME, RED + YELLOW - colour: other}
        shown = GameShown(
            kind="self_play" if epoch == NEWEST else "exhibition",
            red=names[RED],
            yellow=names[YELLOW],
            moves=moves[moves >= 0].tolist(),
            winner=winner,
            reason="four" if winner else "full",
        )
        if row == WATCHED:
            self.watched.fill(shown)
        points = 0.5 if not winner else float(winner == colour)
        return FinishedGame(row, epoch, points, shown)

    # The opponents

    def _reply(self, rows: Tensor) -> None:
        """Let the opponents move in K games, in which it is their turn."""
        if not len(rows):
            return
        own, occupied = self.board.own[rows], self.board.occupied[rows]
        flipped = drawn_flips(len(rows), self.flip, self.generator, self.device)
        logits, values = self._ask(self.opponents[rows], own, occupied, flipped)
        policy = MaskedCategorical(logits, self.board.legal()[rows])
        columns = policy.sample(self.generator)
        for index in (rows == WATCHED).nonzero().flatten().tolist():
            self.watched.add(policy.probs[index].tolist(), float(values[index]))
        step_rows(self.board, rows, columns)

    @torch.no_grad()
    def _ask(
        self, opponents: Tensor, own: Tensor, occupied: Tensor, flipped: Tensor
    ) -> tuple[Tensor, Tensor]:
        """(logits [B, 7], values [B]), each position asked of its own opponent."""
        logits = torch.zeros(len(own), 7, device=self.device)
        values = torch.zeros(len(own), device=self.device)
        for epoch in opponents.unique().tolist():
            mine = opponents == epoch
            network = self.network if epoch == NEWEST else self.pool.networks[epoch]
            asked = (own[mine], occupied[mine], flipped[mine])
            logits[mine], values[mine] = ask_policy(network, *asked, self.precision)
        return logits, values

    # Saving

    def state_dict(self) -> dict[str, Any]:
        """Finished games must have been taken."""
        return {
            "board": self.board.state_dict(),
            "colour": self.colour.clone(),
            "opponents": self.opponents.clone(),
            "watched": self.watched.state_dict(),
            "generator": generator_state(self.generator),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """After the pool's. Raises: CheckpointError, ShapeError."""
        self.board.load_state_dict(state["board"])
        load_tensor(self.colour, state["colour"], "colour")
        load_tensor(self.opponents, state["opponents"], "opponents")
        check_range(self.colour, RED, YELLOW, "colour")
        check_range(self.opponents, NEWEST, MOST_EPOCHS, "opponents")
        check_range(self.board.moves, -1, CELLS, "board.moves")
        known = torch.tensor([NEWEST, *self.pool.epochs], device=self.device)
        missing = ~torch.isin(self.opponents, known)
        check_range(missing.long(), 0, 0, "opponents that the pool does not have")
        self.watched.load_state_dict(state["watched"])
        load_generator(self.generator, state["generator"], "generator")
