"""DQN and PPO learn: they play endings better than before, and better than the centre-first player.

The first test takes about ten seconds of one core, the second about three minutes.
"""

from __future__ import annotations

from typing import Any

import pytest

from hamlet.learning.connect_four.system import build_runspec, make_trainer
from hamlet.learning.connect_four.trainer import BoardTrainer
from tests.learning_connect_four.endings import (
    Ending,
    centre_first_mistake_rate,
    decisive_endings,
    mistake_rate,
)
from tests.learning_connect_four.whole_runs import finish

LEARNERS: dict[str, dict[str, Any]] = {
    "dqn": {
        "n_steps": 1,
        "discount": 1.0,
        "learning_starts": 320,
        "env_steps_per_update": 64,
        "target_every": 25,
        "epsilon": {"start": 1.0, "end": 0.05, "share": 0.5},
    },
    "ppo": {"passes": 3, "rollout_steps": 16, "entropy_weight": 0.01},
}


def trained_on(
    model_type: str, endings: list[Ending], *, epochs: int, env_steps: int, seed: int
) -> BoardTrainer:
    """The small network, after games from these endings."""
    config = {
        "model_type": model_type,
        "epochs": epochs,
        "batch_size": 128,
        "learning_rate": 0.001,
        "advanced_config": {
            **LEARNERS[model_type],
            "env_steps": env_steps,
            "parallel_games": 32,
            "opening_plies": 0,
            "starts": [ending.moves for ending in endings],
        },
    }
    trainer = make_trainer(build_runspec({"config": config, "seed": seed}))
    finish(trainer)
    return trainer


def assert_it_learned(trainer: BoardTrainer, endings: list[Ending]) -> None:
    """It makes at most half the mistakes of its first network."""
    after = mistake_rate(trainer.network, endings)
    assert after <= mistake_rate(make_trainer(trainer.spec).network, endings) / 2
    assert after < centre_first_mistake_rate(endings)


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("model_type", "env_steps"), [("dqn", 2_600), ("ppo", 1_800)])
def test_mistakes_in_endings_become_half_as_many(model_type: str, env_steps: int) -> None:
    endings = decisive_endings(40, seed=1)
    trainer = trained_on(model_type, endings, epochs=3, env_steps=env_steps, seed=0)
    assert_it_learned(trainer, endings)


@pytest.mark.slow(expected_s=240)
@pytest.mark.timeout(1200)
@pytest.mark.parametrize(
    ("model_type", "size"),
    [("dqn", {"epochs": 6, "env_steps": 7_200}), ("ppo", {"epochs": 8, "env_steps": 8_000})],
)
def test_what_was_learned_holds_in_endings_never_seen(
    model_type: str, size: dict[str, int]
) -> None:
    unseen = decisive_endings(400, seed=99)
    known = {ending.position.canonical_key for ending in unseen}
    drawn = decisive_endings(1_500, seed=1)
    endings = [ending for ending in drawn if ending.position.canonical_key not in known]
    for seed in range(3):
        assert_it_learned(trained_on(model_type, endings, **size, seed=seed), unseen)
