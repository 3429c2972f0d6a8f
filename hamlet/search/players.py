"""Everybody who can be played against, by name.

A player is asked about many positions at once and draws from the generator it is given, so that a
match is repeated by its seed. Slow to compile or to load: what a player needs is imported when it
is made.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from hamlet.compiled import compiled
from hamlet.envs.connect_four.bits import COLUMNS, cells_of, has_four, playable, winning_cells
from hamlet.envs.connect_four.choosing import chosen_columns
from hamlet.envs.connect_four.position import Position
from hamlet.errors import HamletError
from hamlet.search.boards import Boards
from hamlet.search.evaluating import AskedInBatches, Evaluate
from hamlet.search.settings import SearchSettings
from hamlet.wording import hint

if TYPE_CHECKING:
    from hamlet.search.solver import Solver

PLAY_SIMULATIONS = 200
PLAY_ROLLOUTS = 1_000
MINIMAX_DEPTH = 5


class Player(Protocol):
    """Attributes: name: as in `player_named`. title: for people."""

    name: str
    title: str

    def choose(self, boards: Boards, generator: np.random.Generator) -> np.ndarray:
        """Columns int64 [B] for B positions in play."""
        ...


class RandomPlayer:
    name, title = "random", "Random"

    def choose(self, boards: Boards, generator: np.random.Generator) -> np.ndarray:
        return one_of(boards.legal(), generator)


class OnePlyPlayer:
    """Wins if it can at once, else blocks a win in one, else plays at random."""

    name, title = "one_ply", "One ply (win, block, else random)"

    def choose(self, boards: Boards, generator: np.random.Generator) -> np.ndarray:
        sensible = np.empty((len(boards), COLUMNS), np.bool_)
        _fill_sensible(boards.own, boards.occupied, sensible)
        return one_of(sensible, generator)


class MinimaxPlayer:
    """Looks a few plies ahead; of columns as good, any."""

    name = "minimax"

    def __init__(self, depth: int = MINIMAX_DEPTH) -> None:
        from hamlet.search.minimax import minimax_values

        minimax_values([], depth)  # refuses a depth out of range
        self.depth = depth
        self.title = f"Minimax (depth {depth})"

    def choose(self, boards: Boards, generator: np.random.Generator) -> np.ndarray:
        from hamlet.search.minimax import minimax_values

        values = minimax_values(boards.positions(), self.depth)
        best = values == values.max(axis=1, keepdims=True)
        return one_of(best & boards.legal(), generator)


class RolloutPlayer:
    """Monte Carlo tree search with random playouts."""

    name = "mcts"

    def __init__(self, simulations: int = PLAY_ROLLOUTS) -> None:
        if simulations < 1:
            raise HamletError(f"simulations: found {simulations}; expected at least 1")
        self.simulations = simulations
        self.title = f"MCTS ({simulations:,} playouts)"

    def choose(self, boards: Boards, generator: np.random.Generator) -> np.ndarray:
        from hamlet.search.rollouts import search_by_rollouts

        seeds = generator.integers(1 << 62, size=len(boards))
        return search_by_rollouts(boards, self.simulations, seeds).best_columns()


class SolverPlayer:
    """Plays perfectly: wins soonest, loses latest; of columns as good, any."""

    name, title = "solver", "Solver (perfect play)"

    def __init__(self, solver: Solver | None = None) -> None:
        from hamlet.search.solver import shared_solver

        self.solver = solver or shared_solver()

    def choose(self, boards: Boards, generator: np.random.Generator) -> np.ndarray:
        best = np.zeros((len(boards), COLUMNS), np.bool_)
        for row, position in enumerate(boards.positions()):
            best[row, self.solver.best_columns(position)] = True
        return one_of(best, generator)


class NetworkPlayer:
    """The column a network likes best, or the one a search with it visits most.

    Args:
        evaluate: as `hamlet.search.evaluators`. search: None plays without looking ahead.
        temperature: moves are drawn from the policy or from visits; 0 plays the best.
    """

    name = "network"

    def __init__(
        self,
        evaluate: Evaluate,
        search: SearchSettings | None = None,
        *,
        title: str = "Network",
        temperature: float = 0.0,
    ) -> None:
        self.evaluate, self.search, self.temperature = evaluate, search, temperature
        ahead = f", {search.simulations:,} simulations" if search else ", no search"
        self.title = title + ahead
        self._asked = AskedInBatches(evaluate, search or SearchSettings())

    def choose(self, boards: Boards, generator: np.random.Generator) -> np.ndarray:
        streams = generator.integers(1 << 62, size=len(boards))
        if self.search is not None:
            return looked_ahead(self.evaluate, self.search, boards, streams, self.temperature)
        logits, _ = self._asked(boards, np.arange(len(boards)), streams)
        if self.temperature == 0.0:
            return chosen_columns(logits, boards.legal())
        noise = generator.gumbel(size=logits.shape)
        return chosen_columns(logits / self.temperature + noise, boards.legal())


def looked_ahead(
    evaluate: Evaluate,
    settings: SearchSettings,
    boards: Boards,
    streams: np.ndarray,
    temperature: float = 0.0,
) -> np.ndarray:
    """Columns int64 [B] found by a search in each position, without noise."""
    from hamlet.search.rules_dynamics import RulesDynamics
    from hamlet.search.search import Search

    columns = np.empty(len(boards), np.int64)
    for begin in range(0, len(boards), settings.batch_limit):
        part = np.arange(begin, min(begin + settings.batch_limit, len(boards)))
        search = Search(RulesDynamics(evaluate, settings), settings, len(part))
        search.start(np.arange(len(part)), boards.rows(part), streams[part])
        search.run()
        columns[part] = search.choose(np.full(len(part), temperature))
    return columns


def _network(network: Any, *, device: str = "cpu", precision: str = "fp32", **others: Any):
    from hamlet.search.evaluators import NetworkEvaluator

    return NetworkPlayer(NetworkEvaluator(network, device, precision), **others)


PLAYERS: dict[str, Callable[..., Player]] = {
    "random": RandomPlayer,
    "one_ply": OnePlyPlayer,
    "minimax": MinimaxPlayer,
    "mcts": RolloutPlayer,
    "solver": SolverPlayer,
    "network": _network,
}


def player_named(name: str, **settings: Any) -> Player:
    """A player of the pool.

    Args:
        settings: minimax: depth; mcts: simulations; network: network, search, title,
            temperature, device, precision; the others take none.
    Raises: HamletError for a name that no player has, or a setting that it does not take.
    """
    if name not in PLAYERS:
        known = ", ".join(PLAYERS)
        raise HamletError(f"found player {name!r}; expected one of {known}{hint(name, PLAYERS)}")
    try:
        return PLAYERS[name](**settings)
    except TypeError as error:
        raise HamletError(
            f"the player {name} cannot be made with these settings: {error}"
        ) from None


def opponent_named(name: str, *, seed: int = 0, **settings: Any) -> Callable[[Position], int]:
    """A player as a function from one position to its column, with a generator of its own."""
    player, generator = player_named(name, **settings), np.random.default_rng(seed)
    return lambda position: int(player.choose(Boards.of([position]), generator)[0])


def one_of(allowed: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """One of the allowed columns of each row, all as likely.

    Args: allowed: bool [B, 7]. Raises: HamletError for a row that allows none.
    """
    counts = allowed.sum(axis=1)
    if not counts.all():
        raise HamletError(f"position {int(counts.argmin())} is finished; expected a side to move")
    picked = (generator.random(len(allowed)) * counts).astype(np.int64)
    return (allowed.cumsum(axis=1) > picked[:, None]).argmax(axis=1)


@compiled
def _fill_sensible(own, occupied, sensible):
    for row in range(own.shape[0]):
        cells = 0 if has_four(own[row] ^ occupied[row]) else playable(occupied[row])
        wins = winning_cells(own[row], occupied[row]) & cells
        blocks = winning_cells(own[row] ^ occupied[row], occupied[row]) & cells
        if wins:
            cells = wins
        elif blocks:
            cells = blocks
        for column in range(COLUMNS):
            sensible[row, column] = (cells & cells_of(column)) != 0
