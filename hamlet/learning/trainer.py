"""What every trainer of every system promises to the machinery that runs it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hamlet.recording import Episode
from hamlet.runspec import RunSpec

if TYPE_CHECKING:
    from hamlet.datasets.games import Game
    from hamlet.model import HamletModel

# Where the file of a sha256 lies: what a run begins from is named in its spec by content alone,
# so that equal specs mean equal runs wherever they are stored.
Files = Callable[[str], Path]


@dataclass(frozen=True)
class Progress:
    """How far a run is, in the system's own unit ("episode", "update", "position")."""

    done: int
    total: int
    unit: str


@dataclass(frozen=True)
class EpisodeFinished:
    """One episode ended. Every episode has a summary; only a chosen few have a recording.

    Attributes:
        number: counts finished episodes of the run from 1, without gaps.
        summary: plain numbers and text. Always there: `survival_steps` (int), `score` (float,
            what best and worst are chosen by), `reason` (text), `stage` (int). More by system.
        recording: the step-by-step episode where this one was recorded.
        game: for a library of games, where the episode was a game worth learning from.
    """

    number: int
    summary: Mapping[str, Any]
    recording: Episode | None = None
    game: Game | None = None


@dataclass(frozen=True)
class MetricsReported:
    """Numbers for the charts, at a count of finished units of progress."""

    at: int
    values: Mapping[str, float]


@dataclass(frozen=True)
class StageChanged:
    """The curriculum moved; `statistics` are the numbers that caused it."""

    at: int
    old: int
    new: int
    statistics: Mapping[str, float]


@dataclass(frozen=True)
class Remarked:
    """A decision of the learner that people should read beside the curves, in words."""

    at: int
    text: str


@dataclass(frozen=True)
class CheckpointDue:
    """A good moment to save both checkpoints: the trainer stands between two units of work."""

    at: int


@dataclass(frozen=True)
class RunFinished:
    """The budget is used up. `metrics` goes with the registered version."""

    metrics: Mapping[str, float] = field(default_factory=dict)


Event = EpisodeFinished | MetricsReported | StageChanged | Remarked | CheckpointDue | RunFinished


class Trainer(ABC):
    """Learns, one unit of work at a time.

    Built from a RunSpec and a device. `state_dict` holds everything (weights, optimiser, replay,
    environment, every RNG state, the recording in progress), so that a trainer loaded from it
    goes on as if nothing had happened: on CPU with the same weights, bit for bit.
    """

    spec: RunSpec

    @abstractmethod
    def advance(self) -> Iterator[Event]:
        """Do one unit of work (town: one vector step and its updates) and yield what happened.

        The state is whole when the iterator is exhausted, and only then may it be saved.
        """

    @property
    @abstractmethod
    def progress(self) -> Progress: ...

    @property
    def finished(self) -> bool:
        return self.progress.done >= self.progress.total

    @abstractmethod
    def state_dict(self) -> dict[str, Any]:
        """A tree of dict, list, tensors, str, int, float, bool and None; see hamlet.checkpoint."""

    @abstractmethod
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take up a saved state. Raises: CheckpointError if it belongs to another RunSpec."""

    @abstractmethod
    def inference_model(self) -> HamletModel: ...

    @abstractmethod
    def metadata(self) -> dict[str, Any]:
        """What the inference checkpoint says of its making (town: training_episode, epsilon,
        curriculum_stage, level, level_hash)."""
