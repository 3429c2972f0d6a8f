"""Runs from beginning to end, cut and taken up again, and what they say on the way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hamlet.checkpoint import load_training, save_trainer
from hamlet.learning.connect_four.system import make_trainer
from hamlet.learning.connect_four.trainer import BoardTrainer
from hamlet.learning.trainer import EpisodeFinished, Event, MetricsReported, RunFinished
from hamlet.runspec import RunSpec

CLOCKED = "examples_per_s"  # the only number that depends on the clock on the wall


def finish(trainer: BoardTrainer) -> list[Event]:
    events: list[Event] = []
    while not trainer.finished:
        events += trainer.advance()
    return events


def units_of(spec: RunSpec) -> int:
    """Units of work of a whole run."""
    trainer, units = make_trainer(spec), 0
    while not trainer.finished:
        list(trainer.advance())
        units += 1
    return units


def finish_with_cuts(spec: RunSpec, cuts: set[int], folder: Path) -> tuple[BoardTrainer, list[Any]]:
    """Run, and go through a file into a new trainer before each of these units of work."""
    trainer, events, unit = make_trainer(spec), [], 0
    while not trainer.finished:
        if unit in cuts:
            trainer = through_a_file(trainer, folder / f"{unit}.safetensors")
        events += trainer.advance()
        unit += 1
    return trainer, events


def through_a_file(trainer: BoardTrainer, path: Path) -> BoardTrainer:
    save_trainer(path, trainer)
    state, header = load_training(path)
    again = make_trainer(RunSpec.from_data(header["run_spec"]))
    again.load_state_dict(state)
    return again


def told(events: list[Event]) -> list[Any]:
    """Everything a run says, but for what depends on the clock."""
    rows: list[Any] = []
    for event in events:
        if isinstance(event, EpisodeFinished):
            episode = event.recording
            recorded = episode and (episode.start, episode.columns, episode.end)
            rows.append((event.number, dict(event.summary), recorded))
        elif isinstance(event, MetricsReported):
            rows.append((event.at, {k: v for k, v in event.values.items() if k != CLOCKED}))
        elif isinstance(event, RunFinished):
            rows.append("finished")
        else:
            rows.append(event)
    return rows
