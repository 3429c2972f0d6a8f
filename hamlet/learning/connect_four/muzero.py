"""MuZero: learn a model of the game from games played by searching in that model.

An epoch plays games with the network as it is, searches some stored games again, and learns from
positions of stored games by unrolling the model along the moves that were made. The rules are
used for the open columns of the root and to play the chosen moves, never below the root.

Source: Schrittwieser et al. 2020, https://doi.org/10.1038/s41586-020-03051-4.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from hamlet.learning.connect_four.examples_fit import NO_VALIDATION
from hamlet.learning.connect_four.finished_games import game_learned, shown
from hamlet.learning.connect_four.game_events import game_events
from hamlet.learning.connect_four.game_store import GameStore
from hamlet.learning.connect_four.given_games import given_games
from hamlet.learning.connect_four.given_games_fit import GivenGamesFit
from hamlet.learning.connect_four.iteration import FIT, LEARN, PLAY, REANALYSE, Iteration
from hamlet.learning.connect_four.iterations import iterations_of
from hamlet.learning.connect_four.latent_self_play import LatentSelfPlay
from hamlet.learning.connect_four.reanalysis import Reanalysis
from hamlet.learning.connect_four.started_self_play import WATCHED
from hamlet.learning.connect_four.trainer import BoardTrainer
from hamlet.learning.connect_four.unrolled_learner import UnrolledLearner
from hamlet.learning.trainer import Event, Files, Remarked
from hamlet.runspec import RunSpec
from hamlet.search.latent_dynamics import LatentDynamics
from hamlet.search.self_play import SelfPlaySettings

PHASES = (FIT, PLAY, REANALYSE, LEARN)
WORK_FOR_S = 0.5  # of updates or searches in one unit of work; where it is cut changes nothing
PLAYER = "MuZero"


class MuZeroTrainer(BoardTrainer):
    """One unit of work is a move in all games, a few games searched again, or some updates.

    Attributes:
        store: the newest games. iteration: where it stands. iterations: epochs of self-play; the
            others before are the fit to examples.
    """

    def __init__(
        self, spec: RunSpec, device: str | torch.device = "cpu", files: Files | None = None
    ) -> None:
        """Raises: SpecError naming every fault of the spec, examples that are no whole games, or
        a file that is not given."""
        super().__init__(spec, device, files)
        self.network.eval()
        advanced = self.config["advanced_config"]
        self.settings = advanced["self_play"]
        self.iterations = iterations_of(
            self.settings, spec.budget, self.content.dataset is not None
        )
        playing = SelfPlaySettings.from_data(
            {
                "search": advanced["search"],
                "exploration_rate": self.settings["exploration_rate"],
                "parallel_games": self.settings["parallel_games"],
            },
            "content.config.advanced_config",
        )
        self.search = playing.search
        self.store = GameStore(self.settings["buffer_games"])
        self.learner = UnrolledLearner(self.network, self.config, spec.seed)
        self.self_play = LatentSelfPlay(
            self._dynamics(), playing, spec.seed, self.settings["starts"]
        )
        self.reanalysis = Reanalysis(self._dynamics, self.search, spec.seed)
        self.fit = self._made_fit(files)
        self.iteration = Iteration(PLAY if self.fit is None else FIT, PHASES)

    def _dynamics(self) -> LatentDynamics:
        network = self.network
        return LatentDynamics(
            network.represent, network.dynamics, network.predict, self.search, self.device
        )

    def _made_fit(self, files: Files | None) -> GivenGamesFit | None:
        epochs = self.spec.budget - self.iterations
        if self.content.dataset is None or not epochs:
            return None
        given = given_games(self.content, files, self.spec.seed)
        return GivenGamesFit(self.learner, given, epochs)

    def work(self) -> list[Event]:
        phases = {FIT: self._fit, PLAY: self._play, REANALYSE: self._reanalyse, LEARN: self._learn}
        return phases[self.iteration.phase]()

    def _fit(self) -> list[Event]:
        """One batch of the given games."""
        events: list[Event] = []
        if self.learner.descent.updates == 0 and not self.fit.validated:
            events.append(Remarked(0, NO_VALIDATION))
        metrics = self.fit.advance()
        if metrics is None:
            return events
        stopped = self.fit.stopped
        events += self.end_epoch(metrics, stop="" if self.iterations else stopped)
        if self.fit.finished:
            if stopped and self.iterations:
                events.append(Remarked(self.epochs, f"the fit to the examples ends: {stopped}"))
            self.iteration.next_epoch(PLAY)
        self.learner.descent.begin_epoch(self.epochs)
        return events

    def _play(self) -> list[Event]:
        """A move in every game."""
        before = self.self_play.search.simulations_done
        self.iteration.stopwatch.start()
        games = self.self_play.play_on()
        done = self.self_play.search.simulations_done - before
        self.iteration.stopwatch.stop(games=len(games), simulations=done)
        kind, decay = self.config["value_target"], self.config["value_decay"]
        for finished in games:
            self.store.add(game_learned(finished, kind, decay))
            self.iteration.count_game(len(finished.game))
        if self.iteration.games >= self.settings["games"]:
            self.iteration.phase = REANALYSE
            self.iteration.renewals_left = round(
                self.settings["reanalyse_share"] * self.iteration.games
            )
            self.iteration.updates_left = self.settings["updates"]
        watched = [
            (WATCHED if finished.watched is not None else WATCHED + 1, shown(finished, PLAYER))
            for finished in games
        ]
        return game_events(self, watched)

    def _reanalyse(self) -> list[Event]:
        watch, iteration = self.iteration.stopwatch, self.iteration
        watch.start()
        while iteration.renewals_left:
            self.reanalysis.renew(self.store)
            iteration.renewals_left -= 1
            if watch.elapsed_s >= WORK_FOR_S:
                break
        if not iteration.renewals_left:
            iteration.phase = LEARN
        return []

    def _learn(self) -> list[Event]:
        watch, done = self.iteration.stopwatch, 0
        watch.start()
        while self.iteration.updates_left and (not done or watch.elapsed_s < WORK_FOR_S):
            self.learner.update(self.store)
            self.iteration.updates_left -= 1
            done += 1
        watch.stop(examples=done * self.config["batch_size"])
        return [] if self.iteration.updates_left else self._close_epoch()

    def _close_epoch(self) -> list[Event]:
        values = {
            **self.learner.means.take(),
            **self.iteration.metrics(),
            "buffer_games": float(len(self.store)),
            "buffer_positions": float(self.store.positions),
            "learning_rate": self.learner.descent.learning_rate,
            "updates": float(self.learner.descent.updates),
        }
        self.iteration.iterations += 1
        over = self.iteration.iterations >= self.iterations
        early = over and self.epochs + 1 < self.spec.budget
        stop = "all iterations are done; the fit before them had ended early" if early else ""
        events = self.end_epoch(values, stop=stop)
        self.iteration.next_epoch(PLAY)
        self.learner.descent.begin_epoch(self.epochs)
        return events

    # Saving

    def parts(self) -> dict[str, Any]:
        parts = {
            "iteration": self.iteration,
            "store": self.store,
            "learner": self.learner,
            "self_play": self.self_play,
            "reanalysis": self.reanalysis,
        }
        return parts if self.fit is None else {**parts, "fit": self.fit}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Raises: CheckpointError."""
        super().load_state_dict(state)
        self.learner.descent.begin_epoch(self.epochs)
