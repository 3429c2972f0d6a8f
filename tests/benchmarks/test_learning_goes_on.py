"""A training of the learning benchmark that is stopped goes on as if nothing had happened."""

import pytest

from benchmarks.learning import training
from benchmarks.learning.training import SHIPPED, Task, model_file, train

TASK = Task("L0", SHIPPED, seed=1, episodes=3)


class PowerCutError(Exception):
    pass


def test_a_stopped_training_ends_with_the_same_agent_and_the_same_story(tmp_path, monkeypatch):
    whole = train(TASK, tmp_path / "whole", threads=1)
    monkeypatch.setattr(training, "SAVE_EVERY_S", 0.0)
    save, saves = training.save, []

    def save_and_stop(*arguments):
        save(*arguments)
        saves.append(arguments)
        if len(saves) == 20:
            raise PowerCutError

    monkeypatch.setattr(training, "save", save_and_stop)
    with pytest.raises(PowerCutError):
        train(TASK, tmp_path / "cut", threads=1)
    monkeypatch.undo()
    resumed = train(TASK, tmp_path / "cut", threads=1)
    first, second = (model_file(tmp_path / name, TASK).read_bytes() for name in ("whole", "cut"))
    assert weights(first) == weights(second)
    assert resumed.survival == whole.survival
    assert resumed.env_steps == whole.env_steps
    assert resumed.episodes == 3


def test_a_finished_training_is_not_done_again(tmp_path):
    first = train(TASK, tmp_path, threads=1)
    before = model_file(tmp_path, TASK).stat().st_mtime_ns
    assert train(TASK, tmp_path, threads=1) == first
    assert model_file(tmp_path, TASK).stat().st_mtime_ns == before


def test_another_run_spec_starts_anew(tmp_path):
    first = train(TASK, tmp_path, threads=1)
    other = train(Task("L0", SHIPPED, seed=1, episodes=4), tmp_path, threads=1)
    assert (first.episodes, other.episodes) == (3, 4)


def weights(checkpoint: bytes) -> dict:
    """The tensors alone; the header says when the file was made."""
    from hamlet.checkpoint import read_checkpoint

    return {name: value.tolist() for name, value in read_checkpoint(checkpoint).tensors.items()}
