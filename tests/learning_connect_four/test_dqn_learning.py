"""DQN learns: it plays endings better than before, and better than the centre-first player.

The first test takes about ten seconds of one core, the second about three minutes.
"""

from __future__ import annotations

import pytest

from hamlet.learning.connect_four.dqn import DqnTrainer
from hamlet.learning.connect_four.system import build_runspec
from tests.learning_connect_four.endings import (
    Ending,
    centre_first_mistake_rate,
    decisive_endings,
    mistake_rate,
)
from tests.learning_connect_four.whole_runs import finish

HELD_OUT = {"epochs": 6, "env_steps": 7_200}


def trained_on(endings: list[Ending], *, epochs: int, env_steps: int, seed: int) -> DqnTrainer:
    """The small network, after games from these endings."""
    config = {
        "model_type": "dqn",
        "epochs": epochs,
        "batch_size": 128,
        "learning_rate": 0.001,
        "advanced_config": {
            "env_steps": env_steps,
            "parallel_games": 32,
            "n_steps": 1,
            "discount": 1.0,
            "learning_starts": 320,
            "env_steps_per_update": 64,
            "target_every": 25,
            "epsilon": {"start": 1.0, "end": 0.05, "share": 0.5},
            "opening_plies": 0,
            "starts": [ending.moves for ending in endings],
        },
    }
    trainer = DqnTrainer(build_runspec({"config": config, "seed": seed}))
    finish(trainer)
    return trainer


def untrained(trainer: DqnTrainer) -> DqnTrainer:
    return DqnTrainer(trainer.spec)


@pytest.mark.timeout(300)
def test_mistakes_in_endings_become_half_as_many() -> None:
    endings = decisive_endings(40, seed=1)
    trainer = trained_on(endings, epochs=3, env_steps=2_600, seed=0)

    after = mistake_rate(trainer.network, endings)
    assert after <= mistake_rate(untrained(trainer).network, endings) / 2
    assert after < centre_first_mistake_rate(endings)


@pytest.mark.slow(expected_s=240)
@pytest.mark.timeout(1200)
def test_what_was_learned_holds_in_endings_never_seen() -> None:
    unseen = decisive_endings(400, seed=99)
    known = {ending.position.canonical_key for ending in unseen}
    drawn = decisive_endings(1_500, seed=1)
    endings = [ending for ending in drawn if ending.position.canonical_key not in known]
    for seed in range(3):
        trainer = trained_on(endings, **HELD_OUT, seed=seed)

        after = mistake_rate(trainer.network, unseen)
        assert after <= mistake_rate(untrained(trainer).network, unseen) / 2, seed
        assert after < centre_first_mistake_rate(unseen), seed
