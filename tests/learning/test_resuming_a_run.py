"""A run that was cut and taken up again ends as if nothing had happened, bit for bit."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from hamlet.checkpoint import load_training, save_trainer
from hamlet.errors import CheckpointError
from hamlet.learning.town_trainer import TownTrainer
from hamlet.learning.trainer import StageChanged
from hamlet.runspec import RunSpec
from tests.learning.small_worlds import BRAINS, finish, log_rows, same, small_run

REPLAY = {"capacity": 64, "batch_size": 8}


def climbing_run(scope: str) -> RunSpec:
    """A run whose curriculum moves."""
    return small_run(
        training={
            "num_envs": 2,
            "epsilon": {"start": 0.1, "decay": 0.9},
            "curriculum": {"enabled": True, "scope": scope, "dwell_steps": 10},
        },
        episodes=100 if scope == "per_env" else 50,
    )


KINDS: dict[str, RunSpec] = {
    "feedforward": small_run("feedforward"),
    "dueling": small_run("dueling"),
    "prioritized": small_run(BRAINS["dueling"] | {"replay": {**REPLAY, "prioritized": True}}),
    "n_step": small_run(BRAINS["feedforward"] | {"q_learning": {"n_step": 3}}),
    "recurrent": small_run("recurrent"),
    "dropout and schedule": small_run(
        {
            "architecture": {
                "type": "feedforward",
                "feedforward": {"hidden_layers": [16], "dropout": 0.2},
            },
            "optimizer": {"schedule": {"type": "cosine", "t_max": 40}},
            "replay": REPLAY,
        }
    ),
    "per_env curriculum": climbing_run("per_env"),
    "shared curriculum": climbing_run("shared"),
    "symmetries, prioritized and n_step": small_run(
        BRAINS["dueling"]
        | {
            "q_learning": {"n_step": 3},
            "replay": {**REPLAY, "prioritized": True, "symmetries": True},
        }
    ),
    "rmsprop": small_run(BRAINS["feedforward"] | {"optimizer": {"type": "rmsprop"}}),
    "sgd": small_run(
        BRAINS["feedforward"]
        | {"optimizer": {"type": "sgd", "sgd_momentum": 0.9, "sgd_nesterov": True}}
    ),
    "two-layer LSTM with dropout": small_run(
        {
            "architecture": {
                "type": "recurrent_spatial",
                "recurrent_spatial": {
                    "vision_encoder": {"channels": [2, 2], "output_size": 8},
                    "lstm": {"hidden_size": 8, "num_layers": 2, "dropout": 0.3},
                    "q_head": {"hidden_sizes": [8]},
                },
            },
            "replay": BRAINS["recurrent"]["replay"],
        }
    ),
    "clock and window": small_run(
        "recurrent",
        town={
            "grid": {"width": 4, "height": 4},
            "view": 3,
            "affordances": "all",
            "temporal": {"enabled": True, "start_hour": "random"},
            "shaping": {"approach": 0.5, "diversity": 0.1},
        },
    ),
}


def through_a_file(trainer: TownTrainer, path: Path) -> TownTrainer:
    """Save, and take the run up in a new trainer."""
    save_trainer(path, trainer)
    state, header = load_training(path)
    again = TownTrainer(RunSpec.from_data(header["run_spec"]))
    again.load_state_dict(state)
    return again


@pytest.mark.parametrize("kind", KINDS)
def test_resumed_run_equals_the_uninterrupted_one(kind: str, tmp_path: Path) -> None:
    spec = KINDS[kind]
    whole = TownTrainer(spec)
    expected = log_rows(finish(whole))
    vector_steps = whole.env_steps // whole.num_envs
    assert whole.agent.learner.updates > 10

    # Before the first update, in the middle of an episode, often, and just before the end.
    cuts = {1, 8, vector_steps // 3, vector_steps // 3 + 1, vector_steps // 2, vector_steps - 1}
    trainer, rows = TownTrainer(spec), []
    for step in range(vector_steps):
        if step in cuts:
            trainer = through_a_file(trainer, tmp_path / f"{step}.safetensors")
        rows += log_rows(list(trainer.advance()))

    assert rows == expected
    assert same(trainer.state_dict(), whole.state_dict())


def test_the_runs_above_see_what_they_are_meant_to_see() -> None:
    for scope in ("per_env", "shared"):
        events = finish(TownTrainer(KINDS[f"{scope} curriculum"]))
        assert any(isinstance(event, StageChanged) for event in events), scope
    trainer = TownTrainer(KINDS["dropout and schedule"])
    finish(trainer)
    rate = trainer.agent.learner.optimizer.param_groups[0]["lr"]
    assert 0 <= rate < 2.5e-4


def test_saved_state_is_a_snapshot_that_training_does_not_change() -> None:
    trainer = TownTrainer(KINDS["recurrent"])
    for _ in range(10):
        list(trainer.advance())
    first, second = trainer.state_dict(), trainer.state_dict()
    for _ in range(20):
        list(trainer.advance())
    assert same(first, second)
    assert not same(first, trainer.state_dict())


def test_state_of_another_run_is_refused() -> None:
    state = TownTrainer(small_run(seed=1)).state_dict()
    with pytest.raises(CheckpointError, match="this run is"):
        TownTrainer(small_run(seed=2)).load_state_dict(state)


def test_same_seed_gives_the_same_run_and_another_seed_another() -> None:
    runs = [TownTrainer(small_run(seed=seed)) for seed in (3, 3, 4)]
    rows = [log_rows(finish(run)) for run in runs]
    assert rows[0] == rows[1]
    assert same(runs[0].state_dict(), runs[1].state_dict())
    assert rows[0] != rows[2]


def test_training_leaves_the_global_generator_alone() -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    finish(TownTrainer(KINDS["dropout and schedule"]))
    assert torch.equal(before, torch.get_rng_state())
