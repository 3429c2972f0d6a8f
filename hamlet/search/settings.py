"""What a search and the self-play around it may be told, and what is refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

import numpy as np

from hamlet.errors import Problem
from hamlet.schema import Choice, Flag, Integer, Number, Section, validate

MOST_SIMULATIONS = 100_000
MOST_ROWS = 65_536  # leaves in one call of a network


@dataclass(frozen=True, slots=True)
class Temperature:
    """How the move is drawn from visits: by visits ** (1 / temperature); 0 is the most visited."""

    first: float = 1.0
    plies: int = 20
    then: float = 0.3

    def at(self, plies: np.ndarray) -> np.ndarray:
        """float64 [G]. Args: plies: int [G], stones on each board."""
        return np.where(plies < self.plies, self.first, self.then).astype(np.float64)


@dataclass(frozen=True, slots=True)
class SearchSettings:
    """One search serves self-play, arena, evaluation and play; noise and temperature count in
    self-play alone.

    Attributes:
        simulations: visits of the root after a search, kept ones among them.
        c_puct: weight of the prior in PUCT.
        fpu_reduction: an edge never tried counts as the parent's value less this.
        dirichlet_epsilon, dirichlet_alpha: share and shape of the noise on the root's prior.
        leaves_per_wave: above 1, a tree waits for several evaluations at once, with virtual loss.
        root: "puct" or "gumbel".
        gumbel_actions: how many columns sequential halving starts with.
        gumbel_visits, gumbel_scale: sigma(q) = (gumbel_visits + most visits) * gumbel_scale * q
            with q in [0, 1].
        reuse_tree: the subtree of the played move is kept.
        symmetric_evaluation: "off", "random" (mirror or not per leaf) or "mean" (of both).
        batch_limit: positions in one call of the evaluator.
        transposition: evaluations are shared by canonical key, among all games.
        transposition_positions: how many evaluations are kept for that.
        resign_below, resign_plies: a side resigns whose root value was below at so many of its
            moves in a row. resign_off_share: of games, played on regardless.
    """

    simulations: int = 600
    c_puct: float = 2.0
    fpu_reduction: float = 0.2
    dirichlet_epsilon: float = 0.25
    dirichlet_alpha: float = 1.0
    temperature: Temperature = field(default_factory=Temperature)
    leaves_per_wave: int = 1
    root: str = "puct"
    gumbel_actions: int = 7
    gumbel_visits: float = 50.0
    gumbel_scale: float = 1.0
    reuse_tree: bool = True
    symmetric_evaluation: str = "off"
    batch_limit: int = 512
    transposition: bool = False
    transposition_positions: int = 1 << 18
    resign_below: float = -0.95
    resign_plies: int = 3
    resign_off_share: float = 0.1

    @classmethod
    def from_data(cls, data: Mapping[str, Any], path: str = "") -> Self:
        """Raises: SpecError naming every field that is unknown or out of bounds."""
        cleaned = validate(SEARCH_SETTINGS, data, path)
        return cls(**{**cleaned, "temperature": Temperature(**cleaned["temperature"])})

    def to_data(self) -> dict[str, Any]:
        return asdict(self)


def _together(cleaned: dict[str, Any]) -> Iterable[Problem]:
    if cleaned["transposition"] and cleaned["symmetric_evaluation"] == "random":
        yield Problem(
            "symmetric_evaluation",
            'found "random" with transposition, which evaluates one orientation of each position; '
            'take "off" or "mean", or set transposition to false',
        )


_DEFAULTS = SearchSettings()
_TEMPERATURE = Section(
    {
        "first": Number(0.0, 100.0, _DEFAULTS.temperature.first),
        "plies": Integer(0, 42, _DEFAULTS.temperature.plies),
        "then": Number(0.0, 100.0, _DEFAULTS.temperature.then),
    },
    default={},
)
# A reader, for documents that have a search among other things.
SEARCH_SETTINGS = Section(
    {
        "simulations": Integer(1, MOST_SIMULATIONS, _DEFAULTS.simulations),
        "c_puct": Number(0.0, 100.0, _DEFAULTS.c_puct, above=True),
        "fpu_reduction": Number(0.0, 2.0, _DEFAULTS.fpu_reduction),
        "dirichlet_epsilon": Number(0.0, 1.0, _DEFAULTS.dirichlet_epsilon),
        "dirichlet_alpha": Number(0.0, 100.0, _DEFAULTS.dirichlet_alpha, above=True),
        "temperature": _TEMPERATURE,
        "leaves_per_wave": Integer(1, 64, _DEFAULTS.leaves_per_wave),
        "root": Choice("puct", "gumbel", default=_DEFAULTS.root),
        "gumbel_actions": Integer(1, 7, _DEFAULTS.gumbel_actions),
        "gumbel_visits": Number(0.0, 10_000.0, _DEFAULTS.gumbel_visits),
        "gumbel_scale": Number(0.0, 100.0, _DEFAULTS.gumbel_scale, above=True),
        "reuse_tree": Flag(_DEFAULTS.reuse_tree),
        "symmetric_evaluation": Choice(
            "off", "random", "mean", default=_DEFAULTS.symmetric_evaluation
        ),
        "batch_limit": Integer(1, MOST_ROWS, _DEFAULTS.batch_limit),
        "transposition": Flag(_DEFAULTS.transposition),
        "transposition_positions": Integer(1_024, 1 << 24, _DEFAULTS.transposition_positions),
        "resign_below": Number(-1.0, 0.0, _DEFAULTS.resign_below),
        "resign_plies": Integer(1, 21, _DEFAULTS.resign_plies),
        "resign_off_share": Number(0.0, 1.0, _DEFAULTS.resign_off_share),
    },
    default={},
    rules=(_together,),
)
