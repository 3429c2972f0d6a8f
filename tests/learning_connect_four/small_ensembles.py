"""Small ensembles that several tests use."""

from __future__ import annotations

from typing import Any

from hamlet.learning.connect_four.system import build_runspec
from hamlet.runspec import RunSpec
from tests.learning_connect_four import small_transformers
from tests.learning_connect_four.games_by_hand import TINY

SEARCH = {"simulations": 4, "temperature": {"plies": 6}}
ALPHAZERO: dict[str, Any] = {
    "model_type": "alphazero",
    "batch_size": 16,
    "advanced_config": {
        **TINY,
        "search": SEARCH,
        "self_play": {"games": 2, "parallel_games": 2, "buffer_first": 40, "buffer_last": 40},
        "arena": {"games": 2, "simulations": 2, "accept_from": -1.0},
    },
}
TRANSFORMER: dict[str, Any] = {
    "model_type": "transformer",
    "batch_size": 16,
    "advanced_config": {
        **small_transformers.TINY,
        "search": SEARCH,
        "expert": {"positions": 32, "buffer": 64, "labels": "solver", "parallel_games": 2},
    },
}
DQN: dict[str, Any] = {
    "model_type": "dqn",
    "batch_size": 16,
    "advanced_config": {**TINY, "env_steps": 64, "learning_starts": 16, "parallel_games": 4},
}
PPO: dict[str, Any] = {
    "model_type": "ppo",
    "batch_size": 16,
    "advanced_config": {**TINY, "env_steps": 48, "parallel_games": 4, "rollout_steps": 12},
}
MUZERO: dict[str, Any] = {
    "model_type": "muzero",
    "batch_size": 8,
    "advanced_config": {
        **TINY,
        "unroll_steps": 2,
        "search": SEARCH,
        "self_play": {"games": 2, "parallel_games": 2, "buffer_games": 4, "updates": 2},
    },
}


def ensemble_run(
    *members: dict[str, Any],
    seed: int = 0,
    dataset: dict[str, Any] | None = None,
    base: dict[str, Any] | None = None,
    fitting: dict[str, Any] | None = None,
    **fields: Any,
) -> RunSpec:
    """Two epochs of an AlphaZero and a Transformer, in a second or two."""
    config = {
        "model_type": "ensemble",
        "epochs": 2,
        "advanced_config": {
            "members": list(members or (ALPHAZERO, TRANSFORMER)),
            "fitting": {"positions": 48, **(fitting or {})},
        },
        **fields,
    }
    return build_runspec({"config": config, "seed": seed, "dataset": dataset, "base": base})
