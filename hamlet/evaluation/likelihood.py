"""The likelihood of results under Davidson's model, and its maximum, by Newton's method.

P players; parameters are P log strengths, the log of what moving first is worth, and the log of
the weight of draws. The log likelihood is concave in them. A faint pull towards 0 (a normal prior
with a deviation of 1,000 in natural units, 170,000 rating points) keeps the fit finite where
results alone would send a player to infinity; where they do not, it moves nothing that is printed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

PULL = 1e-6
STEPS = 200
CLOSE = 1e-10
FAR = 60.0  # natural units: beyond, nobody ever loses


@dataclass(frozen=True)
class Outcomes:
    """Counted results.

    Attributes:
        first, second: int [K], players of each pairing. counts: float [K, 3], wins of the first,
            draws, wins of the second.
    """

    first: np.ndarray
    second: np.ndarray
    counts: np.ndarray
    players: int

    @classmethod
    def of(cls, counted: Mapping[tuple[str, str, int], int], players: list[str]) -> Self:
        number = {name: i for i, name in enumerate(players)}
        pairs = sorted({(number[first], number[second]) for first, second, _ in counted})
        place = {pair: k for k, pair in enumerate(pairs)}
        counts = np.zeros((len(pairs), 3))
        for (first, second, result), count in counted.items():
            counts[place[number[first], number[second]], 1 - result] += count
        both = np.array(pairs)
        return cls(both[:, 0], both[:, 1], counts, len(players))

    @property
    def total(self) -> int:
        return int(self.counts.sum())

    @property
    def any_draw(self) -> bool:
        return bool(self.counts[:, 1].any())

    def met(self) -> np.ndarray:
        """bool [P, P]: who has played whom."""
        edges = np.zeros((self.players, self.players), np.bool_)
        edges[self.first, self.second] = edges[self.second, self.first] = True
        return edges

    def scored(self) -> np.ndarray:
        """bool [P, P]: who took a win or a draw from whom."""
        edges = np.zeros((self.players, self.players), np.bool_)
        for i, j, (won, drawn, lost) in zip(self.first, self.second, self.counts, strict=True):
            edges[i, j] |= won + drawn > 0
            edges[j, i] |= lost + drawn > 0
        return edges

    def tally(self, i: int) -> tuple[int, int, int]:
        """Wins, draws and losses of one player."""
        as_first = self.counts[self.first == i].sum(axis=0)
        as_second = self.counts[self.second == i].sum(axis=0)
        won, drawn, lost = as_first + as_second[::-1]
        return int(won), int(drawn), int(lost)

    def design(self) -> np.ndarray:
        """float [K, 3, P + 2]: the log weight of each result, linear in the parameters."""
        rows = np.arange(len(self.first))
        design = np.zeros((len(rows), 3, self.players + 2))
        design[rows, 0, self.first] = design[rows, 2, self.second] = 1.0
        design[rows, 1, self.first] = design[rows, 1, self.second] = 0.5
        design[:, 0, -2], design[:, 1, -2] = 1.0, 0.5
        design[:, 1, -1] = 1.0
        return design


@dataclass(frozen=True)
class Fit:
    """The maximum. covariance: of all P + 2 parameters, that of the fixed ones being 0."""

    parameters: np.ndarray
    covariance: np.ndarray
    log_likelihood: float

    @property
    def strengths(self) -> np.ndarray:
        return self.parameters[:-2]

    @property
    def first_move(self) -> float:
        return float(self.parameters[-2])

    @property
    def draw(self) -> float:
        return float(self.parameters[-1])

    def difference(self, i: int, *others: int) -> np.ndarray:
        """The direction: player i less the mean of others."""
        direction = np.zeros(len(self.parameters))
        direction[i] += 1.0
        for other in others:
            direction[other] -= 1.0 / len(others)
        return direction

    def first_move_direction(self) -> np.ndarray:
        direction = np.zeros(len(self.parameters))
        direction[-2] = 1.0
        return direction

    def deviation_of(self, direction: np.ndarray) -> float:
        """Standard deviation of a combination of parameters."""
        return float(np.sqrt(max(0.0, direction @ self.covariance @ direction)))


def fitted(outcomes: Outcomes, origin: int, fixed: Mapping[int, float] | None = None) -> Fit:
    """The parameters that make the results likeliest.

    Args: origin: the player whose log strength is 0. fixed: further log strengths that are given.
    """
    design, counts = outcomes.design(), outcomes.counts
    parameters = np.zeros(outcomes.players + 2)
    held = {origin: 0.0, **(fixed or {})}
    for i, value in held.items():
        parameters[i] = value
    free = np.ones(len(parameters), np.bool_)
    free[list(held)] = False
    if not outcomes.any_draw:
        design = design[:, [0, 2]]
        counts = counts[:, [0, 2]]
        free[-1] = False
    value, slope, curve = _log_likelihood(design, counts, parameters)
    for _ in range(STEPS):
        step = np.zeros(len(parameters))
        step[free] = np.linalg.solve(curve[np.ix_(free, free)], slope[free])
        # Newton may step too far where the likelihood is nearly flat: then half as far.
        size = 1.0
        while True:
            tried = _log_likelihood(design, counts, parameters + size * step)
            if tried[0] >= value or size < CLOSE:
                break
            size /= 2
        gain = tried[0] - value
        parameters = parameters + size * step
        value, slope, curve = tried
        if gain < CLOSE and np.abs(size * step).max() < 1e-8:
            break
    covariance = np.zeros_like(curve)
    covariance[np.ix_(free, free)] = np.linalg.inv(curve[np.ix_(free, free)])
    return Fit(parameters, covariance, value)


def profile_drop(
    outcomes: Outcomes, origin: int, i: int, drop: float, *, upwards: bool
) -> float | None:
    """How close to the others player i may be, whose log strength has no finite maximum.

    Returns: the log strength at which the log likelihood, all else fitted anew, is `drop` below
        its value at infinity; None if it never falls so far: then something else, as who moved
        first, explains the results as well.
    upwards: player i goes to minus infinity, and the bound is from above.
    """
    sign = -1.0 if upwards else 1.0
    # The supremum of a profile that only rises: far out nothing is gained any more.
    supremum = fitted(outcomes, origin, {i: sign * FAR}).log_likelihood
    near, far = -sign * FAR, sign * FAR
    if supremum - fitted(outcomes, origin, {i: near}).log_likelihood <= drop:
        return None
    for _ in range(60):
        middle = (near + far) / 2
        fit = fitted(outcomes, origin, {i: middle})
        if supremum - fit.log_likelihood > drop:
            near = middle
        else:
            far = middle
        if abs(far - near) < 1e-4:
            break
    return far


def _log_likelihood(
    design: np.ndarray, counts: np.ndarray, parameters: np.ndarray
) -> tuple[float, np.ndarray, np.ndarray]:
    """Value, slope [P + 2] and minus the curvature [P + 2, P + 2], with the faint pull."""
    weights = design @ parameters
    weights -= weights.max(axis=1, keepdims=True)
    chances = np.exp(weights)
    totals = chances.sum(axis=1, keepdims=True)
    logs = weights - np.log(totals)
    chances /= totals
    games = counts.sum(axis=1)
    value = float((counts * logs).sum()) - PULL / 2 * float(parameters @ parameters)
    mean = np.einsum("kr,krp->kp", chances, design)
    slope = np.einsum("kr,krp->p", counts, design) - games @ mean - PULL * parameters
    square = np.einsum("k,kr,krp,krq->pq", games, chances, design, design, optimize=True)
    curve = square - np.einsum("k,kp,kq->pq", games, mean, mean)
    return value, slope, curve + PULL * np.eye(len(parameters))
