"""Connect Four: rules, positions, batches of games and wrappers for other libraries.

What needs a package of its own (numba, pettingzoo, gymnasium) is imported when it is asked for.
"""

from __future__ import annotations

import importlib
from typing import Any

from hamlet.envs.connect_four.layout import LAYOUT
from hamlet.envs.connect_four.position import RED, YELLOW, IllegalMoveError, Position
from hamlet.envs.connect_four.reading import read_moves, read_position, write_board, write_moves

LATER = {
    "ConnectFourAEC": "aec",
    "ConnectFourBatch": "batch",
    "ConnectFourGymEnv": "gym",
    "planes_of": "planes",
}

__all__ = [
    "LAYOUT",
    "RED",
    "YELLOW",
    "ConnectFourAEC",
    "ConnectFourBatch",
    "ConnectFourGymEnv",
    "IllegalMoveError",
    "Position",
    "planes_of",
    "read_moves",
    "read_position",
    "write_board",
    "write_moves",
]


def __getattr__(name: str) -> Any:
    if name not in LATER:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    return getattr(importlib.import_module(f"{__name__}.{LATER[name]}"), name)
