"""Standings: ratings fitted from all tournament games that somebody may see, never by increments.

The database counts results by the players' names; how many games there are costs little more.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from itertools import chain, repeat
from typing import Any
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.db.models import Count, F, QuerySet

from hamlet.envs.connect_four.position import RED, YELLOW
from hamlet.evaluation.ratings import ANCHOR, RatedGame, Rating, rate_players
from registry.models import User
from training.games.models import Game, GameSource
from training.games.queries import visible_games
from training.league.entrants import POOL

RESULTS = {RED: 1, YELLOW: -1, 0: 0}  # for Red
OUTCOMES = {1: "wins", 0: "draws", -1: "losses"}
Counted = tuple[str, str, int, int]  # Red, Yellow, result for Red, how often


def standings(user: User | AnonymousUser) -> dict[str, Any]:
    """The league as this user may see it; see `standings_of`."""
    return standings_of(visible_games(user))


def games_of_job(job_id: UUID) -> QuerySet[Game]:
    return Game.objects.filter(origin=job_id)


def rated_games(games: QuerySet[Game]) -> QuerySet[Game]:
    """Those that a tournament of ours has played. A game that somebody sends may call itself one,
    but then it comes with no origin: nobody's rating is made of games that were not played here."""
    played = games.filter(source=GameSource.TOURNAMENT, origin__isnull=False, given_id=None)
    return played.exclude(red_name="").exclude(yellow_name="").exclude(red_name=F("yellow_name"))


def standings_of(games: QuerySet[Game]) -> dict[str, Any]:
    """Ratings and the table of who met whom.

    Returns: anchor (whose rating is 0; None without games), games, first_move (rating points, an
        interval), draw_weight, ratings (best first), pairs (each seen from both sides).
    """
    counted = count_results(games)
    if not counted:
        nothing = {"anchor": None, "games": 0, "first_move": None, "draw_weight": None}
        return {**nothing, "ratings": [], "pairs": []}
    each = chain.from_iterable(repeat(RatedGame(r, y, w), n) for r, y, w, n in counted)
    table = rate_players(each, anchor=anchor_of(counted))
    seats = seats_of(counted)
    return {
        "anchor": table.anchor,
        "games": table.games,
        "first_move": table.first_move.to_data(),
        "draw_weight": table.draw_weight,
        "ratings": [rating_data(rating, seats[rating.player]) for rating in table.ratings],
        "pairs": pairs_of(counted, [rating.player for rating in table.ratings]),
    }


def count_results(games: QuerySet[Game]) -> list[Counted]:
    """One statement, however many games."""
    found = (
        rated_games(games)
        .order_by("red_name", "yellow_name", "winner")
        .values_list("red_name", "yellow_name", "winner")
        .annotate(count=Count("pk"))
    )
    return [(red, yellow, RESULTS[winner], count) for red, yellow, winner, count in found]


def anchor_of(counted: Iterable[Counted]) -> str:
    """`random` if it has played; else the first of the pool that has, or who has played most."""
    played: Counter[str] = Counter()
    for red, yellow, _, count in counted:
        played[red] += count
        played[yellow] += count
    for name in (ANCHOR, *POOL):
        if name in played:
            return name
    return min(played, key=lambda name: (-played[name], name))


def seats_of(counted: Iterable[Counted]) -> dict[str, dict[str, dict[str, int]]]:
    """Wins, draws and losses of each player as Red and as Yellow."""
    seats: dict[str, dict[str, dict[str, int]]] = defaultdict(
        lambda: {seat: dict.fromkeys(OUTCOMES.values(), 0) for seat in ("red", "yellow")}
    )
    for red, yellow, result, count in counted:
        seats[red]["red"][OUTCOMES[result]] += count
        seats[yellow]["yellow"][OUTCOMES[-result]] += count
    return seats


def rating_data(rating: Rating, seats: dict[str, dict[str, int]]) -> dict[str, Any]:
    """`bound` says what `low` and `high` are where `rating` is none: at_least, at_most, none."""
    bound = None
    if rating.rating is None:
        bound = "at_least" if rating.low is not None else "none"
        bound = "at_most" if rating.high is not None else bound
    # Groups are counted from 1 for people.
    data = {**asdict(rating), "group": rating.group + 1, "bound": bound}
    return {**data, "as_red": seats["red"], "as_yellow": seats["yellow"]}


def pairs_of(counted: Iterable[Counted], players: Sequence[str]) -> list[dict[str, Any]]:
    """What came of every two that met, for each of both; in the order of `players`."""
    tally: dict[tuple[str, str], dict[str, int]] = defaultdict(
        lambda: dict.fromkeys(OUTCOMES.values(), 0)
    )
    for red, yellow, result, count in counted:
        tally[red, yellow][OUTCOMES[result]] += count
        tally[yellow, red][OUTCOMES[-result]] += count
    return [
        {"player": one, "opponent": other, "games": sum(found.values()), **found}
        for one in players
        for other in players
        if (found := tally.get((one, other)))
    ]
