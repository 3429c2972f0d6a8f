"""MuZero learns endings in a model of its own: no rules below the root.

About half a minute of one core, with a network of one block of 32 channels.
"""

from __future__ import annotations

import pytest

from hamlet.learning.connect_four.muzero import MuZeroTrainer
from hamlet.learning.connect_four.system import build_runspec
from tests.learning_connect_four.endings import (
    Ending,
    centre_first_mistake_rate,
    decisive_endings,
    mistake_rate,
)


def run_on(endings: list[Ending], *, epochs: int, learning_rate: float) -> MuZeroTrainer:
    config = {
        "model_type": "muzero",
        "epochs": epochs,
        "batch_size": 48,
        "learning_rate": learning_rate,
        "value_target": "outcome",
        "advanced_config": {
            "blocks": 1,
            "channels": 32,
            "search": {"simulations": 24, "root": "gumbel"},
            "unroll_steps": 2,
            "self_play": {
                "games": 48,
                "parallel_games": 48,
                "buffer_games": 1_000,
                "updates": 60,
                "reanalyse_share": 0.1,
                "starts": [ending.moves for ending in endings],
            },
        },
    }
    return MuZeroTrainer(build_runspec({"system": "connect_four", "config": config, "seed": 0}))


@pytest.mark.slow(expected_s=60)
def test_endings_are_learned() -> None:
    endings = decisive_endings(32, seed=7)
    trainer = run_on(endings, epochs=7, learning_rate=0.002)
    untrained = mistake_rate(trainer.network, endings)
    while not trainer.finished:
        list(trainer.advance())
    trained = mistake_rate(trainer.network, endings)

    assert trained <= untrained / 2
    assert trained < centre_first_mistake_rate(endings)


@pytest.mark.slow(expected_s=15)
def test_without_steps_nothing_is_learned() -> None:
    """That the test above would notice: the same run, but for steps of length zero."""
    endings = decisive_endings(32, seed=7)
    trainer = run_on(endings, epochs=2, learning_rate=1e-12)
    untrained = mistake_rate(trainer.network, endings)
    while not trainer.finished:
        list(trainer.advance())

    assert mistake_rate(trainer.network, endings) > untrained / 2
