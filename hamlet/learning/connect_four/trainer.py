"""What the learners of Connect Four have in common: epochs, reports, games shown, saving.

A learner is one file: it does its own unit of work in `work()`, says with `end_epoch` when an
epoch of it is over, and names what it must remember in `parts()`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any

import torch

from hamlet.brains import CompiledBrain
from hamlet.learning.connect_four.content import first_network, read_content
from hamlet.learning.connect_four.recordings import GameShown, episode_of
from hamlet.learning.connect_four.strength import raw_rating, raw_strength
from hamlet.learning.saved_state import below, check_spec_hash, load_tensors, load_whole
from hamlet.learning.trainer import (
    CheckpointDue,
    EpisodeFinished,
    Event,
    Files,
    MetricsReported,
    Progress,
    Remarked,
    RunFinished,
    Trainer,
)
from hamlet.model import HamletModel
from hamlet.runspec import RunSpec

MOST_GAMES = 10**12
UNIT = "epoch"


class BoardTrainer(Trainer):
    """Learns Connect Four, one epoch after the other.

    Attributes:
        content: the checked content of the spec. network: what learns, on `device`.
        epochs: finished ones. games: finished games that were shown or learned from.
        stopped: whether it ended before its budget, since it no longer got better.
        measured: whether each epoch tells the mistakes of the network; those of the members of an
            ensemble are counted all together.
    """

    measured = True

    def __init__(
        self, spec: RunSpec, device: str | torch.device = "cpu", files: Files | None = None
    ) -> None:
        """Raises: SpecError naming every fault of the spec, or a file that is not given."""
        self.spec, self.device, self.files = spec, torch.device(device), files
        self.content = read_content(spec)
        self.config = self.content.config
        self.network = first_network(self.content, spec.seed, files).to(self.device)
        self.epochs = self.games = 0
        self.stopped = False

    # What each learner says

    @abstractmethod
    def work(self) -> list[Event]:
        """One unit of work of at most a second or two; the state is whole afterwards."""

    @abstractmethod
    def parts(self) -> dict[str, Any]:
        """What it must remember, each with `state_dict` and `load_state_dict`."""

    def best_network(self) -> CompiledBrain:
        """The one to take home: on CPU or device, one of whose tensors the state holds."""
        return self.network

    def strength(self) -> dict[str, float]:
        """The mistakes of the raw network against perfect play."""
        return raw_strength(self.best_network()) if self.measured else {}

    # What they have in common

    def advance(self) -> Iterator[Event]:
        return iter(()) if self.finished else iter(self.work())

    def end_epoch(self, values: Mapping[str, float], *, stop: str = "") -> list[Event]:
        """Close an epoch: measure the raw network against perfect play and others, and report.

        Args: stop: why this epoch is the last, in words for people; empty if it is not.
        """
        self.epochs += 1
        best, openings = self.best_network(), self.config["rating_openings"]
        values = {**values, **self.strength(), **raw_rating(best, openings, self.spec.seed)}
        events: list[Event] = [MetricsReported(self.epochs, values)]
        if stop:
            self.stopped = True
            events.append(Remarked(self.epochs, stop))
        events.append(CheckpointDue(self.epochs))
        if self.finished:
            events.append(RunFinished(values))
        return events

    def show(self, game: GameShown) -> EpisodeFinished:
        """Count a finished game and make its event."""
        self.games += 1
        return episode_of(self.games, game)

    @property
    def progress(self) -> Progress:
        return Progress(self.epochs, self.spec.budget, UNIT)

    @property
    def finished(self) -> bool:
        return self.stopped or self.epochs >= self.spec.budget

    def inference_model(self) -> HamletModel:
        return HamletModel(self.best_network(), self.metadata())

    def metadata(self) -> dict[str, Any]:
        return {
            "training_epoch": self.epochs,
            "games": self.games,
            "level": self.content.level,
            "model_type": self.config["model_type"],
        }

    # Saving

    def state_dict(self) -> dict[str, Any]:
        return {
            "spec_hash": self.spec.hash,
            # A snapshot: training goes on while it is written.
            "network": {k: v.detach().clone() for k, v in self.network.state_dict().items()},
            "dropout": self.network.dropout_generator.get_state().clone(),
            "parts": {name: part.state_dict() for name, part in self.parts().items()},
            "epochs": self.epochs,
            "games": self.games,
            "stopped": self.stopped,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take up a saved state.

        Raises: CheckpointError naming the field that cannot be that of this run. Part of the
            state may have been taken up by then, so throw this trainer away.
        """
        check_spec_hash(state, self.spec.hash)
        with below("state"):
            load_tensors(self.network.state_dict(), state["network"], "network")
            self.network.dropout_generator.set_state(state["dropout"])
            for name, part in self.parts().items():
                with below(f"parts.{name}"):
                    part.load_state_dict(state["parts"][name])
            self.epochs = load_whole(state["epochs"], 0, self.spec.budget, "epochs")
            self.games = load_whole(state["games"], 0, MOST_GAMES, "games")
            self.stopped = bool(state["stopped"])
