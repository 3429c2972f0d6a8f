"""Ratings from all stored tournament games that somebody may see."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from django.utils import timezone

from hamlet.datasets.games import Game as PlayedGame
from hamlet.datasets.games import Player
from hamlet.evaluation.ratings import rate_players
from registry.models import Classroom, User
from tests.games.conftest import GAMES, Program
from tests.games.records import record
from tests.league.conftest import LEAGUE
from training.games import services
from training.games.models import Game
from training.games.rows import Keeping
from training.league import queries

pytestmark = pytest.mark.django_db
WINNERS = {1: (3, 2, 3, 2, 3, 2, 3), 2: (0, 3, 2, 3, 2, 3, 2, 3)}
DRAW = tuple(int(digit) for digit in "012345601234560123456654321065432106543210")


def keep(
    owner: User,
    results: str,
    red: str,
    yellow: str,
    classroom: Classroom | None = None,
    origin: UUID | None = None,
) -> None:
    """Games as a tournament keeps them. Args: results: R, Y or D for each game."""
    games = [
        PlayedGame(
            id="",
            moves=WINNERS.get("DRY".index(letter), DRAW),
            winner="DRY".index(letter),
            red=Player(version=red),
            yellow=Player(version=yellow),
            played_at=timezone.now(),
            source="tournament",
        )
        for letter in results
    ]
    keeping = Keeping(owner, classroom, origin=origin or uuid4())
    services.record_games(games, keeping, numbers=range(len(games)))


def by_name(table: dict) -> dict[str, dict]:
    return {rating["player"]: rating for rating in table["ratings"]}


def test_an_empty_league_is_empty(program: Program) -> None:
    response = program.get(LEAGUE)
    assert response.status_code == 200
    assert response.json() == {
        "anchor": None,
        "games": 0,
        "first_move": None,
        "draw_weight": None,
        "ratings": [],
        "pairs": [],
    }


def test_ratings_are_those_of_all_games_at_once(teacher: Program, instructor: User) -> None:
    keep(instructor, "RRRYD", "minimax", "random")
    keep(instructor, "YYR", "random", "minimax")  # another tournament
    table = teacher.get(LEAGUE).json()
    results = [("minimax", "random", r) for r in (1, 1, 1, -1, 0)]
    results += [("random", "minimax", r) for r in (-1, -1, 1)]
    expected = {rating.player: rating for rating in rate_players(results).ratings}
    found = by_name(table)
    assert (table["anchor"], table["games"]) == ("random", 8)
    assert found["random"]["rating"] == 0
    for name in ("rating", "low", "high"):
        assert found["minimax"][name] == pytest.approx(getattr(expected["minimax"], name))
    assert found["minimax"]["bound"] is None
    assert found["minimax"]["as_red"] == {"wins": 3, "draws": 1, "losses": 1}
    assert found["minimax"]["as_yellow"] == {"wins": 2, "draws": 0, "losses": 1}
    assert table["pairs"] == [
        {"player": "minimax", "opponent": "random", "games": 8, "wins": 5, "draws": 1, "losses": 2},
        {"player": "random", "opponent": "minimax", "games": 8, "wins": 2, "draws": 1, "losses": 5},
    ]


def test_who_never_lost_is_bounded_from_below_and_who_never_won_from_above(
    instructor: User,
) -> None:
    for wins, losses in (("solver", "random"), ("random", "dropper/1.0.0")):
        keep(instructor, "RRRR", wins, losses)
        keep(instructor, "YYYY", losses, wins)
    found = by_name(queries.standings(instructor))
    assert (found["solver"]["bound"], found["solver"]["rating"]) == ("at_least", None)
    assert found["solver"]["low"] is not None
    assert (found["dropper/1.0.0"]["bound"], found["dropper/1.0.0"]["low"]) == ("at_most", None)
    assert len({rating["group"] for rating in found.values()}) == 3


def test_each_sees_the_games_that_are_theirs_or_their_class_s(
    instructor: User, student: User, outsider: User, admin: User, classroom: Classroom
) -> None:
    keep(instructor, "RY", "minimax", "random", classroom)
    keep(instructor, "RY", "mcts", "random")  # the instructor's alone
    seen = {
        user.username: {rating["player"] for rating in queries.standings(user)["ratings"]}
        for user in (instructor, student, outsider, admin)
    }
    assert seen[student.username] == {"minimax", "random"}
    assert seen[outsider.username] == set()
    assert seen[instructor.username] == seen[admin.username] == {"minimax", "mcts", "random"}


def test_a_game_that_somebody_sends_makes_no_rating(program: Program, student: User) -> None:
    sent = record(
        source="tournament",
        players={
            "red": {"type": "ai", "version": "mine/9.9.9"},
            "yellow": {"type": "ai", "version": "random"},
        },
    )
    response = program.send(GAMES, sent)
    assert response.status_code == 201, response.content
    assert response.json()["source"] == "tournament"
    assert queries.standings(student)["ratings"] == []


def test_without_random_another_of_the_pool_has_zero(instructor: User) -> None:
    keep(instructor, "RYRY", "a/1.0.0 @64", "minimax")
    keep(instructor, "RYRY", "a/1.0.0 @64", "b/1.0.0")
    assert queries.standings(instructor)["anchor"] == "minimax"


def test_without_any_of_the_pool_who_has_played_most_has_zero(instructor: User) -> None:
    keep(instructor, "RYRY", "b/1.0.0", "a/1.0.0")
    keep(instructor, "RYRY", "b/1.0.0", "c/1.0.0")
    assert queries.standings(instructor)["anchor"] == "b/1.0.0"


def test_more_games_cost_no_more_statements(
    instructor: User, django_assert_num_queries, classroom: Classroom
) -> None:
    keep(instructor, "RYD" * 40, "minimax", "random", classroom)
    keep(instructor, "RYD" * 40, "mcts", "random", classroom)
    with django_assert_num_queries(1):
        counted = queries.count_results(Game.objects.all())
    assert sum(count for *_, count in counted) == 240
