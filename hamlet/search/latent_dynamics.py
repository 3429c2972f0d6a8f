"""States of nodes by a learned model: latent tensors, no rules below the root.

Only the root knows which columns are open. Below it every edge may be tried, the model itself says
what a move is worth, and no game ever ends.

Source: J. Schrittwieser et al. 2020, "Mastering Atari, Go, chess and shogi by planning with a
learned model" (MuZero). Discount 1; rewards and values change sign with every ply.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hamlet.compiled import compiled
from hamlet.envs.connect_four.bits import COLUMNS
from hamlet.envs.connect_four.planes import fill_planes
from hamlet.errors import HamletError
from hamlet.learning.saved_state import load_tensor
from hamlet.search.boards import Boards
from hamlet.search.settings import SearchSettings
from hamlet.search.tree import NONE, Rule, Tree, Wave, add_node, descend, mark

# planes [B, 3, 6, 7] -> latents [B, ...]
Represent = Callable[[Tensor], Tensor]
# (latents [B, ...], columns int64 [B]) -> (next latents [B, ...], rewards [B] or [B, 1]); a reward
# is seen by the side that moves.
Dynamics = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
# latents [B, ...] -> (logits [B, 7], values [B] or [B, 1]), seen by the side to move.
Predict = Callable[[Tensor], tuple[Tensor, Tensor]]


class LatentDynamics:
    """One latent tensor per node, on the device of the model.

    The subtree of a played move is not kept: its states were imagined, and the open columns of the
    new root are known only now. Memory: T * (simulations + 1) latents.
    """

    keeps_subtrees = False

    def __init__(
        self,
        represent: Represent,
        dynamics: Dynamics,
        predict: Predict,
        settings: SearchSettings,
        device: torch.device | str = "cpu",
    ) -> None:
        """Raises: HamletError for settings that need the rules of the game below the root."""
        if settings.transposition or settings.symmetric_evaluation != "off":
            raise HamletError(
                "transposition and symmetric_evaluation need positions, and a learned model has "
                'none below the root; set transposition false and symmetric_evaluation "off"'
            )
        self.represent, self.dynamics, self.predict = represent, dynamics, predict
        self.device = torch.device(device)
        self.batch_limit = settings.batch_limit
        self.latents: Tensor | None = None  # [T, N, ...], made when the first root shows its shape

    def prepare(self, tree: Tree) -> None:
        self._size = tree.value.shape

    def place_roots(self, tree: Tree, rows: np.ndarray, boards: Boards) -> None:
        _place_roots(tree, rows, boards.legal())

    @torch.inference_mode()
    def evaluate_roots(
        self, tree: Tree, rows: np.ndarray, boards: Boards, streams: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        planes = torch.empty(len(rows), 3, 6, 7)
        fill_planes(boards.own, boards.occupied, planes.numpy())
        parts = []
        for at in range(0, len(rows), self.batch_limit):
            latents = self.represent(planes[at : at + self.batch_limit].to(self.device))
            self._write(rows[at : at + self.batch_limit], 0, latents)
            parts.append(_numbers(*self.predict(latents)))
        return _joined(parts)

    def gather(
        self, tree: Tree, rule: Rule, wave: Wave, left: np.ndarray, budget: np.ndarray
    ) -> int:
        return _gather(tree, rule, wave, left, budget)

    @torch.inference_mode()
    def evaluate(
        self, tree: Tree, wave: Wave, count: int, streams: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        trees, nodes = wave.tree[:count].astype(np.int64), wave.node[:count].astype(np.int64)
        parents, columns = tree.parent[trees, nodes], tree.edge[trees, nodes].astype(np.int64)
        parts = []
        for at in range(0, count, self.batch_limit):
            here = slice(at, at + self.batch_limit)
            above = self.latents[trees[here], parents[here].astype(np.int64)]
            moves = torch.from_numpy(columns[here]).to(self.device)
            latents, rewards = self.dynamics(above, moves)
            self._write(trees[here], nodes[here], latents)
            earned = rewards.reshape(-1).float().cpu().numpy()
            tree.reward[trees[here], parents[here], columns[here]] = earned
            parts.append(_numbers(*self.predict(latents)))
        return _joined(parts)

    def keep(self, t: int, moved: np.ndarray) -> None:
        raise HamletError("a learned model keeps no subtrees")

    def state_dict(self, used: np.ndarray) -> dict[str, Any]:
        """Args: used: bool [T, N], the nodes that there are."""
        return {"latents": None if self.latents is None else self.latents.clone()}

    def load_state_dict(self, used: np.ndarray, state: dict[str, Any]) -> None:
        """Raises: CheckpointError."""
        found = state["latents"]
        if found is None:
            self.latents = None
            return
        shape = (*self._size, *found.shape[2:]) if isinstance(found, Tensor) else self._size
        latents = torch.zeros(shape, device=self.device)
        load_tensor(latents, found, "latents")
        self.latents = latents

    def _write(self, rows: np.ndarray, nodes: Any, latents: Tensor) -> None:
        if self.latents is None:
            self.latents = torch.zeros(*self._size, *latents.shape[1:], device=self.device)
        self.latents[rows, nodes] = latents.float()


def _numbers(logits: Tensor, values: Tensor) -> tuple[np.ndarray, np.ndarray]:
    return logits.float().cpu().numpy(), values.reshape(-1).float().cpu().numpy()


def _joined(parts: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    logits, values = zip(*parts, strict=True)
    return np.concatenate(logits), np.concatenate(values)


@compiled
def _place_roots(tree, rows, legal):
    for i in range(rows.shape[0]):
        t = rows[i]
        tree.used[t] = 0
        add_node(tree, t, NONE, NONE)
        for e in range(COLUMNS):
            tree.legal[t, 0, e] = legal[i, e]


@compiled
def _gather(tree, rule, wave, left, budget):
    count = 0
    for t in range(left.shape[0]):
        waiting = 0
        while waiting < rule.leaves and waiting < left[t]:
            node, column = descend(tree, rule, t, budget[t] - left[t] + waiting)
            if column == NONE:
                break  # even virtual loss leads to a leaf that waits already
            node = add_node(tree, t, node, column)
            for e in range(COLUMNS):
                tree.legal[t, node, e] = True
            if rule.leaves > 1:
                mark(tree, t, node, 1)
            wave.tree[count], wave.node[count] = t, node
            count += 1
            waiting += 1
    return count
