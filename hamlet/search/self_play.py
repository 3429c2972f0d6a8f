"""Games that a network plays against itself, side by side, to learn from.

P plies of a game. Every game has a number, and draws from a stream that follows from the seed and
that number: however many games run in parallel, game 17 is the same, as far as the evaluator's
answers and the limit of resignation are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

import numpy as np

from hamlet.errors import Problem
from hamlet.learning.saved_state import below, load_whole
from hamlet.schema import Flag, Integer, Number, Section, validate
from hamlet.search.boards import Boards
from hamlet.search.evaluating import Evaluate
from hamlet.search.games_in_progress import GamesInProgress
from hamlet.search.resignation import Resignation
from hamlet.search.rules_dynamics import RulesDynamics
from hamlet.search.search import Found, Search
from hamlet.search.self_play_games import MOST_VISITS, SelfPlayGame
from hamlet.search.settings import SEARCH_SETTINGS, SearchSettings, Temperature
from hamlet.search.streams import below as number_below
from hamlet.search.streams import streams_of, uniform

MOST_PARALLEL = 65_536
_DEFAULT_PARALLEL = 128


@dataclass(frozen=True, slots=True)
class SelfPlaySettings:
    """
    Attributes:
        search: of every move; its noise, temperature and resignation count here.
        exploration_rate: share of plies whose column is drawn uniformly from the legal ones.
        symmetric_games: the mirror image of each game is handed out too, marked as such.
        parallel_games: games side by side.
    """

    search: SearchSettings = field(default_factory=SearchSettings)
    exploration_rate: float = 0.0
    symmetric_games: bool = False
    parallel_games: int = _DEFAULT_PARALLEL

    @classmethod
    def from_data(cls, data: Mapping[str, Any], path: str = "") -> Self:
        """Raises: SpecError naming every field that is unknown or out of bounds."""
        cleaned = validate(SELF_PLAY_SETTINGS, data, path)
        search = dict(cleaned["search"])
        search["temperature"] = Temperature(**search["temperature"])
        return cls(**{**cleaned, "search": SearchSettings(**search)})

    def to_data(self) -> dict[str, Any]:
        return asdict(self)


def _countable(cleaned: dict[str, Any]) -> Iterable[Problem]:
    if cleaned["search"]["simulations"] > MOST_VISITS:
        message = f"found {cleaned['search']['simulations']}; self-play keeps visits in 16 bits, "
        yield Problem("search.simulations", message + f"expected at most {MOST_VISITS}")


SELF_PLAY_SETTINGS = Section(
    {
        "search": SEARCH_SETTINGS,
        "exploration_rate": Number(0.0, 1.0, 0.0),
        "symmetric_games": Flag(False),
        "parallel_games": Integer(1, MOST_PARALLEL, _DEFAULT_PARALLEL),
    },
    default={},
    rules=(_countable,),
)


class SelfPlay:
    """Runs until as many games are finished as were asked for, or for ever.

    Attributes:
        started, finished: games so far. resignation: the limit, and how often it was wrong.
    """

    def __init__(
        self,
        evaluate: Evaluate,
        settings: SelfPlaySettings,
        seed: int,
        *,
        games: int | None = None,
    ) -> None:
        """Args: games: how many to play; None goes on for ever."""
        self.settings, self.seed, self.games = settings, seed, games
        parallel = min(settings.parallel_games, games or settings.parallel_games)
        self.search = Search(
            RulesDynamics(evaluate, settings.search), settings.search, parallel, explore=True
        )
        self.resignation = Resignation(settings.search)
        self.progress = GamesInProgress(parallel)
        self.started = self.finished = 0
        self.latest: Found | None = None  # of the last move of every running game, to watch
        self._start(np.arange(parallel))

    @property
    def done(self) -> bool:
        return not self.search.active.any()

    def use(self, evaluate: Evaluate) -> None:
        """Go on with another evaluator. Running games keep what their trees know already."""
        asked = self.search.dynamics.evaluate_boards
        asked.ask = evaluate
        asked.forget()

    def advance(self) -> list[SelfPlayGame]:
        """One move in every running game. Returns: the games that ended with it."""
        if self.done:
            return []
        temperatures = self.settings.search.temperature.at(self.search.boards.plies())
        found = self.search.run(temperatures)
        columns = self.search.choose(temperatures)
        explored = self._explore(found.rows, columns)
        self.latest = found
        plays_on = self._consider_resigning(found)
        resigned = found.rows[~plays_on]
        self.search.stop(resigned)
        rows = found.rows[plays_on]
        self.progress.note(rows, columns[plays_on], explored[plays_on], found, plays_on)
        self.search.play(rows, columns[plays_on])
        over = rows[~self.search.active[rows]]
        games = [self._finished(int(row), resigned=True) for row in resigned]
        games += [self._finished(int(row), resigned=False) for row in over]
        self._start(np.concatenate((resigned, over)))
        if not self.settings.symmetric_games:
            return games
        return [image for game in games for image in (game, game.mirror())]

    def state_dict(self) -> dict[str, Any]:
        """Between two moves."""
        return {
            "started": self.started,
            "finished": self.finished,
            "search": self.search.state_dict(),
            "resignation": self.resignation.state_dict(),
            "progress": self.progress.state_dict(),
        }

    def load_state_dict(self, state: Any) -> None:
        """Take up self-play with the same settings and seed.

        Raises: CheckpointError. The object is of no use then.
        """
        with below("self_play"):
            most = self.games or 1 << 62
            self.started = load_whole(state["started"], 0, most, "started")
            self.finished = load_whole(state["finished"], 0, self.started, "finished")
            self.search.load_state_dict(state["search"])
            self.resignation.load_state_dict(state["resignation"])
            self.progress.load_state_dict(state["progress"])
            self.latest = None

    def _start(self, rows: np.ndarray) -> None:
        left = len(rows) if self.games is None else min(len(rows), self.games - self.started)
        rows = np.sort(rows)[:left]
        if not len(rows):
            return
        numbers = range(self.started, self.started + left)
        streams = streams_of(self.seed, "self-play", numbers)
        self.search.start(rows, Boards.empty(left), streams)
        plays_on = [self._drawn(row) < self.resignation.off_share for row in rows]
        self.progress.begin(rows, numbers, np.array(plays_on))
        self.started += left

    def _drawn(self, row: int) -> float:
        return uniform(self.search.streams, row)

    def _explore(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Overwrite some columns by drawn ones. Returns: bool, which."""
        explored = np.zeros(len(rows), np.bool_)
        if self.settings.exploration_rate == 0.0:
            return explored
        legal = self.search.boards.rows(rows).legal()
        for i, row in enumerate(rows):
            if self._drawn(row) < self.settings.exploration_rate:
                free = np.flatnonzero(legal[i])
                columns[i] = free[number_below(self.search.streams, row, len(free))]
                explored[i] = True
        return explored

    def _consider_resigning(self, found: Found) -> np.ndarray:
        """bool: games that go on."""
        plies = self.search.boards.rows(found.rows).plies()
        despairs = self.resignation.despairs(self.progress, found.rows, plies, found.values)
        return ~despairs | self.progress.plays_on[found.rows]

    def _finished(self, row: int, *, resigned: bool) -> SelfPlayGame:
        boards = self.search.boards.rows(np.array([row]))
        plies = int(boards.plies()[0])
        winner = (2 if plies % 2 == 0 else 1) if resigned else int(boards.results()[0])
        self.finished += 1
        game = self.progress.game(row, winner, resigned=resigned)
        self.resignation.learn(game, self.progress.despaired[row])
        return game
