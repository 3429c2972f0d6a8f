"""Games of self-play that begin with given moves, as they are recorded."""

from __future__ import annotations

import numpy as np

from hamlet.datasets.options import read_options
from hamlet.datasets.targets import examples_of
from hamlet.learning.connect_four.finished_games import as_played
from hamlet.learning.connect_four.started_self_play import StartedSelfPlay
from hamlet.search.evaluators import UniformEvaluator
from hamlet.search.rules_dynamics import RulesDynamics
from hamlet.search.self_play import SelfPlaySettings
from hamlet.search.settings import SearchSettings

OPENING = "4444"


def one_game():
    search = SearchSettings(simulations=4)
    settings = SelfPlaySettings(search=search, parallel_games=1)
    dynamics = RulesDynamics(UniformEvaluator(), search)
    playing = StartedSelfPlay(dynamics, settings, 3, [OPENING])
    while not (finished := playing.play_on()):
        pass
    return as_played(finished[0].game, "x", opening=finished[0].opening)


def test_given_moves_have_no_target_at_all():
    game = one_game()
    assert game.moves[:4] == (3, 3, 3, 3)
    given = np.arange(game.plies) < 4
    assert game.explored[given].all()
    assert np.isnan(game.values).tolist() == given.tolist()
    rows, _ = examples_of([game], read_options({"include_policy": True}))
    assert (~rows["policy"].any(axis=1))[:4].all()
    rows, dropped = examples_of([game], read_options({"value_target": "search"}))
    assert (len(rows), dropped["no_search_value"]) == (game.plies - 4, 4)
