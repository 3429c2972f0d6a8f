"""What a network for Connect Four is shown and what it answers; part of every checkpoint."""

from __future__ import annotations

from hamlet.envs.connect_four.position import COLUMNS, ROWS
from hamlet.layout import Group, ObservationLayout

PLANES = 3  # stones of the mover, stones of the opponent, all 1 if the mover is Red
SHAPE = (PLANES, ROWS, COLUMNS)

LAYOUT = ObservationLayout(
    groups=(Group("board", 0, PLANES * ROWS * COLUMNS, SHAPE),),
    grid_encoding="planes",
    affordances=(),
    meters=(),
    actions=tuple(f"column_{column}" for column in range(1, COLUMNS + 1)),
)
