"""Small Transformer runs that several tests use."""

from __future__ import annotations

from typing import Any

from hamlet.learning.connect_four.system import build_runspec
from hamlet.runspec import RunSpec

TINY = {"layers": 1, "width": 16, "heads": 2, "feedforward": 32, "head_hidden": 16}


def transformer_run(
    expert: dict[str, Any] | None = None,
    advanced: dict[str, Any] | None = None,
    *,
    seed: int = 0,
    dataset: dict[str, Any] | None = None,
    **fields: Any,
) -> RunSpec:
    """Two epochs of some forty positions, in a second."""
    config = {
        "model_type": "transformer",
        "epochs": 2,
        "batch_size": 16,
        "advanced_config": {
            **TINY,
            "search": {"simulations": 6, "temperature": {"plies": 6}},
            "expert": {"positions": 40, "buffer": 80, "parallel_games": 3, **(expert or {})},
            **(advanced or {}),
        },
        **fields,
    }
    return build_runspec({"config": config, "seed": seed, "dataset": dataset})
