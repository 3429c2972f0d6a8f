"""Sequence replay for recurrent learners: stretches of one episode with the hidden state before.

A window has burn_in steps that only warm the hidden state up, then sequence_length steps that are
trained on. Trained parts begin at steps 0, stride, 2 x stride, ... of an episode, so that every
step is trained on. The first windows of an episode have no burn_in steps before them: they start
from the hidden state stored at their first trained step, which at step 0 is exactly zero.

Letters: W windows of the ring, N environments, B windows at once, T = burn_in + sequence_length
steps of a window, D numbers of an observation, A actions, L recurrent layers, H hidden size.
Source: Kapturowski et al. 2019, "Recurrent Experience Replay in Distributed Reinforcement
Learning" (R2D2), section 2.3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from hamlet.errors import CheckpointError
from hamlet.layout import ObservationLayout
from hamlet.learning.observation_store import ObservationStore
from hamlet.learning.replay import check_columns
from hamlet.learning.saved_state import below, check_range, cloned, load_tensors, load_whole
from hamlet.learning.sequence_stage import SequenceStage, step_columns
from hamlet.learning.transitions import Collected

STRIDE = 8


@dataclass(frozen=True)
class Windows:
    """B windows, time first where a network reads them.

    Attributes:
        observations: [T + 1, B, D]; entry k + 1 is what followed step k, also at an episode's end.
        masks: [T + 1, B, A] bool, legal in each observation.
        actions, extrinsic, intrinsic, shaping, terminated, truncated: [T, B].
        valid: [T, B] bool, true at steps to train on; false in burn-in and in padding.
        burned: [B] bool, true where the burn-in part is real. Else h and c belong to step burn_in.
        h, c: [L, B, H] hidden state before the first real step.
        env_rows: [B] which environment it came from.
    """

    observations: Tensor
    masks: Tensor
    actions: Tensor
    extrinsic: Tensor
    intrinsic: Tensor
    shaping: Tensor
    terminated: Tensor
    truncated: Tensor
    valid: Tensor
    burned: Tensor
    h: Tensor
    c: Tensor
    env_rows: Tensor

    @property
    def steps(self) -> int:
        """That each of the rewards covers."""
        return 1


class SequenceReplay:
    """A ring of windows, and for each environment the window being filled.

    `capacity` counts environment steps: W = capacity / stride, since every stride steps give one
    new window.
    """

    def __init__(
        self,
        capacity: int,
        layout: ObservationLayout,
        num_envs: int,
        hidden_shape: tuple[int, int],
        *,
        burn_in: int,
        sequence_length: int,
        device: torch.device | str = "cpu",
    ) -> None:
        self.burn_in, self.sequence_length = burn_in, sequence_length
        self.steps = burn_in + sequence_length
        # A longer stride would skip steps, which nobody would ever train on.
        self.stride = min(STRIDE, sequence_length)
        self.windows = max(1, capacity // self.stride)
        self.device = torch.device(device)
        self.filled = self.cursor = 0
        self._staged = SequenceStage(
            num_envs,
            layout,
            hidden_shape,
            steps=self.steps,
            burn_in=burn_in,
            stride=self.stride,
            device=device,
        )
        shape, actions = (self.windows, self.steps), len(layout.actions)
        self._observations = ObservationStore(self.windows * (self.steps + 1), layout, device)
        self._columns = {
            **step_columns(*shape, device),
            "masks": torch.zeros(
                self.windows, self.steps + 1, actions, dtype=torch.bool, device=device
            ),
            "valid": torch.zeros(shape, dtype=torch.bool, device=device),
            "burned": torch.zeros(self.windows, dtype=torch.bool, device=device),
            "h": torch.zeros(self.windows, *hidden_shape, device=device),
            "c": torch.zeros(self.windows, *hidden_shape, device=device),
            "env_rows": torch.zeros(self.windows, dtype=torch.int64, device=device),
        }

    def __len__(self) -> int:
        return self.filled

    def add(self, step: Collected, hidden: tuple[Tensor, Tensor]) -> None:
        """Take one step of every environment; windows that it completes go into the ring.

        Args: hidden: (h, c), each [L, N, H], before the observation was seen.
        """
        complete = self._staged.add(step, hidden)
        if len(complete):
            self._store(complete)
            self._staged.move_on(complete, step.ended)

    def _store(self, envs: Tensor) -> None:
        # More windows than the ring holds (a tiny ring): the last ones win, as in any ring.
        envs = envs[-self.windows :]
        rows = torch.arange(self.cursor, self.cursor + len(envs), device=self.device) % self.windows
        window = self._staged.window(envs)
        offsets = torch.arange(self.steps + 1, device=self.device)
        flat_rows = (rows.unsqueeze(1) * (self.steps + 1) + offsets).flatten()
        self._observations.write(flat_rows, window.pop("observations").flatten(0, 1))
        for name, values in window.items():
            self._columns[name][rows] = values
        self.cursor = (self.cursor + len(envs)) % self.windows
        self.filled = min(self.filled + len(envs), self.windows)

    def rows(self, rows: Tensor) -> Windows:
        """The windows that stand in B rows."""
        offsets = torch.arange(self.steps + 1, device=self.device).unsqueeze(1)
        flat_rows = (rows * (self.steps + 1) + offsets).flatten()
        columns = {
            name: column.index_select(0, rows)
            if name in ("burned", "env_rows")
            else column.index_select(0, rows).transpose(0, 1)
            for name, column in self._columns.items()
        }
        observations = self._observations.read(flat_rows).view(self.steps + 1, len(rows), -1)
        return Windows(observations=observations, **columns)

    def sample(self, count: int, generator: torch.Generator) -> Windows:
        """Draw `count` windows with replacement, each as likely as any other."""
        drawn = torch.randint(self.filled, (count,), generator=generator, device=self.device)
        return self.rows(drawn)

    def state_dict(self) -> dict[str, Any]:
        """The windows stored so far and those being filled."""
        filled = {name: column[: self.filled] for name, column in self._columns.items()}
        return {
            "filled": self.filled,
            "cursor": self.cursor,
            "observations": self._observations.state_dict(self.filled * (self.steps + 1)),
            "columns": cloned(filled),
            "staged": self._staged.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Raises: CheckpointError if the state does not fit these sizes."""
        filled = load_whole(state["filled"], 0, self.windows, "filled")
        cursor = load_whole(state["cursor"], 0, self.windows - 1, "cursor")
        if filled < self.windows and cursor != filled:
            raise CheckpointError(f"cursor: found {cursor}; expected {filled}, as it is not full")
        with below("observations"):
            self._observations.load_state_dict(state["observations"], filled * (self.steps + 1))
        views = {name: column[:filled] for name, column in self._columns.items()}
        load_tensors(views, state["columns"], "columns")
        check_columns(views, self._columns["masks"].shape[-1], "columns")
        check_range(views["env_rows"], 0, len(self._staged.envs) - 1, "columns.env_rows")
        if not bool(views["valid"].any(dim=1).all()):
            raise CheckpointError("columns.valid: found a window without any step to train on")
        self._staged.load_state_dict(state["staged"], "staged")
        self.filled, self.cursor = filled, cursor

    @staticmethod
    def bytes_per_step(
        layout: ObservationLayout, hidden_size: int, burn_in: int, sequence_length: int
    ) -> int:
        """Bytes of ring per unit of capacity."""
        per_entry = ObservationStore.bytes_per_row(layout) + len(layout.actions) + 23
        window = (burn_in + sequence_length + 1) * per_entry + 8 * hidden_size
        return -(-window // min(STRIDE, sequence_length))
