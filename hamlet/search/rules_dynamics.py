"""States of nodes by the real rules: each node has its position, and finished games are exact."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from hamlet.compiled import compiled
from hamlet.envs.connect_four.bits import BOARD, COLUMNS, cells_of, has_four, playable
from hamlet.search.boards import Boards
from hamlet.search.evaluating import AskedInBatches, Evaluate
from hamlet.search.saving import loaded
from hamlet.search.settings import SearchSettings
from hamlet.search.tree import NONE, Rule, Tree, Wave, add_node, back_up, descend, mark


class RulesDynamics:
    """Positions of nodes, and the evaluator that is asked about them.

    Attributes:
        own, occupied: int64 [T, N].
    """

    keeps_subtrees = True

    def __init__(self, evaluate: Evaluate, settings: SearchSettings) -> None:
        self.settings = settings
        self.evaluate_boards = AskedInBatches(evaluate, settings)

    def prepare(self, tree: Tree) -> None:
        """Make room for the nodes of these trees."""
        self.own = np.zeros(tree.value.shape, np.int64)
        self.occupied = np.zeros(tree.value.shape, np.int64)

    def place_roots(self, tree: Tree, rows: np.ndarray, boards: Boards) -> None:
        """New trees of one node, not evaluated yet."""
        _place_roots(tree, self.own, self.occupied, rows, boards.own, boards.occupied)

    def evaluate_roots(
        self, tree: Tree, rows: np.ndarray, boards: Boards, streams: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Logits [B, 7] and values [B] of the roots of these trees."""
        return self.evaluate_boards(boards, rows, streams)

    def gather(
        self, tree: Tree, rule: Rule, wave: Wave, left: np.ndarray, budget: np.ndarray
    ) -> int:
        """Descend until each tree has its leaves for one evaluation, or has none left to do.

        Simulations that end in a finished game are done at once.

        Returns: how many leaves there are in `wave`.
        """
        return _gather(tree, self.own, self.occupied, rule, wave, left, budget)

    def evaluate(
        self, tree: Tree, wave: Wave, count: int, streams: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Logits [B, 7] and values [B] of the first `count` leaves of a wave."""
        trees, nodes = wave.tree[:count], wave.node[:count]
        boards = Boards(self.own[trees, nodes], self.occupied[trees, nodes])
        return self.evaluate_boards(boards, trees, streams)

    def keep(self, t: int, moved: np.ndarray) -> None:
        """Node i of tree t is from now on what node moved[i] was."""
        self.own[t, : len(moved)] = self.own[t, moved]
        self.occupied[t, : len(moved)] = self.occupied[t, moved]

    def state_dict(self, used: np.ndarray) -> dict[str, Any]:
        """Args: used: bool [T, N], the nodes that there are."""
        return {
            "own": torch.from_numpy(self.own[used]),
            "occupied": torch.from_numpy(self.occupied[used]),
            "asked": self.evaluate_boards.state_dict(),
        }

    def load_state_dict(self, used: np.ndarray, state: dict[str, Any]) -> None:
        """Raises: CheckpointError."""
        self.own[used] = loaded(self.own[used], state["own"], "own")
        self.occupied[used] = loaded(self.occupied[used], state["occupied"], "occupied")
        self.evaluate_boards.load_state_dict(state["asked"])


@compiled
def _open_edges(tree, occupied, t, node):
    cells = playable(occupied[t, node])
    for column in range(COLUMNS):
        tree.legal[t, node, column] = (cells & cells_of(column)) != 0


@compiled
def _place_roots(tree, own, occupied, rows, new_own, new_occupied):
    for i in range(rows.shape[0]):
        t = rows[i]
        tree.used[t] = 0
        add_node(tree, t, NONE, NONE)
        own[t, 0], occupied[t, 0] = new_own[i], new_occupied[i]
        _open_edges(tree, occupied, t, 0)


@compiled
def _add_position(tree, own, occupied, t, parent, column):
    """The node after a move: its position, its open columns, and its result if it ends there."""
    node = add_node(tree, t, parent, column)
    stone = playable(occupied[t, parent]) & cells_of(column)
    own[t, node] = own[t, parent] ^ occupied[t, parent]
    occupied[t, node] = occupied[t, parent] | stone
    if has_four(own[t, node] ^ occupied[t, node]):
        tree.value[t, node] = -1.0  # the side to move has lost
        tree.ended[t, node] = True
    elif occupied[t, node] == BOARD:
        tree.ended[t, node] = True
    else:
        _open_edges(tree, occupied, t, node)
    return node


@compiled
def _gather(tree, own, occupied, rule, wave, left, budget):
    count = 0
    for t in range(left.shape[0]):
        waiting = 0
        while waiting < rule.leaves and waiting < left[t]:
            node, column = descend(tree, rule, t, budget[t] - left[t] + waiting)
            if column != NONE:
                node = _add_position(tree, own, occupied, t, node, column)
            elif not tree.ended[t, node]:
                break  # even virtual loss leads to a leaf that waits already
            if tree.ended[t, node]:
                back_up(tree, t, node)
                left[t] -= 1
                continue
            if rule.leaves > 1:
                mark(tree, t, node, 1)
            wave.tree[count], wave.node[count] = t, node
            count += 1
            waiting += 1
    return count
