"""Runs from beginning to end, cut and taken up again, and what they say on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

from hamlet.checkpoint import load_training, save_trainer
from hamlet.learning.connect_four.system import make_trainer
from hamlet.learning.connect_four.trainer import BoardTrainer
from hamlet.learning.trainer import EpisodeFinished, Event, MetricsReported, Remarked, RunFinished
from hamlet.runspec import RunSpec

Again = Callable[[], BoardTrainer]  # the same run, from its beginning


def finish(trainer: BoardTrainer) -> list[Event]:
    return [event for unit in units(trainer) for event in unit]


def units(trainer: BoardTrainer) -> Iterator[list[Event]]:
    while not trainer.finished:
        yield list(trainer.advance())


def taken_up(trainer: BoardTrainer, again: Again, folder: Path) -> BoardTrainer:
    """The same run in another process: all that it has is the file."""
    path = folder / "run.safetensors"
    save_trainer(path, trainer)
    state, _ = load_training(path)
    other = again()
    other.load_state_dict(state)
    return other


def through_a_file(trainer: BoardTrainer, path: Path) -> BoardTrainer:
    """As `taken_up`, by the spec in the file."""
    save_trainer(path, trainer)
    state, header = load_training(path)
    again = make_trainer(RunSpec.from_data(header["run_spec"]))
    again.load_state_dict(state)
    return again


def finish_cut(again: Again, folder: Path, every: int = 1) -> tuple[BoardTrainer, list[Event]]:
    """Args: every: so many units of work the run goes on before it is cut again."""
    trainer, events, count = again(), [], 0
    while not trainer.finished:
        events += trainer.advance()
        count += 1
        if count % every == 0:
            trainer = taken_up(trainer, again, folder)
    return trainer, events


def finish_with_cuts(spec: RunSpec, cuts: set[int], folder: Path) -> tuple[BoardTrainer, list[Any]]:
    """Run, and go through a file into a new trainer before each of these units of work."""
    trainer, events, unit = make_trainer(spec), [], 0
    while not trainer.finished:
        if unit in cuts:
            trainer = through_a_file(trainer, folder / f"{unit}.safetensors")
        events += trainer.advance()
        unit += 1
    return trainer, events


def assert_same(one: BoardTrainer, other: BoardTrainer) -> None:
    pairs = [(one.network, other.network), (one.best_network(), other.best_network())]
    for networks in pairs:
        states = [network.state_dict() for network in networks]
        for name, tensor in states[0].items():
            assert torch.equal(tensor, states[1][name]), name
    assert (one.epochs, one.games, one.stopped) == (other.epochs, other.games, other.stopped)


def told(events: list[Event]) -> list[Any]:
    """Everything a run says, but for what depends on the clock."""
    rows: list[Any] = []
    for event in events:
        if isinstance(event, EpisodeFinished):
            episode = event.recording
            recorded = episode and (episode.start, episode.columns, episode.end)
            rows.append((event.number, dict(event.summary), recorded))
        elif isinstance(event, MetricsReported):
            values = {k: v for k, v in event.values.items() if not k.endswith("_per_s")}
            rows.append((event.at, values))
        elif isinstance(event, RunFinished):
            rows.append("finished")
        else:
            rows.append(event)
    return rows


def reports(events: list[Event]) -> list[dict[str, float]]:
    return [dict(event.values) for event in events if isinstance(event, MetricsReported)]


def remarks(events: list[Event]) -> list[str]:
    return [event.text for event in events if isinstance(event, Remarked)]
