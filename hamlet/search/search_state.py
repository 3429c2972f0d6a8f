"""A running search saved and resumed, to the last bit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from hamlet.envs.connect_four.bits import BOARD, COLUMNS
from hamlet.errors import CheckpointError
from hamlet.learning.saved_state import OTHER_RUN, below
from hamlet.search.saving import check_bounds, loaded, restore, saved
from hamlet.search.tree import NONE, PER_NODE

if TYPE_CHECKING:
    from hamlet.search.search import Search


def search_state(search: Search) -> dict[str, Any]:
    """Between two waves or two moves; of the trees only the nodes that there are."""
    used = used_nodes(search)
    nodes = {name: getattr(search.tree, name)[used] for name in PER_NODE}
    return {
        "used": torch.from_numpy(search.tree.used.copy()),
        "nodes": saved(nodes),
        "rows": saved(_per_row(search)),
        "counts": [search.simulations_done, search.evaluations],
        "dynamics": search.dynamics.state_dict(used),
    }


def load_search_state(search: Search, state: Any) -> None:
    """Take up a search with the same settings and number of games.

    Raises: CheckpointError. The search is of no use then.
    """
    with below("search"):
        tree = search.tree
        numbers = loaded(tree.used, state["used"], "used")
        check_bounds(numbers, 0, tree.value.shape[1], "used")
        tree.used[...] = numbers
        used = used_nodes(search)
        nodes = {name: getattr(tree, name)[used] for name in PER_NODE}
        restore(nodes, state["nodes"], "nodes")
        _check_links(nodes, used, tree.used)
        rows = {name: array.copy() for name, array in _per_row(search).items()}
        restore(rows, state["rows"], "rows")
        _check_rows(rows, search)
        search.dynamics.load_state_dict(used, state["dynamics"])
        for name, array in nodes.items():
            getattr(tree, name)[used] = array
        for name, array in _per_row(search).items():
            array[...] = rows[name]
        search.simulations_done, search.evaluations = map(int, state["counts"])


def used_nodes(search: Search) -> np.ndarray:
    """bool [T, N]."""
    return np.arange(search.tree.value.shape[1]) < search.tree.used[:, None]


def _per_row(search: Search) -> dict[str, np.ndarray]:
    tree = search.tree
    return {
        "root_prior": tree.root_prior,
        "before": tree.before,
        "scores": tree.scores,
        "wanted": tree.wanted,
        "own": search.boards.own,
        "occupied": search.boards.occupied,
        "streams": search.streams,
        "active": search.active,
        "fresh": search.fresh,
        "left": search.left,
        "budget": search.budget,
    }


def _check_links(nodes: dict[str, np.ndarray], used: np.ndarray, counts: np.ndarray) -> None:
    """Parents before their children, children among the nodes of their tree: else compiled code
    would walk out of the arrays, or round in circles."""
    tree, number = np.nonzero(used)
    check_bounds(nodes["parent"], NONE, number - 1, "nodes.parent")
    check_bounds(nodes["edge"], NONE, COLUMNS - 1, "nodes.edge")
    rooted = (number == 0) == (nodes["parent"] == NONE)
    if not (rooted & ((number == 0) == (nodes["edge"] == NONE))).all():
        raise CheckpointError(f"nodes.parent: a node hangs on nothing. {OTHER_RUN}")
    child = nodes["child"]
    low = np.broadcast_to(number[:, None] + 1, child.shape)
    high = np.broadcast_to(counts[tree][:, None] - 1, child.shape)
    there = child != NONE
    check_bounds(child[there], low[there], high[there], "nodes.child")
    if (there & ~nodes["legal"]).any():
        raise CheckpointError(f"nodes.child: a closed column has a node. {OTHER_RUN}")
    if (nodes["evaluated"] & ~nodes["legal"].any(axis=1)).any():
        raise CheckpointError(f"nodes.legal: a node has no open column. {OTHER_RUN}")


def _check_rows(rows: dict[str, np.ndarray], search: Search) -> None:
    check_bounds(rows["budget"], 0, search.settings.simulations, "rows.budget")
    check_bounds(rows["left"], 0, rows["budget"], "rows.left")
    check_bounds(rows["occupied"], 0, BOARD, "rows.occupied")
    if (rows["active"] & (search.tree.used == 0)).any():
        raise CheckpointError(f"rows.active: a game without a tree. {OTHER_RUN}")
