"""The rating of a network among players that never change: its curve while it learns.

The pool's own games are stored, so a network plays only its own; all of them together are fitted
as `hamlet.evaluation.ratings` says. Random play is 0.

    python -m hamlet.evaluation.connect_four_pool > hamlet/evaluation/connect_four_pool.json
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable
from functools import cache
from itertools import combinations
from pathlib import Path

from hamlet.errors import HamletError
from hamlet.evaluation.connect_four_strength import rated
from hamlet.evaluation.ratings import ANCHOR, RatedGame, Rating, rate_players
from hamlet.learning.randomness import derived_seed
from hamlet.search.arena import play_match
from hamlet.search.openings import balanced_openings
from hamlet.search.players import Player, player_named

POOL = (ANCHOR, "one_ply", "minimax", "mcts")  # minimax of depth 5, MCTS of 1,000 playouts
STORED = Path(__file__).with_suffix(".json")
NETWORK = "network"


def pool_rating(player: Player, openings: int, *, seed: int = 0) -> Rating:
    """Let a player meet everybody of the pool.

    Args: openings: of the balanced ones, each played twice against each player.
    Raises: HamletError if there are not so many.
    """
    balanced = balanced_openings()
    if not 1 <= openings <= len(balanced):
        raise HamletError(f"found {openings} openings; expected 1 to {len(balanced)}")
    found = []
    for name in POOL:
        match = play_match(
            *(player, player_named(name), balanced[:openings]),
            seed=derived_seed(seed, f"pool/{name}"),
        )
        found += rated(match, NETWORK, name)
    table = rate_players([*pool_games(), *found])
    return next(rating for rating in table.ratings if rating.player == NETWORK)


@cache
def pool_games() -> tuple[RatedGame, ...]:
    """The stored games of the pool."""
    rows = json.loads(STORED.read_text())
    return tuple(
        game
        for first, second, result, count in rows
        for game in [RatedGame(first, second, result)] * count
    )


def play_pool() -> list[tuple[str, str, int, int]]:
    """Every two players of the pool from all balanced openings.

    Returns: (first, second, result, how often).
    """
    openings, counted = balanced_openings(), Counter()
    for one, other in combinations(POOL, 2):
        match = play_match(
            player_named(one), player_named(other), openings, seed=derived_seed(0, f"{one}/{other}")
        )
        counted.update(rated(match, one, other))
    return [(*game, count) for game, count in sorted(counted.items())]


def main() -> None:
    rows: Iterable[str] = (f" {json.dumps(row)}" for row in play_pool())
    sys.stdout.write("[\n" + ",\n".join(rows) + "\n]\n")


if __name__ == "__main__":
    main()
