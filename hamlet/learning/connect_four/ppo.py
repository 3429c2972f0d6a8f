"""PPO: self-play against a pool of past versions of oneself.

Shapes: N games.
Sources: Schulman et al., https://arxiv.org/abs/1707.06347; Bansal et al.,
https://arxiv.org/abs/1710.03748, section 3.3 (opponents drawn from the past).
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any

import torch

from hamlet.brains.masked_categorical import MaskedCategorical
from hamlet.learning.connect_four.cloning import Cloning
from hamlet.learning.connect_four.descent import Means
from hamlet.learning.connect_four.first_positions import Starts, random_play
from hamlet.learning.connect_four.game_events import game_events
from hamlet.learning.connect_four.mirrored_asking import ask_policy, drawn_flips, seen_planes
from hamlet.learning.connect_four.pool_games import NEWEST, PoolGames
from hamlet.learning.connect_four.ppo_update import PpoLearner
from hamlet.learning.connect_four.rollout import Rollout
from hamlet.learning.connect_four.still_norms import measure_norms
from hamlet.learning.connect_four.trainer import BoardTrainer
from hamlet.learning.connect_four.version_pool import VersionPool
from hamlet.learning.randomness import generator_for
from hamlet.learning.saved_state import load_whole
from hamlet.learning.trainer import Event, Files
from hamlet.runspec import RunSpec

PLAYING, LEARNING = "playing", "learning"
WARM_UP_PLIES = 16  # of random play, by which the first statistics are measured
MOST_STEPS = 10**15


class PpoClock:
    """How far a run is within its env steps.

    Each epoch plays the same number of steps in all games, in rounds that are as equal as can be
    and no longer than `rollout_steps`.

    Attributes: env_steps: of the run. round: of the epoch at hand, from 0. phase: PLAYING until
        the round's rollout is full, then LEARNING. begun: whether the first games stand.
    """

    def __init__(self, settings: Mapping[str, Any], epochs: int) -> None:
        self.games = settings["parallel_games"]
        self.steps = max(1, math.ceil(settings["env_steps"] / (epochs * self.games)))
        self.rounds = math.ceil(self.steps / settings["rollout_steps"])
        self.env_steps = self.round = 0
        self.phase, self.begun = PLAYING, False

    @property
    def round_steps(self) -> int:
        """Of each game in the round at hand."""
        edges = [self.steps * n // self.rounds for n in (self.round, self.round + 1)]
        return edges[1] - edges[0]

    def end_round(self) -> bool:
        """Returns: whether the epoch is over."""
        self.phase = PLAYING
        self.round = (self.round + 1) % self.rounds
        return self.round == 0

    def state_dict(self) -> dict[str, Any]:
        return {
            "env_steps": self.env_steps,
            "round": self.round,
            "learning": self.phase == LEARNING,
            "begun": self.begun,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Raises: CheckpointError."""
        self.env_steps = load_whole(state["env_steps"], 0, MOST_STEPS, "env_steps")
        self.round = load_whole(state["round"], 0, self.rounds - 1, "round")
        self.phase = LEARNING if state["learning"] else PLAYING
        self.begun = bool(state["begun"])


class PpoTrainer(BoardTrainer):
    """One unit of work is one step of all N games, or one batch of a round of updates."""

    def __init__(
        self, spec: RunSpec, device: str | torch.device = "cpu", files: Files | None = None
    ) -> None:
        super().__init__(spec, device, files)
        settings = self.settings = self.config["advanced_config"]
        self.network.eval()
        self.flip, self.precision = self.config["augment"]["flip"], self.config["precision"]
        self.clock = PpoClock(settings, spec.budget)
        self.starts = Starts(settings["starts"], settings["opening_plies"], self.device)
        self.pool = VersionPool(settings["pool"], self.network)
        self.board = PoolGames(
            settings["parallel_games"],
            self.network,
            self.pool,
            self.starts,
            generator_for(spec.seed, "play"),
            newest_share=settings["newest_share"],
            flip=self.flip,
            precision=self.precision,
        )
        most_steps = min(settings["rollout_steps"], self.clock.steps)
        self.rollout = Rollout(most_steps, self.board.count, self.device)
        self.learner = PpoLearner(self.network, self.config, spec.seed)
        self.results, self.pool_results = Means(), Means()
        self.cloning = None
        if self.content.dataset is not None and settings["cloning_epochs"]:
            epochs = settings["cloning_epochs"]
            self.cloning = Cloning(self.network, self.content, files, spec.seed, epochs)
        self._epoch_began = time.perf_counter(), 0

    def work(self) -> list[Event]:
        if self.cloning is not None and not self.cloning.finished:
            return self.cloning.work()
        if not self.clock.begun:
            self._begin()
        if self.clock.phase == LEARNING:
            return self._learn()
        return self._play()

    def _begin(self) -> None:
        """Set the first games up; the network as it is now is the first opponent."""
        if self.content.base is None and self.cloning is None:
            self._measure_first_norms()
        self.pool.add(0, self.network)
        self.board.begin_all()
        self.clock.begun = True

    def _measure_first_norms(self) -> None:
        """New weights need statistics before they can play; random games give them."""
        generator = generator_for(self.spec.seed, "first positions")
        played = random_play(self.starts, self.board.count, WARM_UP_PLIES, generator, self.device)
        measure_norms(
            self.network,
            (
                seen_planes(*boards, drawn_flips(len(boards[0]), self.flip, generator, self.device))
                for boards in played
            ),
        )

    @torch.no_grad()
    def _play(self) -> list[Event]:
        """One move in each game and the opponents' answers."""
        board, generator = self.board.board, self.board.generator
        own, occupied, legal = board.own, board.occupied, board.legal()
        flipped = drawn_flips(self.board.count, self.flip, generator, self.device)
        logits, values = ask_policy(self.network, own, occupied, flipped, self.precision)
        policy = MaskedCategorical(logits, legal)
        columns = policy.sample(generator)
        rewards, ended = self.board.step(columns, policy.probs, values)
        self.rollout.add(
            own=own,
            occupied=occupied,
            flipped=flipped,
            columns=columns,
            log_probs=policy.log_prob(columns),
            values=values,
            rewards=rewards,
            ended=ended,
        )
        self.clock.env_steps += self.board.count
        if self.rollout.steps == self.clock.round_steps:
            self._judge()
            self.clock.phase = LEARNING
        return self._report_games()

    def _judge(self) -> None:
        board, count = self.board.board, self.board.count
        flipped = drawn_flips(count, self.flip, self.board.generator, self.device)
        _, values = ask_policy(self.network, board.own, board.occupied, flipped, self.precision)
        self.rollout.judge(
            values, discount=self.settings["discount"], trace_decay=self.settings["trace_decay"]
        )

    def _report_games(self) -> list[Event]:
        finished = self.board.take_finished()
        for game in finished:
            self.results.add({"mean_plies": torch.tensor(float(len(game.shown.moves)))})
            if game.epoch != NEWEST:
                self.pool_results.add({"win_rate": torch.tensor(game.points)})
        return game_events(self, [(game.row, game.shown) for game in finished])

    def _learn(self) -> list[Event]:
        """One batch; at the end of a round on to the next one, at that of an epoch its report."""
        if not self.learner.update(self.rollout):
            return []
        self.rollout.clear()
        return self._close_epoch() if self.clock.end_round() else []

    def _close_epoch(self) -> list[Event]:
        values = {
            **self.learner.means.take(),
            **self.results.take(),
            **self.pool_results.take(),
            "learning_rate": self.learner.descent.learning_rate,
            "examples_per_s": self._examples_per_s(),
            "env_steps": float(self.clock.env_steps),
            "updates": float(self.learner.descent.updates),
        }
        if self.cloning is not None:
            values |= self.cloning.validate()
        events = self.end_epoch(values)
        self.learner.descent.begin_epoch(self.epochs)
        self.board.replace_opponents(self.pool.add(self.epochs, self.network))
        return events

    def _examples_per_s(self) -> float:
        """Env steps of this epoch, as far as they were taken in this process, per second."""
        began, steps = self._epoch_began
        self._epoch_began = time.perf_counter(), self.clock.env_steps
        return (self.clock.env_steps - steps) / max(self._epoch_began[0] - began, 1e-9)

    # Saving

    def parts(self) -> dict[str, Any]:
        """The pool stands before the games, which name its versions."""
        parts = {
            "clock": self.clock,
            "pool": self.pool,
            "games": self.board,
            "rollout": self.rollout,
            "learner": self.learner,
            "results": self.results,
            "pool_results": self.pool_results,
        }
        return parts if self.cloning is None else {**parts, "cloning": self.cloning}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        super().load_state_dict(state)
        self.learner.descent.begin_epoch(self.epochs)
        self._epoch_began = time.perf_counter(), self.clock.env_steps
