"""The system's own form of a prediction request, and of the answer to it.

A question is a `board`; a `search` beside it asks the network many times before it answers.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from hamlet.envs.connect_four.choosing import chosen_columns, policy_over_legal
from hamlet.envs.connect_four.planes import fill_planes
from hamlet.envs.connect_four.position import COLUMNS, ROWS, Position
from hamlet.envs.connect_four.reading import read_position
from hamlet.errors import Problem, SpecError
from hamlet.schema import Integer, Section, Unread, validate

if TYPE_CHECKING:
    from hamlet.search.search import Search

Arrays = Mapping[str, np.ndarray]
Run = Callable[[Arrays], Arrays]

INPUT, POLICY, VALUE = "input", "policy", "value"
SEARCH = Section(
    {
        "simulations": Integer(1, 10_000, 200),
        "time_limit_ms": Integer(1, 10_000, 2_000),
    },
    default=None,
    optional=True,
)
BOARD_FIELDS = {
    "board": Unread(default=None, optional=True),
    "player": Unread(default=None, optional=True),
}
BOARD = Section(BOARD_FIELDS)
BODY = Section({**BOARD_FIELDS, "search": SEARCH})


def read_body(body: Mapping[str, Any]) -> tuple[Position, dict[str, int] | None]:
    """The position in which a move is to be chosen, and the search if one is wished.

    Raises: SpecError saying what is wrong with the board, or that its game is over.
    """
    read = validate(BODY, body)
    return position_of(read), read["search"]


def position_of(read: Mapping[str, Any]) -> Position:
    """Args: read: a body as `BOARD` or `BODY` reads it. Raises: SpecError as `read_body`."""
    if read["board"] is None:
        message = (
            "missing; expected int[6][7] with row 0 on top (0 empty, 1 Red, 2 Yellow), moves as "
            "digits 1 to 7, or 42 digits row by row"
        )
        raise SpecError([Problem("board", message)])
    return read_position(read["board"], read["player"], playable=True)


def inputs_of(position: Position) -> dict[str, np.ndarray]:
    """The network's input by name: float32 [1, 3, 6, 7]."""
    planes = np.zeros((1, 3, ROWS, COLUMNS), np.float32)
    fill_planes(np.array([position.own]), np.array([position.occupied]), planes)
    return {INPUT: planes}


def shaped_reply(position: Position, outputs: Arrays) -> dict[str, Any]:
    """The move of the raw network, and what it thinks of the others."""
    legal = np.array([position.legal()])
    policy = policy_over_legal(outputs[POLICY], legal)
    return reply(policy, legal, float(outputs[VALUE].reshape(-1)[0]))


def searched_reply(
    position: Position,
    search: Mapping[str, int],
    run: Run,
    *,
    heed: Callable[[Callable[[], dict[str, Any]]], bool] = lambda so_far: False,
) -> dict[str, Any]:
    """The move of a tree search that asks the network through `run`.

    Args:
        search: `simulations`, and `time_limit_ms` after which it answers with what it has.
        heed: called after each wave with a function that gives the answer so far; whether to end.
    """
    from hamlet.search.boards import Boards
    from hamlet.search.rules_dynamics import RulesDynamics
    from hamlet.search.search import Search
    from hamlet.search.settings import SearchSettings

    def evaluate(own: np.ndarray, occupied: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        planes = np.zeros((len(own), 3, ROWS, COLUMNS), np.float32)
        fill_planes(own, occupied, planes)
        outputs = run({INPUT: planes})
        return outputs[POLICY], outputs[VALUE].reshape(-1)

    settings = SearchSettings(simulations=search["simulations"], leaves_per_wave=LEAVES)
    tree = Search(RulesDynamics(evaluate, settings), settings, 1)
    tree.start(np.arange(1), Boards.of([position]), np.zeros(1, np.int64))
    deadline = time.monotonic() + search["time_limit_ms"] / 1000
    tree.run(stop=lambda: time.monotonic() >= deadline or heed(partial(answer_of, position, tree)))
    return answer_of(position, tree)


def answer_of(position: Position, tree: Search) -> dict[str, Any]:
    """What the search of one game has found by now."""
    found = tree.found()
    legal = np.array([position.legal()])
    shares = found.visits / max(1, int(found.visits.sum()))
    network = found.network_policy if not found.visits.sum() else shares
    return {
        **reply(network, legal, float(found.values[0]), int(tree.choose()[0])),
        "network_policy": found.network_policy[0].astype(np.float64).tolist(),
        "network_value": float(found.network_values[0]),
        "visits": found.visits[0].tolist(),
        "simulations": int(found.visits.sum()),
        "line": tree.line(0),
    }


LEAVES = 8  # of one tree, evaluated together: faster than one by one, a little weaker


def reply(
    policy: np.ndarray, legal: np.ndarray, value: float, move: int | None = None
) -> dict[str, Any]:
    """Args: policy: [1, 7], 0 on illegal columns. legal: [1, 7] bool. value: of the mover."""
    chosen = int(chosen_columns(policy, legal)[0]) if move is None else move
    return {
        "move": chosen,
        "policy": policy[0].astype(np.float64).tolist(),
        "value": value,
        "confidence": float(policy[0, chosen]),
        "legal": legal[0].tolist(),
    }
