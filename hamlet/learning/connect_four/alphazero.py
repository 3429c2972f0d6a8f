"""AlphaZero: play against oneself with tree search, learn what the search found, keep the better.

An epoch is one iteration: games by the best network fill the buffer, the network learns from it,
and takes the place of the best one if it beats it. With examples it is fitted to them first.

Sources: Silver et al. 2018, https://doi.org/10.1126/science.aar6404; the gate between networks is
that of AlphaGo Zero, https://doi.org/10.1038/nature24270.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch

from hamlet.brains import CompiledBrain
from hamlet.learning.connect_four.best_network import BestNetwork
from hamlet.learning.connect_four.examples_fit import NO_VALIDATION, ExamplesFit
from hamlet.learning.connect_four.finished_games import match_shown, positions_learned, shown
from hamlet.learning.connect_four.game_events import game_events
from hamlet.learning.connect_four.gate import ArenaGate
from hamlet.learning.connect_four.iteration import FIT, GATE, LEARN, PLAY, Iteration
from hamlet.learning.connect_four.iterations import iterations_of
from hamlet.learning.connect_four.position_buffer import PositionBuffer
from hamlet.learning.connect_four.position_learner import PositionLearner
from hamlet.learning.connect_four.started_self_play import WATCHED, StartedSelfPlay
from hamlet.learning.connect_four.trainer import BoardTrainer
from hamlet.learning.trainer import Event, Files, Remarked
from hamlet.runspec import RunSpec
from hamlet.search.arena import GateDecision
from hamlet.search.players import NetworkPlayer, Player
from hamlet.search.rules_dynamics import RulesDynamics
from hamlet.search.self_play import SelfPlaySettings

PHASES = (FIT, PLAY, LEARN, GATE)
LEARN_FOR_S = 0.5  # in one unit of work; where it is cut changes nothing
PLAYER = "AlphaZero"


class AlphaZeroTrainer(BoardTrainer):
    """One unit of work is a move in all games, some updates, or a ply of all arena games.

    Attributes:
        best: the network that plays. network: the one that learns. iteration: where it stands.
        iterations: epochs of self-play; the others before are the fit to examples.
    """

    def __init__(
        self, spec: RunSpec, device: str | torch.device = "cpu", files: Files | None = None
    ) -> None:
        """Raises: SpecError naming every fault of the spec, or a file that is not given."""
        super().__init__(spec, device, files)
        self.network.eval()
        advanced = self.config["advanced_config"]
        self.settings, self.arena = advanced["self_play"], advanced["arena"]
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
        self.match_search = replace(playing.search, simulations=self.arena["simulations"])
        self.best = BestNetwork(self.network, self.settings["precision"])
        self.buffer = PositionBuffer(self.settings["buffer_last"])
        self.learner = PositionLearner(self.network, self.config, spec.seed)
        self.self_play = StartedSelfPlay(
            RulesDynamics(self.best, playing.search), playing, spec.seed, self.settings["starts"]
        )
        self.gate = ArenaGate(
            self.arena["games"], self.arena["accept_from"], spec.seed, self.settings["starts"]
        )
        self._players: tuple[Player, Player] | None = None  # of the arena, while it runs
        self.fit = self._made_fit(files)
        self.iteration = Iteration(PLAY if self.fit is None else FIT, PHASES)
        self._begin_epoch()

    def _made_fit(self, files: Files | None) -> ExamplesFit | None:
        epochs = self.spec.budget - self.iterations
        if self.content.dataset is None or not epochs:
            return None
        return ExamplesFit(self.network, self.content, files, self.spec.seed, epochs)

    def best_network(self) -> CompiledBrain:
        return self.best.network

    def work(self) -> list[Event]:
        phases = {FIT: self._fit, PLAY: self._play, LEARN: self._learn, GATE: self._compare}
        return phases[self.iteration.phase]()

    # Fit to examples

    def _fit(self) -> list[Event]:
        first = self.fit.fit.updates == 0
        report = self.fit.advance()
        events: list[Event] = []
        if first and not self.fit.validated:
            events.append(Remarked(0, NO_VALIDATION))
        if report is None:
            return events
        if report.improved or not self.fit.validated:
            self.best.take(self.network)
        if not self.fit.fit.finished:
            return events + self.end_epoch(report.metrics)
        self.best.take(self.network)
        if not self.iterations:
            return events + self.end_epoch(report.metrics, stop=report.stop)
        events += self.end_epoch(report.metrics)
        if report.stop:
            events.append(Remarked(self.epochs, f"the fit to the examples ends: {report.stop}"))
        self.self_play.use(self.best)
        self._begin_epoch()
        return events

    # Play

    def _begin_epoch(self) -> None:
        """The buffer grows evenly from the first epoch of self-play to the last."""
        if self.fit is None or self.fit.fit.finished:
            self.iteration.next_epoch(PLAY)
        first, last = self.settings["buffer_first"], self.settings["buffer_last"]
        done = min(1.0, self.iteration.iterations / max(1, self.iterations - 1))
        self.buffer.limit = round(first + (last - first) * done)
        self.learner.descent.begin_epoch(self.epochs)

    def _play(self) -> list[Event]:
        """A move in every game."""
        before = self.self_play.search.simulations_done
        self.iteration.stopwatch.start()
        games = self.self_play.play_on()
        done = self.self_play.search.simulations_done - before
        self.iteration.stopwatch.stop(games=len(games), simulations=done)
        kind, decay = self.config["value_target"], self.config["value_decay"]
        for finished in games:
            self.buffer.add(positions_learned(finished, kind, decay))
            self.iteration.count_game(len(finished.game))
        if self.iteration.games >= self.settings["games"]:
            self.iteration.phase = LEARN
            self.iteration.updates_left = self._updates()
        watched = [
            (WATCHED if finished.watched is not None else WATCHED + 1, shown(finished, PLAYER))
            for finished in games
        ]
        return game_events(self, watched)

    def _updates(self) -> int:
        """Of one epoch."""
        wanted = self.settings["passes"] * len(self.buffer) / self.config["batch_size"]
        return min(math.ceil(wanted), self.settings["most_updates"])

    # Learn

    def _learn(self) -> list[Event]:
        watch, done = self.iteration.stopwatch, 0
        watch.start()
        while self.iteration.updates_left and (not done or watch.elapsed_s < LEARN_FOR_S):
            self.learner.update(self.buffer)
            self.iteration.updates_left -= 1
            done += 1
        watch.stop(examples=done * self.config["batch_size"])
        if not self.iteration.updates_left:
            self.iteration.phase = GATE
        return []

    # Compare

    def _compare(self) -> list[Event]:
        """A ply of all games between the new network and the best one."""
        if self._players is None:
            new = BestNetwork(self.network, self.settings["precision"])
            self._players = (
                NetworkPlayer(new, self.match_search, title="new network"),
                NetworkPlayer(self.best, self.match_search, title="best network"),
            )
        games = self.gate.advance(*self._players)
        titles = ("new network", "best network")
        events = game_events(self, [(WATCHED + 1, match_shown(game, titles)) for game in games])
        return events + self._decide() if self.gate.finished else events

    def _decide(self) -> list[Event]:
        decision = self.gate.decision()
        self._players = None
        if decision.accepted:
            self.best.take(self.network)
            self.self_play.use(self.best)
        values = {
            **self.learner.means.take(),
            **self.iteration.metrics(),
            "arena_score": decision.match.mean().mean,
            "buffer_positions": float(len(self.buffer)),
            "learning_rate": self.learner.descent.learning_rate,
            "updates": float(self.learner.descent.updates),
        }
        self.iteration.iterations += 1
        self.gate.begin(self.iteration.iterations)
        over = self.iteration.iterations >= self.iterations
        early = over and self.epochs + 1 < self.spec.budget
        remark = Remarked(self.epochs + 1, in_words(self.epochs + 1, decision))
        stop = "all iterations are done; the fit before them had ended early" if early else ""
        events = [remark, *self.end_epoch(values, stop=stop)]
        self._begin_epoch()
        return events

    # Saving

    def parts(self) -> dict[str, Any]:
        parts = {
            "best": self.best,
            "iteration": self.iteration,
            "buffer": self.buffer,
            "learner": self.learner,
            "self_play": self.self_play,
            "gate": self.gate,
        }
        return parts if self.fit is None else {**parts, "fit": self.fit}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Raises: CheckpointError."""
        super().load_state_dict(state)
        self._players = None
        self.learner.descent.begin_epoch(self.epochs)


def in_words(epoch: int, decision: GateDecision) -> str:
    score, games = decision.match.mean().mean, len(decision.match.games)
    scored = f"epoch {epoch}: the new network scored {score:+.2f} over {games} games"
    if decision.accepted:
        return f"{scored} and is the best now"
    return f"{scored}, less than {decision.needed:+.2f}; the best one stays"
