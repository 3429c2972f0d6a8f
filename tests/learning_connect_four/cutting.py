"""Runs that are cut and taken up again, and what two of them must have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from hamlet.checkpoint import load_training, save_trainer
from hamlet.learning.connect_four.trainer import BoardTrainer
from hamlet.learning.trainer import EpisodeFinished, Event, MetricsReported, Remarked

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


def finish_cut(again: Again, folder: Path, every: int = 1) -> tuple[BoardTrainer, list[Event]]:
    """Args: every: so many units of work the run goes on before it is cut again."""
    trainer, events, count = again(), [], 0
    while not trainer.finished:
        events += trainer.advance()
        count += 1
        if count % every == 0:
            trainer = taken_up(trainer, again, folder)
    return trainer, events


def assert_same(one: BoardTrainer, other: BoardTrainer) -> None:
    pairs = [(one.network, other.network), (one.best_network(), other.best_network())]
    for networks in pairs:
        states = [network.state_dict() for network in networks]
        for name, tensor in states[0].items():
            assert torch.equal(tensor, states[1][name]), name
    assert (one.epochs, one.games, one.stopped) == (other.epochs, other.games, other.stopped)


def told(events: list[Event]) -> list:
    """What does not depend on the clock."""
    seen = []
    for event in events:
        if isinstance(event, EpisodeFinished):
            columns = None if event.recording is None else event.recording.columns
            seen.append((event.number, event.summary, columns))
        elif isinstance(event, MetricsReported):
            values = {k: v for k, v in event.values.items() if not k.endswith("_per_s")}
            seen.append((event.at, values))
        elif isinstance(event, Remarked):
            seen.append(event)
    return seen


def reports(events: list[Event]) -> list[dict[str, float]]:
    return [dict(event.values) for event in events if isinstance(event, MetricsReported)]


def remarks(events: list[Event]) -> list[str]:
    return [event.text for event in events if isinstance(event, Remarked)]
