"""How strong players are, from all games they have played: Bradley-Terry with draws.

Each player has a strength p; moving first multiplies it by h. When i moves first against j, i wins
with a chance proportional to h * p_i, j with one to p_j, and a draw has v * sqrt(h * p_i * p_j).
Ratings are 400 * log10(p), one player's fixed at 0. They are fitted from stored games by maximum
likelihood, never updated by increments: the order of games does not matter.

The advantage of moving first is part of the model, since in Connect Four it is large: without it a
pair that met with one seat only would be rated by the seat.

Sources: R. Davidson 1970, "On extending the Bradley-Terry model to accommodate ties in paired
comparison experiments"; R. Davidson and R. Beaver 1977 for the order of play; L. Ford 1957 for
when the likelihood has a maximum at all.

P players, G games.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np

from hamlet.errors import HamletError
from hamlet.evaluation.intervals import CONFIDENCE, Interval
from hamlet.evaluation.likelihood import Fit, Outcomes, fitted, profile_drop
from hamlet.evaluation.reachable import components, reaches

ANCHOR = "random"
ELO = 400 / math.log(10)  # rating points per unit of log strength
QUANTILE = 1.959964  # of the normal distribution, two sides of 95 %
# A bound lies where the log likelihood has fallen by this: 1.644854 ** 2 / 2, one side of 95 %.
DROP = 1.352771


class RatedGame(NamedTuple):
    """A finished game. result: 1 the first player won, 0 a draw, -1 the second won."""

    first: str
    second: str
    result: int


@dataclass(frozen=True)
class Rating:
    """What the games say of one player.

    Attributes:
        rating: None where games give no finite number; then `note` says why.
        low, high: 95 % interval, or a bound with 95 % confidence on one side; None: no bound.
        group: players with one number here are comparable among themselves whatever the bounds.
        in_group: rating against the mean of the group, with its interval; None in a group of one.
    """

    player: str
    rating: float | None
    low: float | None
    high: float | None
    games: int
    wins: int
    draws: int
    losses: int
    group: int
    in_group: Interval | None
    note: str = ""

    def to_data(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class RatingTable:
    """Ratings, best first; those without a number by their bounds.

    Attributes:
        first_move: rating points that moving first is worth. draw_weight: v of the model.
    """

    ratings: list[Rating]
    first_move: Interval
    draw_weight: float
    games: int
    anchor: str = ANCHOR

    def to_data(self) -> dict[str, Any]:
        return {
            "anchor": self.anchor,
            "games": self.games,
            "first_move": self.first_move.to_data(),
            "draw_weight": self.draw_weight,
            "ratings": [rating.to_data() for rating in self.ratings],
        }


def rate_players(
    games: Iterable[RatedGame | Sequence[Any]], *, anchor: str = ANCHOR
) -> RatingTable:
    """Fit all ratings anew.

    Args: games: (first, second, result). anchor: whose rating is 0.
    Raises: HamletError without games of the anchor, for a player against itself, or a result that
        is none.
    """
    counted = _counted(games, anchor)
    players = sorted({name for pair in counted for name in pair[:2]})
    outcomes = Outcomes.of(counted, players)
    origin = players.index(anchor)
    group = components(outcomes.scored())
    fit = fitted(outcomes, origin)
    near = reaches(outcomes.met(), origin)
    ratings = [
        _rating(i, players, outcomes, fit, group, near=bool(near[i]), origin=origin)
        for i in range(len(players))
    ]
    ratings.sort(key=_order)
    spread = QUANTILE * fit.deviation_of(fit.first_move_direction())
    first = ELO * fit.first_move
    return RatingTable(
        ratings,
        Interval(first, first - ELO * spread, first + ELO * spread, CONFIDENCE),
        math.exp(fit.draw) if outcomes.any_draw else 0.0,
        outcomes.total,
        anchor,
    )


def _counted(games: Iterable[Any], anchor: str) -> dict[tuple[str, str, int], int]:
    """How often each pair had each result: all that the likelihood needs, in sorted order."""
    counted: dict[tuple[str, str, int], int] = {}
    for index, game in enumerate(games):
        first, second, result = game
        if first == second:
            raise HamletError(f"game {index}: {first!r} plays itself; expected two players")
        if isinstance(result, bool) or result not in (-1, 0, 1):
            raise HamletError(f"game {index}: found result {result!r}; expected 1, 0 or -1")
        key = (first, second, int(result))
        counted[key] = counted.get(key, 0) + 1
    if not any(anchor in key[:2] for key in counted):
        raise HamletError(
            f"found no game of {anchor!r}, whose rating is 0; let it play, or name another anchor"
        )
    return dict(sorted(counted.items()))


def _rating(
    i: int,
    players: list[str],
    outcomes: Outcomes,
    fit: Fit,
    group: np.ndarray,
    *,
    near: bool,
    origin: int,
) -> Rating:
    wins, draws, losses = outcomes.tally(i)
    rating = low = high = None
    note = ""
    above = bool(reaches(outcomes.scored(), i)[origin])
    below = bool(reaches(outcomes.scored(), origin)[i])
    if not near:
        note = f"no chain of games leads to {players[origin]}"
    elif above and below:
        rating = float(ELO * fit.strengths[i])
        spread = ELO * QUANTILE * fit.deviation_of(fit.difference(i, origin))
        low, high = rating - spread, rating + spread
    elif above:
        note = f"no chain of points leads from {players[origin]} to it: a lower bound alone"
        low = _bound(outcomes, origin, i, upwards=False)
    elif below:
        note = f"no chain of points leads from it to {players[origin]}: an upper bound alone"
        high = _bound(outcomes, origin, i, upwards=True)
    else:
        note = f"its games and those of {players[origin]} cannot be compared"
    return Rating(
        players[i], rating, low, high, wins + draws + losses, wins, draws, losses, int(group[i]),
        _within(i, fit, group), note,
    )  # fmt: skip


def _bound(outcomes: Outcomes, origin: int, i: int, *, upwards: bool) -> float | None:
    found = profile_drop(outcomes, origin, i, DROP, upwards=upwards)
    return None if found is None else ELO * found


def _within(i: int, fit: Fit, group: np.ndarray) -> Interval | None:
    members = np.flatnonzero(group == group[i])
    if len(members) < 2:
        return None
    direction = fit.difference(i, *members)
    middle = float(ELO * (fit.strengths[i] - fit.strengths[members].mean()))
    spread = ELO * QUANTILE * fit.deviation_of(direction)
    return Interval(middle, middle - spread, middle + spread, CONFIDENCE)


def _order(rating: Rating) -> tuple[int, float, str]:
    known = [value for value in (rating.rating, rating.low, rating.high) if value is not None]
    within = rating.in_group.mean if rating.in_group else 0.0
    if not known:
        return 1, 0.0, rating.player
    return 0, -(known[0] + (within if rating.rating is None else 0.0)), rating.player
