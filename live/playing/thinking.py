"""How an opponent finds its move: in a thread beside the event loop, with an end in sight.

What brings PyTorch and compiled loops along is imported by the first move, not by every process
that knows the routes.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

from live.playing.errors import InterruptedThoughtError, ThinkersBusyError
from registry.models import User
from registry.serving.targets import Target, find_target
from training.games.evaluating import check_plays

if TYPE_CHECKING:
    from hamlet.envs.connect_four.position import Position

SAY_EVERY_S = 0.15
SUPERSEDED = "A newer question has taken the place of this one."
SOLVER, SOLVER_S = "solver", 5.0
MINIMAX_DEPTH = 8  # in place of the solver
MOST_WAITING, MOST_OF_ONE = 16, 4  # in all, and of one person

Say = Callable[[dict[str, Any]], None]


class Thinkers:
    """The thread of this process that thinks for all who play here, one after the other."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(1, "think")
        self._lock = threading.Lock()
        self._waiting: Counter[int] = Counter()

    def submit(self, user_id: int, work: Callable[[], dict[str, Any]]) -> Future:
        """Returns: a future; cancel it, and its place in the queue is free.

        Raises: ThinkersBusyError if too many wait already, or too many of this person.
        """
        with self._lock:
            if self._waiting[user_id] >= MOST_OF_ONE:
                raise ThinkersBusyError(
                    f"You wait for {MOST_OF_ONE} answers already, in other tabs or programs. Try "
                    "again when one of them has come."
                )
            if self._waiting.total() >= MOST_WAITING:
                raise ThinkersBusyError(
                    f"{MOST_WAITING} players wait for an answer already. Try again in a second, "
                    "or let the model run in your browser."
                )
            self._waiting[user_id] += 1
        future = self._threads.submit(work)
        future.add_done_callback(partial(self._done, user_id))
        return future

    def _done(self, user_id: int, _: Future) -> None:
        with self._lock:
            self._waiting[user_id] -= 1
            if not self._waiting[user_id]:
                del self._waiting[user_id]


def think(user: User, asked: dict[str, Any], stop: threading.Event, say: Say) -> dict[str, Any]:
    """The fields of `thought` for a checked `think` message.

    Args:
        stop: set it, and the search ends with what it has. say: gets answers so far.
    Raises: SpecError for a game that cannot be or is over, or a version of something else;
        VersionNotFoundError, InterruptedThoughtError.
    """
    from hamlet.envs.connect_four.reading import read_position

    began = time.perf_counter()
    position = read_position(asked["board"], playable=True)
    opponent = asked["opponent"]
    if opponent["name"] == SOLVER:
        answer = solved_answer(position, stop)
    elif opponent["name"] is not None:
        answer = named_answer(opponent["name"], position)
    else:
        target = find_target(user, opponent["model"], opponent["version"])
        answer = version_answer(target, position, asked["search"], stop, say)
    return {**answer, "ms": round((time.perf_counter() - began) * 1000, 1)}


def named_answer(name: str, position: Position) -> dict[str, Any]:
    import numpy as np

    from hamlet.search.boards import Boards
    from hamlet.search.players import player_named

    player = player_named(name)
    [column] = player.choose(Boards.of([position]), np.random.default_rng())
    return {"move": int(column), "title": player.title}


def solved_answer(position: Position, stop: threading.Event) -> dict[str, Any]:
    """A perfect move, or what minimax would play where the solver is not done in time: positions
    of few stones take it up to minutes, and others wait for this thread."""
    from hamlet.envs.connect_four.choosing import CENTRE_FIRST
    from hamlet.search.minimax import minimax_column
    from hamlet.search.solver import Limits, SolveCancelled, SolveTimeout, shared_solver

    try:
        limits = Limits(time_s=SOLVER_S, stop=stop)
        best = shared_solver().best_columns(position, limits=limits)
    except SolveCancelled:
        raise InterruptedThoughtError(SUPERSEDED) from None
    except SolveTimeout:
        title = f"Minimax: so early, the solver needs more than {SOLVER_S:g} seconds"
        return {"move": minimax_column(position, MINIMAX_DEPTH), "title": title}
    column = next(column for column in CENTRE_FIRST if column in best)
    return {"move": column, "title": "Solver (perfect play)"}


def version_answer(
    target: Target,
    position: Position,
    search: dict[str, int] | None,
    stop: threading.Event,
    say: Say,
) -> dict[str, Any]:
    from hamlet.learning.connect_four import asking
    from registry.serving.pool import shared_pool

    check_plays(target.signature, str(target), "opponent")
    model = shared_pool().get(target.servable)
    who = {"title": str(target), "model": target.model, "version": target.number}
    if search is None:
        outputs = model.run(asking.inputs_of(position))
        return {**asking.shaped_reply(position, outputs), **who}
    said_at = time.monotonic()

    def heed(so_far: Callable[[], dict[str, Any]]) -> bool:
        nonlocal said_at
        if time.monotonic() - said_at >= SAY_EVERY_S:
            said_at = time.monotonic()
            say(so_far())
        return stop.is_set()

    return {**asking.searched_reply(position, search, model.run, heed=heed), **who}
