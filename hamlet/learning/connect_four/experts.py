"""Whose play a network imitates while it has no examples: its own search, or the solver.

Shapes: N positions, P plies of a game.
Source: Anthony, Tian and Barber 2017, https://arxiv.org/abs/1705.08439 (expert iteration).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from hamlet.learning.connect_four.best_network import BestNetwork
from hamlet.learning.connect_four.finished_games import positions_learned, shown
from hamlet.learning.connect_four.recordings import GameShown
from hamlet.learning.connect_four.solved_positions import SolvedPositions
from hamlet.learning.connect_four.started_self_play import WATCHED, FinishedGame, StartedSelfPlay
from hamlet.learning.saved_state import load_whole
from hamlet.learning.supervised_examples import NO_REPLY
from hamlet.search.rules_dynamics import RulesDynamics
from hamlet.search.self_play import SelfPlaySettings

MOST_POSITIONS = 10**12
PLAYER = "Transformer"
SEARCH = "search"


class Labelled(NamedTuple):
    """What one unit of an expert's work gave.

    Attributes:
        rows: of a PositionBuffer, in parts. games: (row of the batch, game), to be shown.
        counts: what was done, for rates.
    """

    rows: list[dict[str, Tensor]]
    games: list[tuple[int, GameShown]]
    counts: dict[str, float]

    @property
    def positions(self) -> int:
        return sum(len(part["own"]) for part in self.rows)


class Expert(Protocol):
    """Attributes: labelled: positions of this epoch so far."""

    labelled: int

    def begin_epoch(self) -> None: ...

    def advance(self) -> Labelled: ...

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None: ...


def expert_of(network: BestNetwork, config: Mapping[str, Any], seed: int) -> Expert:
    """Args: network: that plays, if the expert is its search. config: of a whole run."""
    if config["advanced_config"]["expert"]["labels"] == SEARCH:
        return SearchExpert(network, config, seed)
    return SolverExpert(config, seed)


class SearchExpert:
    """The search of the present network, in games against itself."""

    def __init__(self, network: BestNetwork, config: Mapping[str, Any], seed: int) -> None:
        advanced, self.config = config["advanced_config"], config
        settings = advanced["expert"]
        playing = SelfPlaySettings.from_data(
            {
                "search": advanced["search"],
                "exploration_rate": settings["exploration_rate"],
                "parallel_games": settings["parallel_games"],
            },
            "content.config.advanced_config",
        )
        self.network, self.labelled = network, 0
        dynamics = RulesDynamics(network, playing.search)
        self.self_play = StartedSelfPlay(dynamics, playing, seed, settings["starts"])

    def begin_epoch(self) -> None:
        """Go on with what the network has become."""
        self.labelled = 0
        self.self_play.use(self.network)

    def advance(self) -> Labelled:
        """A move in every game; finished games are what is learned from."""
        before = self.self_play.search.simulations_done
        games = self.self_play.play_on()
        done = self.self_play.search.simulations_done - before
        kind, decay = self.config["value_target"], self.config["value_decay"]
        found = Labelled(
            [{**positions_learned(each, kind, decay), "reply": replies_in(each)} for each in games],
            [(WATCHED + (each.watched is None), shown(each, PLAYER)) for each in games],
            {"games": len(games), "simulations": done},
        )
        self.labelled += found.positions
        return found

    def state_dict(self) -> dict[str, Any]:
        return {"labelled": self.labelled, "self_play": self.self_play.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Raises: CheckpointError."""
        self.labelled = load_whole(state["labelled"], 0, MOST_POSITIONS, "labelled")
        self.self_play.load_state_dict(state["self_play"])


class SolverExpert:
    """Perfect play, asked about positions of random games. Nobody answers there, so that the
    reply is unknown."""

    def __init__(self, config: Mapping[str, Any], seed: int) -> None:
        settings = config["advanced_config"]["expert"]
        self.wanted, self.labelled = settings["positions"], 0
        self.positions = SolvedPositions(
            seed,
            "solved positions",
            most_empty_cells=settings["most_empty_cells"],
            softness=settings["softness"],
            starts=settings["starts"],
        )

    def begin_epoch(self) -> None:
        self.labelled = 0

    def advance(self) -> Labelled:
        """Some positions, each as often as random play comes by it."""
        rows = self.positions.advance(self.wanted - self.labelled)
        found = Labelled([rows], [], {"solved_positions": len(rows["own"])})
        self.labelled += found.positions
        return found

    def state_dict(self) -> dict[str, Any]:
        return {"labelled": self.labelled, "positions": self.positions.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Raises: CheckpointError."""
        self.labelled = load_whole(state["labelled"], 0, MOST_POSITIONS, "labelled")
        self.positions.load_state_dict(state["positions"])


def replies_in(finished: FinishedGame) -> Tensor:
    """int64 [P - opening]: the column that answered each searched move; NO_REPLY where the game
    ended with it, or the answer was drawn evenly, which says nothing about the opponent."""
    game = finished.game
    replies = torch.full((len(game),), NO_REPLY)
    answers = torch.from_numpy(game.moves[1:]).long()
    replies[:-1] = answers.masked_fill(torch.from_numpy(game.explored[1:]), NO_REPLY)
    return replies[finished.opening :]
