"""Networks that look at a board of columns and say how good each column and the situation are.

All families of this kind take and give the same, so that nobody who uses one has to ask which
it is. How they learn is not in the brain spec but in the configuration of the run: one network
can be fitted to examples, play against itself, or both.

Shapes: B batch, P planes (3), R rows, A columns, which are the actions.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor

from hamlet.brains.network import CompiledBrain
from hamlet.errors import Problem, ShapeError
from hamlet.layout import ObservationLayout
from hamlet.signature import BATCH, TensorSpec

BOARD = "board"  # name of the only group of the layout
PLANES = 3  # stones of the mover, stones of the opponent, whether the mover is the first player
MOST_CELLS = 400  # 19 x 19 fits; a Transformer compares every cell with every other
INPUT, POLICY, VALUE = "input", "policy", "value"


class BoardBrain(CompiledBrain):
    """A network from the planes of a board to logits of the columns and a value."""

    def forward(self, planes: Tensor) -> tuple[Tensor, Tensor]:
        """Args: planes [B, P, R, A] float32, row 0 on top.

        Returns: (policy logits [B, A], value [B, 1] in [-1, 1] for the side to move).
        Raises: ShapeError if the planes have another shape.
        """
        raise NotImplementedError

    @property
    def board_shape(self) -> tuple[int, int, int]:
        """(P, R, A)."""
        planes, rows, columns = self.layout.group(BOARD).shape
        return planes, rows, columns

    def input_specs(self) -> tuple[TensorSpec, ...]:
        return (TensorSpec(INPUT, "float32", (BATCH, *self.board_shape)),)

    def output_specs(self) -> tuple[TensorSpec, ...]:
        return (
            TensorSpec(POLICY, "float32", (BATCH, len(self.layout.actions))),
            TensorSpec(VALUE, "float32", (BATCH, 1)),
        )

    def answer(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        policy, value = self(inputs[INPUT])
        return {POLICY: policy, VALUE: value}

    def check_planes(self, planes: Tensor) -> None:
        if planes.dim() != 4 or tuple(planes.shape[1:]) != self.board_shape:
            raise ShapeError(
                f"found planes of shape {list(planes.shape)}; expected "
                f"[B, {', '.join(map(str, self.board_shape))}], as the layout of this brain says"
            )


def open_columns(planes: Tensor) -> Tensor:
    """[B, A] bool: true where the top cell is empty. That a game is over is not seen here."""
    return planes[:, :2, 0].sum(dim=1) < 0.5


def check_board(block: dict[str, Any], layout: ObservationLayout) -> Iterator[Problem]:
    """Whether the observation is a board of columns."""
    shape = layout.group(BOARD).shape if layout.has(BOARD) else ()
    good = len(shape) == 3 and shape[0] == PLANES and shape[2] == len(layout.actions)
    if not good or len(layout.groups) != 1:
        groups = ", ".join(f"{group.name} {list(group.shape)}" for group in layout.groups)
        message = (
            f"found an observation of {groups} with {len(layout.actions)} actions; this network "
            f"reads one group {BOARD} of [{PLANES}, rows, columns] with one action per column"
        )
        yield Problem(INPUT, message)
    elif cells_of(layout) > MOST_CELLS:
        message = f"found a board of {cells_of(layout)} cells; expected at most {MOST_CELLS}"
        yield Problem(INPUT, message)


def cells_of(layout: ObservationLayout) -> int:
    return math.prod(layout.group(BOARD).shape[1:])
