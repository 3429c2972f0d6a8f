"""The game of one board, with what its players thought, until it is over and can be shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hamlet.envs.connect_four.position import CELLS, COLUMNS
from hamlet.learning.connect_four.recordings import GameShown
from hamlet.learning.saved_state import load_list, load_number

WATCHED = 0  # the row of a batch of games


class WatchedGame:
    """Attributes:
    policies: of each ply [7] shares over legal columns, empty for moves of the start.
    values: of each ply the expected result for the side to move; None for moves of the start.
    """

    def __init__(self) -> None:
        self.policies: list[list[float]] = []
        self.values: list[float | None] = []

    def begin(self, plies: int) -> None:
        """Args: plies: moves that led to the start, about which nobody thought."""
        self.policies = [[] for _ in range(plies)]
        self.values = [None] * plies

    def add(self, policy: list[float], value: float) -> None:
        """Args: policy: of the side to move. value: as it sees it, taken into [-1, 1]."""
        self.policies.append([min(1.0, share) for share in policy])
        self.values.append(max(-1.0, min(1.0, value)))

    def fill(self, game: GameShown) -> GameShown:
        """Add the thoughts to a game that has the moves."""
        game.policies, game.values = list(self.policies), list(self.values)
        return game

    def state_dict(self) -> dict[str, Any]:
        return {
            "policies": [list(policy) for policy in self.policies],
            "values": list(self.values),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Raises: CheckpointError."""
        values = load_list(state["values"], 0, CELLS, "values")
        policies = load_list(state["policies"], len(values), len(values), "policies")
        self.values = [
            None if value is None else load_number(value, -1.0, 1.0, f"values[{ply}]")
            for ply, value in enumerate(values)
        ]
        self.policies = [
            [load_number(share, 0.0, 1.0, f"policies[{ply}]") for share in policy]
            for ply, policy in enumerate(
                load_list(policy, 0, COLUMNS, f"policies[{ply}]")
                for ply, policy in enumerate(policies)
            )
        ]
