"""Learning itself: an agent gets better than chance in the smallest town, the same each time."""

from __future__ import annotations

import pytest

from hamlet.envs.town import load_pack
from hamlet.envs.town.policies import make_policy
from hamlet.evaluation.evaluate import evaluate
from hamlet.evaluation.statistics import paired_difference
from hamlet.learning.town import build_runspec
from hamlet.learning.town_trainer import TownTrainer
from tests.learning.small_worlds import finish, log_rows, same


def trained() -> tuple[TownTrainer, list]:
    """60 episodes of L0 with quickly falling epsilon."""
    spec = build_runspec(
        {
            "level": "L0",
            "episodes": 60,
            "seed": 2,
            "training": {"num_envs": 8, "epsilon": {"decay": 0.93}},
            "brain": {
                "architecture": {
                    "type": "dueling",
                    "dueling": {
                        "shared_layers": [64],
                        "value_stream": {"hidden_layers": [32]},
                        "advantage_stream": {"hidden_layers": [32]},
                    },
                },
                "optimizer": {"learning_rate": 1e-3},
                "q_learning": {"gamma": 0.995, "n_step": 5},
                "replay": {"capacity": 5000, "batch_size": 32},
            },
        }
    )
    trainer = TownTrainer(spec)
    return trainer, log_rows(finish(trainer))


@pytest.mark.slow
def test_two_runs_with_one_seed_are_equal_and_learn_to_beat_chance() -> None:
    (first, first_rows), (second, second_rows) = trained(), trained()
    assert first_rows == second_rows
    assert same(first.state_dict(), second.state_dict())
    level = load_pack("L0").level
    ours = evaluate(first.inference_model(), level, episodes=200)
    chance = evaluate(make_policy("random_legal"), level, episodes=200)
    assert paired_difference(ours.survival, chance.survival).low > 0
