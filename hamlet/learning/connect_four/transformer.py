"""A Transformer: fitted to examples, or by imitating an expert in positions of its own making.

With examples an epoch is one pass over them. Without, it is one round of expert iteration: the
search of the present network, or the solver, labels positions; they join a buffer; the network
learns from it and is the present one from then on.

Source: Anthony, Tian and Barber 2017, https://arxiv.org/abs/1705.08439 (expert iteration).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch

from hamlet.brains import CompiledBrain
from hamlet.learning.connect_four.best_network import BestNetwork
from hamlet.learning.connect_four.examples_fit import NO_VALIDATION, ExamplesFit
from hamlet.learning.connect_four.experts import SEARCH, expert_of
from hamlet.learning.connect_four.game_events import game_events
from hamlet.learning.connect_four.iteration import FIT, LEARN, PLAY, Iteration
from hamlet.learning.connect_four.position_buffer import PositionBuffer
from hamlet.learning.connect_four.trainer import BoardTrainer
from hamlet.learning.connect_four.transformer_learner import TransformerLearner
from hamlet.learning.trainer import Event, Files, Remarked
from hamlet.runspec import RunSpec

PHASES = (FIT, PLAY, LEARN)
LEARN_FOR_S = 0.5  # in one unit of work; where it is cut changes nothing


class TransformerTrainer(BoardTrainer):
    """One unit of work is a batch of examples, a move in all games or some positions for the
    solver, or some updates.

    Attributes:
        best: the network that plays, and the one to take home: as it was after the last epoch, or
            that of the lowest validation loss. network: the one that learns.
    """

    def __init__(
        self, spec: RunSpec, device: str | torch.device = "cpu", files: Files | None = None
    ) -> None:
        """Raises: SpecError naming every fault of the spec, or a file that is not given."""
        super().__init__(spec, device, files)
        self.network.eval()
        advanced = self.config["advanced_config"]
        self.settings = advanced["expert"]
        self.best = BestNetwork(self.network, self.settings["precision"])
        self.fit: ExamplesFit | None = None
        if self.content.dataset is not None:
            names = ("mirror_weight", "reply_weight", "warm_up_share")
            weights = {name: advanced[name] for name in names}
            self.fit = ExamplesFit(
                self.network, self.content, files, spec.seed, spec.budget, **weights
            )
            self.iteration = Iteration(FIT, PHASES)
            return
        self.iteration = Iteration(PLAY, PHASES)
        self.expert = expert_of(self.best, self.config, spec.seed)
        self.buffer = PositionBuffer(self.settings["buffer"])
        self.learner = TransformerLearner(self.network, self.config, spec.seed)

    def best_network(self) -> CompiledBrain:
        return self.best.network

    def work(self) -> list[Event]:
        phases = {FIT: self._fit, PLAY: self._label, LEARN: self._learn}
        return phases[self.iteration.phase]()

    def _fit(self) -> list[Event]:
        """A batch of examples."""
        first = self.fit.fit.updates == 0
        report = self.fit.advance()
        events: list[Event] = []
        if first and not self.fit.validated:
            events.append(Remarked(0, NO_VALIDATION))
        if report is None:
            return events
        if report.improved or not self.fit.validated:
            self.best.take(self.network)
        return events + self.end_epoch(report.metrics, stop=report.stop)

    def _label(self) -> list[Event]:
        """What the expert says about some positions."""
        self.iteration.stopwatch.start()
        found = self.expert.advance()
        self.iteration.stopwatch.stop(**found.counts)
        for rows in found.rows:
            self.buffer.add(rows)
        for _, game in found.games:
            self.iteration.count_game(len(game.moves))
        if self.expert.labelled >= self.settings["positions"]:
            self.iteration.phase = LEARN
            self.iteration.updates_left = self._updates()
        return game_events(self, found.games)

    def _updates(self) -> int:
        """Of this epoch, once its positions are there."""
        wanted = self.settings["passes"] * len(self.buffer) / self.config["batch_size"]
        return min(math.ceil(wanted), self.settings["most_updates"])

    def _learn(self) -> list[Event]:
        """Some updates."""
        watch, updates, done = self.iteration.stopwatch, self._updates(), 0
        watch.start()
        while self.iteration.updates_left and (not done or watch.elapsed_s < LEARN_FOR_S):
            self.iteration.updates_left -= 1
            over = self.epochs + 1 - self.iteration.updates_left / updates
            self.learner.warm_up(over / self.spec.budget)
            self.learner.update(self.buffer)
            done += 1
        watch.stop(examples=done * self.config["batch_size"])
        return [] if self.iteration.updates_left else self._end_round()

    def _end_round(self) -> list[Event]:
        self.best.take(self.network)
        values = {
            **self.learner.means.take(),
            **self.iteration.metrics(),
            "positions_labelled": float(self.expert.labelled),
            "buffer_positions": float(len(self.buffer)),
            "learning_rate": self.learner.learning_rate,
            "updates": float(self.learner.descent.updates),
        }
        if self.settings["labels"] != SEARCH:
            del values["mean_plies"]  # no games
        events = self.end_epoch(values)
        self.iteration.next_epoch(PLAY)
        self.expert.begin_epoch()
        self.learner.descent.begin_epoch(self.epochs)
        return events

    # Saving

    def parts(self) -> dict[str, Any]:
        parts = {"best": self.best, "iteration": self.iteration}
        if self.fit is not None:
            return {**parts, "fit": self.fit}
        return {**parts, "expert": self.expert, "buffer": self.buffer, "learner": self.learner}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Raises: CheckpointError."""
        super().load_state_dict(state)
        if self.fit is None:
            self.learner.descent.begin_epoch(self.epochs)
