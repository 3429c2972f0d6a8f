"""How a player of Connect Four does against perfect play, set by set, and against other players.

What was published for comparison stands here with its source, so that every table quotes the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import combinations

import numpy as np
from torch import nn

from hamlet.errors import HamletError
from hamlet.evaluation.connect_four import Mistakes, mistakes
from hamlet.evaluation.connect_four_sets import EvaluationSet, load_set, shipped_sets
from hamlet.evaluation.intervals import Interval
from hamlet.evaluation.ratings import RatedGame, RatingTable, rate_players
from hamlet.learning.randomness import derived_seed
from hamlet.search.arena import Match, play_match
from hamlet.search.boards import Boards
from hamlet.search.evaluators import NetworkEvaluator
from hamlet.search.players import NetworkPlayer, Player
from hamlet.search.settings import SearchSettings
from hamlet.wording import hint

# WDL mistakes in percent of all positions, on sets of the same kinds made by others, read off a
# plot: AlphaZero.jl, https://jonathan-laurent.github.io/AlphaZero.jl/stable/tutorial/connect_four/,
# iteration 15 with 600 simulations per move, and its minimax of depth 5.
PUBLISHED = "AlphaZero.jl, 600 simulations (published plot)"
PUBLISHED_MINIMAX = "minimax depth 5 (published plot)"
PUBLISHED_PERCENT: dict[str, dict[str, float]] = {
    "begin-easy": {PUBLISHED_MINIMAX: 1.7, PUBLISHED: 0.0},
    "middle-easy": {PUBLISHED_MINIMAX: 0.7, PUBLISHED: 0.0},
    "end-easy": {PUBLISHED_MINIMAX: 1.4, PUBLISHED: 0.0},
    "begin-medium": {PUBLISHED_MINIMAX: 7.3, PUBLISHED: 2.1},
    "middle-medium": {PUBLISHED_MINIMAX: 9.2, PUBLISHED: 2.7},
    "begin-hard": {PUBLISHED_MINIMAX: 23.0, PUBLISHED: 7.5},
}
AT_ONCE = 128  # positions between two signs of progress
KNOWN_POSITIONS = 200_000  # evaluations that one search shares
OnCount = Callable[[int], None]


def ordered_sets(names: Sequence[str] | None = None) -> Iterator[EvaluationSet]:
    """The shipped sets that are wanted, in the order of the published table.

    Raises: HamletError for a name that none has.
    """
    shipped = [name for name in PUBLISHED_PERCENT if name in shipped_sets()]
    for name in names or ():
        if name not in shipped:
            known = ", ".join(shipped)
            raise HamletError(f"found set {name!r}; expected one of {known}{hint(name, shipped)}")
    return (load_set(name) for name in shipped if names is None or name in names)


def network_player(network: nn.Module, simulations: int) -> NetworkPlayer:
    """A network as it is measured: alone, or with a search of so many simulations per move."""
    if not simulations:
        return NetworkPlayer(NetworkEvaluator(network))
    evaluate = NetworkEvaluator(network, known_positions=KNOWN_POSITIONS)
    return NetworkPlayer(evaluate, SearchSettings(simulations=simulations))


def mistakes_of(
    player: Player,
    evaluation_set: EvaluationSet,
    *,
    seed: int = 0,
    on_positions: OnCount = lambda count: None,
) -> Mistakes:
    """Let a player choose in every position of a set.

    Args:
        seed: of what the player draws; the same seed gives the same choices.
        on_positions: called with how many more are done.
    """
    generator = np.random.default_rng(derived_seed(seed, evaluation_set.name))
    chosen = np.empty(len(evaluation_set), np.int64)
    for begin in range(0, len(chosen), AT_ONCE):
        part = slice(begin, begin + AT_ONCE)
        boards = Boards(evaluation_set.own[part], evaluation_set.occupied[part])
        chosen[part] = player.choose(boards, generator)
        on_positions(len(boards))
    return mistakes(chosen, evaluation_set)


def percent(share: Interval | None) -> str:
    """`1.3 [0.6, 2.6]`; nothing where there is nothing to take a share of."""
    if share is None:
        return ""
    return f"{100 * share.mean:.1f} [{100 * share.low:.1f}, {100 * share.high:.1f}]"


def round_robin(
    players: Mapping[str, Player],
    openings: Sequence[str],
    *,
    seed: int = 0,
    known: Iterable[RatedGame] = (),
    on_match: Callable[[str, str], None] = lambda one, other: None,
) -> tuple[dict[tuple[str, str], Match], RatingTable]:
    """Every two players meet, twice from each opening with seats exchanged.

    Args:
        players: by the name that ratings show; one is called `random`, whose rating is 0.
        known: games of the same players that were played before; they count for the ratings.
    Raises: HamletError as `play_match` and `rate_players`.
    """
    matches: dict[tuple[str, str], Match] = {}
    games = list(known)
    for one, other in combinations(players, 2):
        on_match(one, other)
        match = play_match(
            players[one], players[other], openings, seed=derived_seed(seed, f"{one}/{other}")
        )
        matches[one, other] = match
        games += rated(match, one, other)
    return matches, rate_players(games)


def rated(match: Match, one: str, other: str) -> list[RatedGame]:
    """The games of a match as ratings count them."""
    colour = {0: 0, 1: 1, 2: -1}
    seats = {0: (one, other), 1: (other, one)}
    return [RatedGame(*seats[game.red], colour[game.winner]) for game in match.games]
