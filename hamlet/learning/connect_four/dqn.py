"""DQN: one network plays both sides and learns what each column is worth.

Shapes: N games.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from hamlet.brains.masked_categorical import legal_policy
from hamlet.envs.connect_four.batch import ConnectFourBatch
from hamlet.learning.connect_four.descent import Means
from hamlet.learning.connect_four.dqn_update import DqnLearner
from hamlet.learning.connect_four.first_positions import Starts
from hamlet.learning.connect_four.game_events import game_events
from hamlet.learning.connect_four.given_demonstrations import Demonstrations
from hamlet.learning.connect_four.mirrored_asking import ask_q
from hamlet.learning.connect_four.ply_fold import PlyFold
from hamlet.learning.connect_four.ply_replay import PlyReplay
from hamlet.learning.connect_four.recordings import GameShown
from hamlet.learning.connect_four.trainer import BoardTrainer
from hamlet.learning.connect_four.watched_game import WATCHED, WatchedGame
from hamlet.learning.epsilon import epsilon_greedy
from hamlet.learning.randomness import generator_for
from hamlet.learning.saved_state import generator_state, load_generator, load_whole
from hamlet.learning.trainer import Event, Files, Remarked
from hamlet.runspec import RunSpec

PLAYER = "newest network"
MOST_STEPS = 10**15


class DqnClock:
    """How far a run is, and what follows from that.

    Attributes: env_steps: of the run. owed: env steps that no update has been done for yet.
    demonstrated: updates done from examples alone. begun: whether the first games stand.
    """

    def __init__(self, settings: Mapping[str, Any], epochs: int) -> None:
        self.settings = settings
        self.games = settings["parallel_games"]
        self.epoch_steps = max(1, math.ceil(settings["env_steps"] / (epochs * self.games)))
        self.total = self.epoch_steps * epochs * self.games
        self.env_steps = self.owed = self.demonstrated = 0
        self.begun = False

    def stepped(self) -> None:
        self.env_steps += self.games
        if self.env_steps > self.settings["learning_starts"]:
            self.owed += self.games

    @property
    def update_due(self) -> bool:
        return self.owed >= self.settings["env_steps_per_update"]

    def updated(self) -> None:
        self.owed -= self.settings["env_steps_per_update"]

    def epochs_played(self) -> int:
        return self.env_steps // (self.epoch_steps * self.games)

    @property
    def epsilon(self) -> float:
        """Falls evenly from `start` to `end` during `share` of the run."""
        fields = self.settings["epsilon"]
        done = min(1.0, self.env_steps / (fields["share"] * self.total))
        return fields["start"] + done * (fields["end"] - fields["start"])

    @property
    def beta(self) -> float:
        """Goes evenly from `beta_start` to `beta_end` during the run."""
        fields = self.settings["replay"]
        done = min(1.0, self.env_steps / self.total)
        return fields["beta_start"] + done * (fields["beta_end"] - fields["beta_start"])

    def state_dict(self) -> dict[str, Any]:
        return {
            "env_steps": self.env_steps,
            "owed": self.owed,
            "demonstrated": self.demonstrated,
            "begun": self.begun,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Raises: CheckpointError."""
        for name in ("env_steps", "owed", "demonstrated"):
            setattr(self, name, load_whole(state[name], 0, MOST_STEPS, name))
        self.begun = bool(state["begun"])


class DqnTrainer(BoardTrainer):
    """One unit of work is one ply of all N games, or one update."""

    def __init__(
        self, spec: RunSpec, device: str | torch.device = "cpu", files: Files | None = None
    ) -> None:
        super().__init__(spec, device, files)
        settings = self.settings = self.config["advanced_config"]
        count = settings["parallel_games"]
        self.network.eval()
        self.clock = DqnClock(settings, spec.budget)
        self.starts = Starts(settings["starts"], settings["opening_plies"], self.device)
        self.board = ConnectFourBatch(count, self.device)
        self.fold = PlyFold(settings["n_steps"], settings["discount"], count, self.device)
        replay = settings["replay"]
        self.replay = PlyReplay(replay["capacity"], replay["alpha"], self.device)
        self.learner = DqnLearner(self.network, self.config, spec.seed)
        self.results, self.watched = Means(), WatchedGame()
        self.given = None
        if self.content.dataset is not None:
            self.given = Demonstrations(self.content, files, spec.seed, self.device)
        self._generator = generator_for(spec.seed, "play")
        self._epoch_began = time.perf_counter(), 0

    def work(self) -> list[Event]:
        if not self.clock.begun:
            return self._begin()
        if self._demonstrating:
            self.learner.update(self.replay, self.clock.beta)
            self.clock.demonstrated += 1
            return []
        if self.clock.update_due:
            self.learner.update(self.replay, self.clock.beta)
            self.clock.updated()
            return [] if self.clock.update_due else self._close_epoch_if_played()
        events = self._play()
        return events if self.clock.update_due else events + self._close_epoch_if_played()

    @property
    def _demonstrating(self) -> bool:
        first = self.given is not None and self.clock.env_steps == 0
        return first and self.clock.demonstrated < self.settings["demonstration_updates"]

    def _begin(self) -> list[Event]:
        """Set the first games up, and put the examples into the replay."""
        self.starts.place(self.board, self._all_rows(), self._generator)
        self.watched.begin(int(self.board.ply()[WATCHED]))
        self.clock.begun = True
        if self.given is None:
            return []
        self.replay.add(self.given.plies)
        kept, count = len(self.replay), len(self.given.plies)
        text = f"{kept} of {count} examples stand in the replay as demonstrations"
        return [Remarked(0, text)]

    def _all_rows(self) -> Tensor:
        return torch.arange(self.board.num_games, device=self.device)

    @torch.no_grad()
    def _play(self) -> list[Event]:
        """One ply in each game."""
        board = self.board
        before, legal = (board.own, board.occupied), board.legal()
        unflipped = torch.zeros_like(board.ended)
        q_values = ask_q(self.network, *before, unflipped, self.config["precision"])
        # Drawn on the CPU, so that one seed gives one game on every device.
        choice = q_values.cpu(), legal.cpu(), self.clock.epsilon, self._generator
        columns = epsilon_greedy(*choice)[0].to(self.device)
        self._watch(q_values[WATCHED], legal[WATCHED])
        ended, winner = board.step(columns)
        after = board.own, board.occupied
        self.replay.add(self.fold.add(before, columns, after, ended, ended & (winner != 0)))
        self.clock.stepped()
        return self._begin_anew(ended.nonzero().squeeze(1))

    def _watch(self, q_values: Tensor, legal: Tensor) -> None:
        """Keep what is thought of the watched game: the policy that the network will be asked for
        later, and the worth of its best column."""
        logits = q_values / self.network.spec.block["temperature"]
        policy = legal_policy(logits[None], legal[None])[0]
        self.watched.add(policy.tolist(), float(q_values[legal].max()))

    def _begin_anew(self, rows: Tensor) -> list[Event]:
        """Report the games that are over, and begin others in their place."""
        finished = [(row, self._finished_game(row)) for row in rows.tolist()]
        for _, game in finished:
            self.results.add({"mean_plies": torch.tensor(float(len(game.moves)))})
        self.starts.place(self.board, rows, self._generator)
        if WATCHED in rows.tolist():
            self.watched.begin(int(self.board.ply()[WATCHED]))
        return game_events(self, finished)

    def _finished_game(self, row: int) -> GameShown:
        moves, winner = self.board.moves[row], int(self.board.winner[row])
        game = GameShown(
            kind="self_play",
            red=PLAYER,
            yellow=PLAYER,
            moves=moves[moves >= 0].tolist(),
            winner=winner,
            reason="four" if winner else "full",
            facts={"epsilon": round(self.clock.epsilon, 4)},
        )
        return self.watched.fill(game) if row == WATCHED else game

    def _close_epoch_if_played(self) -> list[Event]:
        if self.clock.epochs_played() <= self.epochs:
            return []
        values = {
            **self.learner.means.take(),
            **self.results.take(),
            "epsilon": self.clock.epsilon,
            "learning_rate": self.learner.descent.learning_rate,
            "examples_per_s": self._examples_per_s(),
            "env_steps": float(self.clock.env_steps),
            "updates": float(self.learner.descent.updates),
            "replay_filled": float(len(self.replay)),
        }
        if self.given is not None:
            values |= self.given.validate(self.network)
        events = self.end_epoch(values)
        self.learner.descent.begin_epoch(self.epochs)
        return events

    def _examples_per_s(self) -> float:
        """Transitions learned from in this epoch, as far as in this process, per second."""
        began, updates = self._epoch_began
        self._epoch_began = time.perf_counter(), self.learner.descent.updates
        learned = (self._epoch_began[1] - updates) * self.config["batch_size"]
        return learned / max(self._epoch_began[0] - began, 1e-9)

    # Saving

    def parts(self) -> dict[str, Any]:
        return {
            "clock": self.clock,
            "games": self.board,
            "fold": self.fold,
            "replay": self.replay,
            "learner": self.learner,
            "results": self.results,
            "watched": self.watched,
        }

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "play": generator_state(self._generator)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        super().load_state_dict(state)
        load_generator(self._generator, state["play"], "state.play")
        self.learner.descent.begin_epoch(self.epochs)
        self._epoch_began = time.perf_counter(), self.learner.descent.updates
