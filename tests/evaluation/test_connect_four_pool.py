"""A rating among players that never change."""

from collections import Counter

import pytest

from hamlet.errors import HamletError
from hamlet.evaluation.connect_four_pool import POOL, pool_games, pool_rating
from hamlet.evaluation.connect_four_strength import rated
from hamlet.search.arena import play_match
from hamlet.search.openings import balanced_openings
from hamlet.search.players import MinimaxPlayer, OnePlyPlayer, RandomPlayer, player_named


def test_stronger_players_are_rated_higher():
    random, one_ply, minimax = (
        pool_rating(player, 4).rating
        for player in (RandomPlayer(), OnePlyPlayer(), MinimaxPlayer())
    )
    assert random < one_ply < minimax
    assert abs(random) < 300


def test_who_loses_every_game_has_a_bound():
    class Leftmost:
        name = title = "leftmost"

        def choose(self, boards, generator):
            return boards.legal().argmax(axis=1)

    found = pool_rating(Leftmost(), 1)
    assert found.games == 2 * len(POOL)
    assert found.rating is not None or found.high is not None


@pytest.mark.parametrize("openings", [0, 97, -1])
def test_as_many_openings_as_there_are(openings):
    with pytest.raises(HamletError, match="expected 1 to 96"):
        pool_rating(RandomPlayer(), openings)


def test_stored_games_are_those_that_are_played():
    """One pair of the file, played again: the file is what its command makes."""
    from hamlet.learning.randomness import derived_seed

    one, other = "random", "one_ply"
    match = play_match(
        *(player_named(one), player_named(other), balanced_openings()),
        seed=derived_seed(0, f"{one}/{other}"),
    )
    stored = Counter(game for game in pool_games() if {game.first, game.second} == {one, other})
    assert Counter(rated(match, one, other)) == stored
