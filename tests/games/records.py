"""Records of games as people and programs send them."""

from __future__ import annotations

from typing import Any

# Red wins with a column of four.
RED_WINS = "4343434"
# So does Yellow.
YELLOW_WINS = "14241424"


def record(moves: str = RED_WINS, winner: str = "Red", **rest: Any) -> dict[str, Any]:
    return {
        "players": {"red": {"type": "human"}, "yellow": {"type": "ai", "rating": 1200}},
        "moves": [{"position": int(column) - 1} for column in moves],
        "result": {"winner": winner, "reason": "normal"},
        **rest,
    }


def searched(moves: str = RED_WINS, **rest: Any) -> dict[str, Any]:
    """With what a search found before every move."""
    found = record(moves, **rest)
    for ply, move in enumerate(found["moves"]):
        move |= {"visits": [ply, 1, 2, 3, 2, 1, 0], "value": ply / 10}
    return found
