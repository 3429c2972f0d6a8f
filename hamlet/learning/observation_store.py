"""Many observations in little memory: grid numbers as bytes, all others as float32.

Letters: R rows of the store, D numbers of an observation, G of them in the grid group.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from hamlet.errors import ShapeError
from hamlet.layout import ObservationLayout
from hamlet.learning.saved_state import load_tensor


class ObservationStore:
    """R observations that are written and read by row.

    A grid group holds only small whole numbers (planes 0 or 1, scalars 0 to 2), which a byte
    keeps exactly. That makes an L1 observation 1,076 bytes instead of 3,956, in memory as in the
    training checkpoint.
    """

    def __init__(
        self, rows: int, layout: ObservationLayout, device: torch.device | str = "cpu"
    ) -> None:
        self.size = layout.size
        packed = layout.group("grid").slice if layout.grid_encoding else slice(0, 0)
        self._packed = packed
        self._before = slice(0, packed.start)
        self._after = slice(packed.stop, self.size)
        grid_size = packed.stop - packed.start
        self.grid = torch.zeros(rows, grid_size, dtype=torch.uint8, device=device)
        self.rest = torch.zeros(rows, self.size - grid_size, device=device)

    def write(self, rows: Tensor | slice, observations: Tensor) -> None:
        """Put [K, D] observations into K rows. Raises: ShapeError on another width."""
        if observations.shape[-1] != self.size:
            found = list(observations.shape)
            raise ShapeError(f"found observations of shape {found}; expected [rows, {self.size}]")
        self.grid[rows] = observations[:, self._packed].to(torch.uint8)
        self.rest[rows, : self._before.stop] = observations[:, self._before]
        self.rest[rows, self._before.stop :] = observations[:, self._after]

    def read(self, rows: Tensor, out: Tensor | None = None) -> Tensor:
        """The observations of K rows as float32 [K, D]; exactly what was written.

        Args: out: [K, D] to write into instead of new memory.
        """
        if out is None:
            out = torch.empty(len(rows), self.size, device=self.rest.device)
        rest = self.rest.index_select(0, rows)
        out[:, self._packed] = self.grid.index_select(0, rows)
        out[:, self._before] = rest[:, : self._before.stop]
        out[:, self._after] = rest[:, self._before.stop :]
        return out

    @staticmethod
    def bytes_per_row(layout: ObservationLayout) -> int:
        grid_size = layout.group("grid").size if layout.grid_encoding else 0
        return grid_size + 4 * (layout.size - grid_size)

    def state_dict(self, filled: int) -> dict[str, Any]:
        """The first `filled` rows; the others were never written."""
        return {"grid": self.grid[:filled].clone(), "rest": self.rest[:filled].clone()}

    def load_state_dict(self, state: dict[str, Any], filled: int) -> None:
        """Raises: CheckpointError if the rows are not as many or not as wide."""
        load_tensor(self.grid[:filled], state["grid"], "grid")
        load_tensor(self.rest[:filled], state["rest"], "rest")
