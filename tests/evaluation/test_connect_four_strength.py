"""A player is asked in every position of a set, and players meet in matches."""

import numpy as np
import pytest
from torch import Generator

from hamlet.brains import compile_brain
from hamlet.brains.spec import BrainSpec
from hamlet.envs.connect_four.layout import LAYOUT
from hamlet.errors import HamletError
from hamlet.evaluation.connect_four_sets import EvaluationSet, load_set
from hamlet.evaluation.connect_four_strength import (
    PUBLISHED_PERCENT,
    mistakes_of,
    network_player,
    ordered_sets,
    percent,
    round_robin,
)
from hamlet.evaluation.intervals import wilson_interval
from hamlet.search.boards import Boards
from hamlet.search.openings import balanced_openings
from hamlet.search.players import MinimaxPlayer, OnePlyPlayer, RandomPlayer


class Told:
    """Plays what it was told, position by position."""

    name = title = "told"

    def __init__(self, columns: np.ndarray) -> None:
        self.columns, self.asked = columns, 0

    def choose(self, boards: Boards, generator: np.random.Generator) -> np.ndarray:
        part = self.columns[self.asked : self.asked + len(boards)]
        self.asked += len(boards)
        return part


@pytest.fixture(scope="module")
def ending() -> EvaluationSet:
    return load_set("end-easy")


def test_perfect_choices_are_no_mistakes_and_the_worst_ones_are(ending):
    best = ending.scores.argmax(axis=1)
    worst = np.where(ending.legal, ending.scores, 100).argmin(axis=1)
    good, bad = (mistakes_of(Told(columns), ending) for columns in (best, worst))
    assert (good.all.score.mean, good.all.wdl.mean) == (0.0, 0.0)
    assert bad.decisive.wdl.mean == 1.0
    assert bad.decisive.positions == int(ending.decisive.sum())


def test_every_position_is_asked_once_in_the_order_of_the_set(ending):
    told, counted = Told(ending.scores.argmax(axis=1)), []
    mistakes_of(told, ending, on_positions=counted.append)
    assert told.asked == sum(counted) == len(ending)
    assert len(counted) > 1


def test_looking_ahead_makes_fewer_mistakes_than_drawing_by_lot(ending):
    drawn = mistakes_of(RandomPlayer(), ending, seed=3)
    ahead = mistakes_of(MinimaxPlayer(), ending, seed=3)
    assert ahead.all.wdl.high < drawn.all.wdl.low
    again = mistakes_of(RandomPlayer(), ending, seed=3)
    other = mistakes_of(RandomPlayer(), ending, seed=4)
    assert (drawn.score == again.score).all()
    assert (drawn.score != other.score).any()


def test_a_search_makes_fewer_mistakes_than_the_network_under_it(ending):
    block = {"blocks": 1, "channels": 4, "head_channels": 2, "head_hidden": 8}
    spec = BrainSpec.from_data({"architecture": {"type": "alphazero", "alphazero": block}})
    network = compile_brain(spec, LAYOUT, generator=Generator().manual_seed(1))
    alone = mistakes_of(network_player(network, 0), ending)
    searched = mistakes_of(network_player(network, 32), ending)
    assert searched.all.wdl.high < alone.all.wdl.low


def test_sets_come_in_the_order_of_the_published_table():
    assert [chosen.name for chosen in ordered_sets()] == list(PUBLISHED_PERCENT)
    assert [c.name for c in ordered_sets(["end-easy", "begin-easy"])] == ["begin-easy", "end-easy"]
    with pytest.raises(HamletError, match="found set 'end-esy'; expected one of .*end-easy"):
        ordered_sets(["end-esy"])


def test_shares_are_spelt_in_percent():
    assert percent(wilson_interval(1, 4)) == "25.0 [4.6, 69.9]"
    assert percent(None) == ""


def test_every_two_players_meet_and_are_rated():
    players = {"random": RandomPlayer(), "one ply": OnePlyPlayer(), "minimax": MinimaxPlayer(3)}
    told = []
    matches, table = round_robin(
        players, balanced_openings()[:4], seed=1, on_match=lambda *pair: told.append(pair)
    )
    assert list(matches) == told
    assert len(told) == 3
    assert all(len(match.games) == 8 for match in matches.values())
    assert table.games == 24
    assert [rating.player for rating in table.ratings][-1] == "random"
    # One game of a match and the table agree on who moved first and won.
    wins = sum(game.result() == 1 for game in matches["random", "minimax"].games)
    wins += sum(game.result() == 1 for game in matches["random", "one ply"].games)
    assert next(r for r in table.ratings if r.player == "random").wins == wins
