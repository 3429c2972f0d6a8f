"""Ratings are fitted from all games, with intervals, and bounds where games give no number."""

from __future__ import annotations

import json
import math
import random

import numpy as np
import pytest

from hamlet.errors import HamletError
from hamlet.evaluation.ratings import RatedGame, Rating, rate_players

ELO = 400 / math.log(10)
TRUE = {"random": 0, "one_ply": 220, "minimax": 500, "mcts": 540, "network": 850}


def drawn_games(count: int, *, first_move: float, draws: float, seed: int) -> list[RatedGame]:
    """Games of players whose ratings are TRUE, by the model."""
    generator = np.random.default_rng(seed)
    games = []
    for _ in range(count):
        first, second = map(str, generator.choice(list(TRUE), 2, replace=False))
        weights = [10 ** ((TRUE[first] + first_move) / 400), 0.0, 10 ** (TRUE[second] / 400)]
        weights[1] = draws * math.sqrt(weights[0] * weights[2])
        result = generator.choice([1, 0, -1], p=np.array(weights) / sum(weights))
        games.append(RatedGame(first, second, int(result)))
    return games


def by_name(games: list) -> dict[str, Rating]:
    return {rating.player: rating for rating in rate_players(games).ratings}


def test_ratings_two_players_have_by_hand() -> None:
    """Seats balanced: 6 wins, 2 draws and 2 losses against random are 7 points of 10."""
    results = {("a", "random"): [1, 1, 1, 0, -1], ("random", "a"): [-1, -1, -1, 0, 1]}
    games = [(*pair, result) for pair, some in results.items() for result in some]
    table = rate_players(games)
    first, second = table.ratings
    # At the maximum the expected wins and draws are those found: strengths as 3 to 1.
    assert (first.player, second.player) == ("a", "random")
    assert first.rating == pytest.approx(400 * math.log10(3), abs=0.01)
    assert table.first_move.mean == pytest.approx(0, abs=0.01)
    assert table.draw_weight == pytest.approx(0.2 / math.sqrt(0.6 * 0.2), abs=1e-4)
    assert second.rating == second.low == second.high == 0.0
    assert (first.wins, first.draws, first.losses) == (6, 2, 2)


def test_interval_of_two_players_follows_from_the_information() -> None:
    games = [("a", "random", 1)] * 30 + [("a", "random", -1)] * 10
    games += [("random", "a", -1)] * 30 + [("random", "a", 1)] * 10
    rating = by_name(games)["a"]
    # Without draws a logistic curve: information n * p * (1 - p) of the log strength.
    spread = 1.959964 * ELO / math.sqrt(80 * 0.75 * 0.25)
    assert rating.rating == pytest.approx(400 * math.log10(3), abs=0.01)
    assert rating.high - rating.rating == pytest.approx(spread, rel=1e-4)
    assert rating.rating - rating.low == pytest.approx(spread, rel=1e-4)


def test_order_of_games_does_not_matter_to_the_last_bit() -> None:
    games = drawn_games(500, first_move=80, draws=0.3, seed=1)
    table = rate_players(games)
    for seed in range(3):
        shuffled = list(games)
        random.Random(seed).shuffle(shuffled)
        assert rate_players(shuffled) == table


def test_what_made_the_games_is_found_again() -> None:
    games = drawn_games(6000, first_move=90, draws=0.4, seed=2)
    table = rate_players(games)
    for rating in table.ratings:
        assert rating.low <= TRUE[rating.player] <= rating.high
        assert rating.high - rating.low < 120
    assert [rating.player for rating in table.ratings] == list(reversed(TRUE))
    assert table.first_move.low < 90 < table.first_move.high
    assert table.draw_weight == pytest.approx(0.4, abs=0.05)


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    inside = sum(
        rating.low <= TRUE[rating.player] <= rating.high
        for seed in range(25)
        for rating in rate_players(drawn_games(400, first_move=50, draws=0.3, seed=seed)).ratings
        if rating.player != "random"
    )
    assert 0.88 * 100 <= inside <= 100


def test_player_who_never_lost_a_point_has_a_lower_bound() -> None:
    games = drawn_games(600, first_move=0, draws=0.3, seed=3)
    games += [("solver", "mcts", 1)] * 10 + [("mcts", "solver", -1)] * 10
    found = by_name(games)
    solver = found["solver"]
    assert solver.rating is None
    assert solver.high is None
    assert solver.low > found["mcts"].rating + 50
    assert "lower bound" in solver.note
    # Twice the games without a point lost say more.
    assert by_name(games + games[-20:])["solver"].low > solver.low + 50


def test_lower_bound_is_where_so_many_wins_become_unlikely() -> None:
    """By hand: n wins in n games have the chance s ** n; the bound has 95 % on one side."""
    even = [("a", "random", 1), ("a", "random", -1), ("random", "a", 1), ("random", "a", -1)]
    games = even * 5000 + [("b", "random", 1)] * 10 + [("random", "b", -1)] * 10
    chance = math.exp(-1.352771 / 20)
    assert by_name(games)["b"].low == pytest.approx(ELO * math.log(chance / (1 - chance)), abs=3)


def test_player_who_never_took_a_point_has_an_upper_bound() -> None:
    games = [("a", "random", 1), ("random", "a", 1)] * 5 + [("zero", "random", -1)] * 8
    zero = by_name(games)["zero"]
    assert zero.rating is None
    assert zero.low is None
    assert zero.high < -100
    assert "upper bound" in zero.note


def test_one_draw_makes_the_rating_a_number() -> None:
    games = [("a", "random", 1)] * 10 + [("random", "a", -1)] * 10
    assert by_name(games)["a"].rating is None
    assert by_name([*games, ("a", "random", 0)])["a"].rating > 200


def test_players_above_the_anchor_are_compared_with_each_other() -> None:
    """Random takes no point: all others have bounds, yet their order is known."""
    games = [("a", "random", 1), ("random", "b", -1)] * 6
    games += [("a", "b", 1)] * 12 + [("b", "a", 1)] * 6 + [("b", "a", -1)] * 6
    found = by_name(games)
    assert found["a"].group == found["b"].group != found["random"].group
    assert found["a"].in_group.mean > 0 > found["b"].in_group.mean
    assert found["a"].low is not None
    assert found["random"].in_group is None


def test_players_without_a_chain_of_games_to_the_anchor_are_said_so() -> None:
    games = [("a", "random", 1), ("random", "a", 1), ("x", "y", 1), ("y", "x", 1)]
    lost = by_name(games)["x"]
    assert lost.rating is lost.low is lost.high is None
    assert "no chain of games leads to random" in lost.note


def test_players_whose_only_tie_is_a_common_victim_cannot_be_compared() -> None:
    games = [("random", "c", 1)] * 5 + [("x", "c", 1)] * 5
    found = by_name(games)["x"]
    assert found.rating is found.low is found.high is None
    assert "cannot be compared" in found.note


@pytest.mark.parametrize(
    ("games", "fault"),
    [
        ([("a", "b", 1)], "found no game of 'random'"),
        ([], "found no game of 'random'"),
        ([("random", "random", 1)], "game 0: 'random' plays itself"),
        ([("random", "a", 1), ("random", "a", 2)], "game 1: found result 2"),
        ([("random", "a", 0.5)], "game 0: found result 0.5"),
    ],
)
def test_wrong_games_are_refused_by_their_number(games: list, fault: str) -> None:
    with pytest.raises(HamletError, match=fault):
        rate_players(games)


def test_wins_that_moving_first_explains_as_well_give_no_bound() -> None:
    rating = by_name([("a", "random", 1)] * 9)["a"]
    assert rating.rating is rating.low is rating.high is None


def test_table_becomes_plain_data() -> None:
    games = [("a", "random", 1), ("random", "a", -1)] * 3
    data = rate_players(games).to_data()
    assert json.loads(json.dumps(data)) == data
    assert data["ratings"][0]["player"] == "a"
