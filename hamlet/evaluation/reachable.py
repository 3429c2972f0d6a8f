"""Who is tied to whom by results. Graphs of P players as bool [P, P]."""

from __future__ import annotations

import numpy as np


def reaches(edges: np.ndarray, start: int) -> np.ndarray:
    """bool [P]: whoever can be reached from `start` along the edges, itself among them."""
    seen = np.zeros(len(edges), np.bool_)
    seen[start] = True
    front = seen.copy()
    while front.any():
        front = edges[front].any(axis=0) & ~seen
        seen |= front
    return seen


def components(edges: np.ndarray) -> np.ndarray:
    """int [P]: the same number for players that reach each other both ways."""
    reachable = np.array([reaches(edges, start) for start in range(len(edges))])
    both = reachable & reachable.T
    # Numbered by their first member.
    _, numbers = np.unique(both.argmax(axis=1), return_inverse=True)
    return numbers
