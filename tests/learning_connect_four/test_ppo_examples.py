"""PPO and DQN that are given examples before their first game."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from hamlet.datasets.rows import empty_rows
from hamlet.envs.connect_four.planes import planes_of
from hamlet.errors import SpecError
from hamlet.learning.connect_four.demonstrations import demonstrations
from hamlet.learning.connect_four.dqn import DqnTrainer
from hamlet.learning.connect_four.ppo import PpoTrainer
from hamlet.learning.connect_four.system import build_runspec
from hamlet.learning.trainer import MetricsReported, Remarked
from hamlet.runspec import RunSpec
from tests.learning_connect_four.games_by_hand import TINY
from tests.learning_connect_four.given_datasets import random_dataset, rows_of_game, stored
from tests.learning_connect_four.whole_runs import assert_same, finish, finish_cut, told

CPU = torch.device("cpu")
FEW_STEPS = {
    "ppo": {"env_steps": 24, "parallel_games": 4, "rollout_steps": 3, "cloning_epochs": 3},
    "dqn": {
        "env_steps": 24,
        "parallel_games": 4,
        "learning_starts": 8,
        "env_steps_per_update": 8,
        "demonstration_updates": 5,
    },
}
TRAINERS = {"ppo": PpoTrainer, "dqn": DqnTrainer}


def run_with(model_type: str, dataset: dict, **fields) -> RunSpec:
    advanced = {**TINY, **FEW_STEPS[model_type], **fields.pop("advanced", {})}
    config = {
        "model_type": model_type,
        "epochs": 2,
        "batch_size": 16,
        "advanced_config": advanced,
        **fields,
    }
    return build_runspec({"config": config, "dataset": dataset, "seed": 5})


@pytest.mark.parametrize("model_type", TRAINERS)
def test_a_run_with_examples_cut_anywhere_ends_the_same(model_type: str, tmp_path: Path) -> None:
    dataset, files = random_dataset(tmp_path)
    spec = run_with(model_type, dataset)

    def again():
        return TRAINERS[model_type](spec, files=files)

    whole = again()
    events = finish(whole)
    cut, parts = finish_cut(again, tmp_path, 4)

    assert_same(whole, cut)
    assert told(parts) == told(events)
    reports = [event.values for event in events if isinstance(event, MetricsReported)]
    assert all({"val_loss", "val_accuracy"} <= set(values) for values in reports)
    assert sum(isinstance(event, Remarked) for event in events) == 1


def test_ppo_plays_like_the_examples_before_it_plays(tmp_path: Path) -> None:
    """One opening, again and again: after cloning it is the likeliest."""
    moves = [3, 3, 3, 2, 3, 3]
    dataset, files = stored(tmp_path, rows_of_game(moves))
    spec = run_with(
        "ppo",
        dataset,
        validation_split=0.0,
        learning_rate=0.01,
        advanced={"cloning_epochs": 60},
    )
    trainer = PpoTrainer(spec, files=files)
    assert trainer.cloning is not None
    while not trainer.cloning.finished:
        list(trainer.advance())

    assert trainer.clock.env_steps == 0
    examples = trainer.cloning.fit.training
    with torch.no_grad():
        logits, _ = trainer.network.eval()(planes_of(examples.own, examples.occupied))
    assert logits.argmax(dim=1).tolist() == moves


def test_demonstrations_are_worth_what_the_example_says() -> None:
    rows = rows_of_game([3, 3, 2])
    rows["value"], rows["weight"] = [0.5, -0.25, 1.0], [1.0, 2.0, 3.0]
    rows["policy"][1] = 0.0  # no policy: the move that was played
    rows["policy"][2], rows["move"][2] = [0.1, 0, 0, 0, 0.6, 0.3, 0], -1  # no move: the best
    plies = demonstrations(rows, CPU)

    assert plies.columns.tolist() == [3, 3, 4]
    assert plies.rewards.tolist() == [0.5, -0.25, 1.0]
    assert plies.weights.tolist() == [1.0, 2.0, 3.0]
    assert bool(plies.ended.all())


def test_the_move_that_was_played_goes_before_the_policy() -> None:
    """The value is the result of the game in which that move was played."""
    rows = rows_of_game([3])
    rows["policy"][0] = [0.9, 0.1, 0, 0, 0, 0, 0]
    assert demonstrations(rows, CPU).columns.tolist() == [3]


def test_demonstrations_stand_in_the_replay_before_the_first_ply(tmp_path: Path) -> None:
    dataset, files = random_dataset(tmp_path)
    trainer = DqnTrainer(run_with("dqn", dataset, validation_split=0.0), files=files)
    list(trainer.advance())
    assert len(trainer.replay) == 8 * 12
    for _ in range(5):
        list(trainer.advance())
    assert trainer.learner.descent.updates == 5
    assert trainer.clock.env_steps == 0


@pytest.mark.parametrize("model_type", TRAINERS)
def test_examples_that_teach_nothing_are_refused(model_type: str, tmp_path: Path) -> None:
    rows = empty_rows(2)
    rows["move"] = -1
    dataset, files = stored(tmp_path, np.concatenate([rows, rows]))
    with pytest.raises(SpecError, match="4 examples, of which none to learn from"):
        TRAINERS[model_type](run_with(model_type, dataset, validation_split=0.0), files=files)
