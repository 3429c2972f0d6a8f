"""The windows that environments are filling before sequence replay takes them.

Letters: N environments, K of them, T = burn_in + sequence_length steps of a window, D numbers of
an observation, A actions, L recurrent layers, H hidden size.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from hamlet.layout import ObservationLayout
from hamlet.learning.replay import check_columns
from hamlet.learning.saved_state import check_range, cloned, load_tensors
from hamlet.learning.transitions import Collected

STEP_COLUMNS = ("actions", "extrinsic", "intrinsic", "shaping", "terminated", "truncated")


class SequenceStage:
    """The window that each of N environments is filling.

    Tensors (all have N rows): `place` is where the next step goes, `first` where the first real
    step stands.
    """

    def __init__(
        self,
        num_envs: int,
        layout: ObservationLayout,
        hidden_shape: tuple[int, int],
        *,
        steps: int,
        burn_in: int,
        stride: int,
        device: torch.device | str = "cpu",
    ) -> None:
        self.steps, self.burn_in, self.stride = steps, burn_in, stride
        self.envs = torch.arange(num_envs, device=device)
        entries = (num_envs, self.steps + 1)
        self.tensors = {
            **step_columns(num_envs, self.steps, device),
            "observations": torch.zeros(*entries, layout.size, device=device),
            "masks": torch.zeros(*entries, len(layout.actions), dtype=torch.bool, device=device),
            "h": torch.zeros(num_envs, self.steps, *hidden_shape, device=device),
            "c": torch.zeros(num_envs, self.steps, *hidden_shape, device=device),
            "place": torch.full((num_envs,), self.burn_in, device=device),
            "first": torch.full((num_envs,), self.burn_in, device=device),
        }

    def add(self, step: Collected, hidden: tuple[Tensor, Tensor]) -> Tensor:
        """Put one step in. Returns: the environments whose windows are now complete.

        Args: hidden: (h, c), each [L, N, H], before the observation was seen.
        """
        tensors, place = self.tensors, self.tensors["place"]
        for name in STEP_COLUMNS:
            tensors[name][self.envs, place] = getattr(step, name)
        for name, part in zip(("h", "c"), hidden, strict=True):
            tensors[name][self.envs, place] = part.transpose(0, 1)
        for name in ("observations", "masks"):
            tensors[name][self.envs, place] = getattr(step, name)
            tensors[name][self.envs, place + 1] = getattr(step, f"next_{name}")
        place += 1
        complete = (place == self.steps) | step.ended
        return complete.nonzero().flatten()

    def window(self, envs: Tensor) -> dict[str, Tensor]:
        """The windows of [K] environments as they go into the ring, keys as in `Windows`.

        Entries outside the real steps are whatever stood there before; `valid` and `burned`
        keep them out of every computation.
        """
        taken = {
            name: self.tensors[name].index_select(0, envs)
            for name in (*STEP_COLUMNS, "observations", "masks")
        }
        place, first = self.tensors["place"][envs], self.tensors["first"][envs]
        index = torch.arange(self.steps, device=envs.device)
        burned = first <= 0
        start = torch.where(burned, 0, self.burn_in)
        return taken | {
            "valid": (index >= self.burn_in) & (index < place.unsqueeze(1)),
            "burned": burned,
            "h": self.tensors["h"][envs, start],
            "c": self.tensors["c"][envs, start],
            "env_rows": envs,
        }

    def move_on(self, envs: Tensor, ended: Tensor) -> None:
        """After [K] environments were stored: begin anew where an episode ended, else shift."""
        for name, tensor in self.tensors.items():
            if name not in ("place", "first"):
                kept = tensor[envs, self.stride :]
                tensor[envs, : kept.shape[1]] = kept
        restart = ended[envs]
        place, first = self.tensors["place"][envs], self.tensors["first"][envs]
        self.tensors["place"][envs] = torch.where(restart, self.burn_in, place - self.stride)
        self.tensors["first"][envs] = torch.where(
            restart, self.burn_in, (first - self.stride).clamp_min(0)
        )

    def state_dict(self) -> dict[str, Any]:
        return cloned(self.tensors)

    def load_state_dict(self, state: Any, name: str) -> None:
        """Raises: CheckpointError if the windows are of other sizes, or cannot be half full so."""
        load_tensors(self.tensors, state, name)
        check_columns(self.tensors, self.tensors["masks"].shape[-1], name)
        check_range(self.tensors["place"], self.burn_in, self.steps - 1, f"{name}.place")
        check_range(self.tensors["first"], 0, self.burn_in, f"{name}.first")


def step_columns(rows: int, steps: int, device: torch.device | str) -> dict[str, Tensor]:
    kinds = (torch.int64, torch.float32, torch.float32, torch.float32, torch.bool, torch.bool)
    return {
        name: torch.zeros(rows, steps, dtype=kind, device=device)
        for name, kind in zip(STEP_COLUMNS, kinds, strict=True)
    }
