"""The worker's part of a training checkpoint: of any size, read as if a stranger wrote it."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from hamlet.checkpoint import save_training, training_header
from hamlet.envs.town.level_schema import LEVEL_SCHEMA
from hamlet.errors import CheckpointError
from hamlet.learning.trainer import EpisodeFinished
from hamlet.model import HamletModel
from hamlet.recording import Episode, ReplayKeeper
from tests.training.coin_system import Tosses, build_runspec
from training.checkpointing import Memory, take_up, write_training

LONGEST = LEVEL_SCHEMA.fields["max_steps"].high


def trainer() -> Tosses:
    return Tosses(build_runspec({"stake": 1, "tosses": 20}))


def recordings(count: int, steps: int) -> Iterator[Episode]:
    """With 30 bytes a step that do not compress, as the meters and values of a town take."""
    generator = torch.Generator().manual_seed(3)
    for number in range(1, count + 1):
        drawn = torch.randint(256, (steps, 30), generator=generator, dtype=torch.uint8)
        text = base64.b64encode(drawn.numpy().tobytes()).decode()
        column = [text[at : at + 40] for at in range(0, len(text), 40)]
        yield Episode(number, {}, {"c0": column}, {}, 0.0)


def offered(steps: int) -> ReplayKeeper:
    keeper = ReplayKeeper()
    for episode in recordings(5, steps):
        summary = {"survival_steps": steps, "score": 1.0, "reason": "x", "stage": 1}
        keeper.offer(EpisodeFinished(episode.number, summary, episode))
    return keeper


def memory_of(keeper: ReplayKeeper, **fields: Any) -> Memory:
    return Memory(**{"at": 0, "episodes": 5, "finished": None, **fields}, keeper=keeper)


def test_the_longest_recordings_that_a_level_allows_fit_into_a_checkpoint(tmp_path: Path) -> None:
    assert LONGEST == 100_000
    path, saved = tmp_path / "training.safetensors", offered(LONGEST)
    write_training(path, trainer(), memory_of(saved), {})
    assert path.stat().st_size > 12 * 2**20  # as text, more than a header may hold
    keeper = take_up(path.read_bytes(), trainer()).keeper
    change = EpisodeFinished(6, {"score": 1.0, "stage": 2}, Episode(6, {}, {"c0": [0]}, {}, 0.0))
    *before, _ = keeper.offer(change)
    assert [episode for episode, _ in before] == list(recordings(5, LONGEST))


def test_what_is_remembered_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "training.safetensors"
    memory = memory_of(offered(3), finished={"winnings": 2.0})
    write_training(path, trainer(), memory, {})
    found = take_up(path.read_bytes(), trainer())
    assert (found.at, found.episodes, found.finished) == (0, 5, {"winnings": 2.0})
    assert HamletModel.load_from_checkpoint(path).signature() == trainer().model.signature()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"at": 3}, "execution.at: found 3; expected a whole number from 0 to 0"),
        ({"episodes": -1}, "execution.episodes: found -1"),
        ({"episodes": "5"}, "execution.episodes: found '5'"),
        ({"finished": {"loss": "low"}}, "execution.finished.loss: found 'low'; expected a number"),
        ({"finished": [1.0]}, "execution: cannot be read"),
        ({"keeper": {}}, "execution.keeper: cannot be read"),
        ({"keeper": None}, "execution.keeper: cannot be read"),
    ],
)
def test_a_field_that_no_worker_would_have_saved_is_named(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    path = tmp_path / "training.safetensors"
    worker = {**memory_of(offered(3)).to_data(), **change}
    save_parts(path, trainer=trainer().state_dict(), execution=worker)
    with pytest.raises(CheckpointError, match=message):
        take_up(path.read_bytes(), trainer())


def test_a_checkpoint_that_no_worker_saved_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "training.safetensors"
    save_parts(path, **trainer().state_dict())
    with pytest.raises(CheckpointError, match="expected trainer and execution, as this version"):
        take_up(path.read_bytes(), trainer())


def save_parts(path: Path, **state: Any) -> None:
    made_by = trainer()
    save_training(path, state, training_header(made_by.spec, made_by.model, state))
