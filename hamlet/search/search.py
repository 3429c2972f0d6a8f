"""Tree search in many games at once: one call of the evaluator per wave.

    search = Search(RulesDynamics(evaluate, settings), settings, games=64)
    search.start(np.arange(64), Boards.empty(64), streams)
    found = search.run()
    search.play(np.arange(64), search.choose(temperatures))

T games, each with a tree and a stream of random numbers of its own: what is found for one does not
depend on which others are searched beside it, as far as the evaluator's answers do not.

Source: D. Silver et al. 2018, "A general reinforcement learning algorithm that masters chess,
shogi, and Go through self-play"; `hamlet.search.gumbel` for the other root.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from hamlet.envs.connect_four.bits import COLUMNS
from hamlet.errors import HamletError
from hamlet.search.boards import Boards
from hamlet.search.root import begin_search, draw_columns, findings, principal_line, write_roots
from hamlet.search.search_state import load_search_state, search_state
from hamlet.search.settings import SearchSettings
from hamlet.search.tree import (
    NONE,
    Rule,
    Tree,
    Wave,
    empty_tree,
    empty_wave,
    expand,
    keep_subtree,
    rule_of,
)


class Dynamics(Protocol):
    """Where the states of nodes come from."""

    keeps_subtrees: bool

    def prepare(self, tree: Tree) -> None: ...
    def place_roots(self, tree: Tree, rows: np.ndarray, boards: Boards) -> None: ...
    def evaluate_roots(
        self, tree: Tree, rows: np.ndarray, boards: Boards, streams: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]: ...
    def gather(
        self, tree: Tree, rule: Rule, wave: Wave, left: np.ndarray, budget: np.ndarray
    ) -> int: ...
    def evaluate(
        self, tree: Tree, wave: Wave, count: int, streams: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]: ...
    def keep(self, t: int, moved: np.ndarray) -> None: ...
    def state_dict(self, used: np.ndarray) -> dict[str, Any]: ...
    def load_state_dict(self, used: np.ndarray, state: dict[str, Any]) -> None: ...


@dataclass(frozen=True)
class Found:
    """What a search found out about G positions, all as seen by the side to move.

    Attributes:
        rows: int64 [G], the games. visits: int64 [G, 7].
        policy: float32 [G, 7], what a network should learn: shares of visits, or with Gumbel the
            improved policy.
        values: float32 [G], of the position. column_values: float32 [G, 7], NaN where not tried.
        network_policy: float32 [G, 7], network_values: float32 [G], of the evaluator alone.
    """

    rows: np.ndarray
    visits: np.ndarray
    policy: np.ndarray
    values: np.ndarray
    column_values: np.ndarray
    network_policy: np.ndarray
    network_values: np.ndarray


class Search:
    """Trees of T games, and the searches that run in them.

    Attributes:
        boards: the position of each game. active: bool [T], games that are being played.
        streams: int64 [T]. simulations_done, evaluations: since the search was made.
    """

    def __init__(
        self, dynamics: Dynamics, settings: SearchSettings, games: int, *, explore: bool = False
    ) -> None:
        """Args: explore: noise at the root, for self-play."""
        self.dynamics, self.settings, self.explore = dynamics, settings, explore
        self.rule = rule_of(settings)
        self.tree, self._wave = empty_tree(games, settings), empty_wave(games, settings)
        dynamics.prepare(self.tree)
        self.boards = Boards.empty(games)
        self.streams = np.zeros(games, np.int64)
        self.active = np.zeros(games, np.bool_)
        self.fresh = np.zeros(games, np.bool_)
        self.left, self.budget = np.zeros(games, np.int64), np.zeros(games, np.int64)
        self.simulations_done = self.evaluations = 0

    def start(self, rows: np.ndarray, boards: Boards, streams: np.ndarray) -> None:
        """Begin games in these rows, whatever was there before.

        Args: rows: int [G]. boards: G positions in play. streams: int64 [G].
        Raises: HamletError naming a position that is finished.
        """
        ended = np.flatnonzero(boards.ended())
        if len(ended):
            raise HamletError(
                f"position {ended[0]} is finished; expected positions with a side to move"
            )
        self.boards.own[rows], self.boards.occupied[rows] = boards.own, boards.occupied
        self.streams[rows], self.active[rows], self.fresh[rows] = streams, True, True
        self.left[rows] = self.budget[rows] = 0
        self.dynamics.place_roots(self.tree, np.asarray(rows, np.int64), boards)

    def begin(self, temperatures: np.ndarray | None = None) -> None:
        """Prepare to look for a move in every active game.

        Args: temperatures: float [T], of the Gumbel numbers where there is noise; 1 by default.
        """
        rows = np.flatnonzero(self.active)
        bare = rows[~self.tree.evaluated[rows, 0]]
        if len(bare):
            logits, values = self.dynamics.evaluate_roots(
                self.tree, bare, self.boards.rows(bare), self.streams
            )
            self.evaluations += len(bare)
            self._refuse(write_roots(self.tree, bare, logits, values), logits, values)
        heat = np.ones(len(self.active)) if temperatures is None else temperatures
        begin_search(
            self.tree, self.rule, rows, self.fresh, self.streams, self.left, self.budget,
            self.settings.simulations, self.settings.gumbel_actions, self.explore,
            self.settings.dirichlet_epsilon, self.settings.dirichlet_alpha, heat,
        )  # fmt: skip

    def wave(self) -> bool:
        """Bring each tree one evaluation further. Returns: whether any has simulations left."""
        before = int(self.left.sum())
        count = self.dynamics.gather(self.tree, self.rule, self._wave, self.left, self.budget)
        if count:
            logits, values = self.dynamics.evaluate(self.tree, self._wave, count, self.streams)
            self.evaluations += count
            wrong = expand(self.tree, self.rule, self._wave, count, logits, values, self.left)
            self._refuse(wrong, logits, values)
        remaining = int(self.left.sum())
        self.simulations_done += before - remaining
        return remaining > 0

    def run(
        self,
        temperatures: np.ndarray | None = None,
        stop: Callable[[], bool] | None = None,
    ) -> Found:
        """Search every active game to its number of simulations, or until `stop` says so."""
        self.begin(temperatures)
        while self.wave():
            if stop is not None and stop():
                break
        return self.found()

    def found(self) -> Found:
        """What is known by now of the active games."""
        rows = np.flatnonzero(self.active)
        found = Found(
            rows=rows,
            visits=np.zeros((len(rows), COLUMNS), np.int64),
            policy=np.zeros((len(rows), COLUMNS), np.float32),
            values=np.zeros(len(rows), np.float32),
            column_values=np.full((len(rows), COLUMNS), np.nan, np.float32),
            network_policy=self.tree.root_prior[rows],
            network_values=self.tree.value[rows, 0],
        )
        findings(self.tree, self.rule, rows, found.visits, found.policy, found.values,
                 found.column_values)  # fmt: skip
        return found

    def choose(self, temperatures: np.ndarray | None = None) -> np.ndarray:
        """Columns of the active games, drawn from visits; without temperatures the best ones.

        Args: temperatures: float [T]; a Gumbel root has used them already, in its numbers.
        Returns: int64 [G], in the order of `found().rows`.
        """
        rows = np.flatnonzero(self.active)
        heat = np.zeros(len(self.active)) if temperatures is None else temperatures
        return draw_columns(self.tree, self.rule, rows, heat, self.streams)

    def play(self, rows: np.ndarray, columns: np.ndarray) -> None:
        """Make these moves; a game that ends is active no more.

        Raises: IllegalMoveError.
        """
        after = self.boards.rows(rows).play(columns)
        self.boards.own[rows], self.boards.occupied[rows] = after.own, after.occupied
        self.fresh[rows], self.active[rows] = True, ~after.ended()
        self.left[rows] = self.budget[rows] = 0
        anew = [i for i, row in enumerate(rows) if not self._keep(int(row), int(columns[i]))]
        self.dynamics.place_roots(
            self.tree, np.asarray(rows, np.int64)[anew], after.rows(np.array(anew, np.int64))
        )

    def stop(self, rows: np.ndarray) -> None:
        """These games are over, whatever their boards say."""
        self.active[rows] = False
        self.left[rows] = 0

    def line(self, row: int, longest: int = COLUMNS * 6) -> list[int]:
        """The columns both sides are expected to play, by visits."""
        return principal_line(self.tree, row, longest).tolist()

    def state_dict(self) -> dict[str, Any]:
        return search_state(self)

    def load_state_dict(self, state: Any) -> None:
        """Raises: CheckpointError."""
        load_search_state(self, state)

    def _keep(self, t: int, column: int) -> bool:
        if not (self.settings.reuse_tree and self.dynamics.keeps_subtrees and self.active[t]):
            return False
        moved = np.empty(int(self.tree.used[t]), np.int32)
        kept = keep_subtree(self.tree, t, column, moved)
        self.dynamics.keep(t, moved[:kept])
        return kept > 0

    def _refuse(self, wrong: int, logits: np.ndarray, values: np.ndarray) -> None:
        if wrong != NONE:
            raise HamletError(
                f"the evaluator gave logits {logits[wrong].tolist()} and the value "
                f"{values[wrong]}; expected finite numbers. The network is broken or diverged."
            )
