"""AlphaZero learns: endings that an untrained network loses are played well after seconds.

About ten seconds of one core; well under a minute where other work is done beside it.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmarks.connect_four.gate import alphazero_on
from hamlet.envs.connect_four.batch import open_columns_of
from hamlet.learning.connect_four.alphazero import AlphaZeroTrainer
from hamlet.learning.connect_four.finished_games import positions_learned
from hamlet.learning.connect_four.started_self_play import FinishedGame, StartedSelfPlay
from hamlet.search.evaluators import UniformEvaluator
from hamlet.search.rules_dynamics import RulesDynamics
from hamlet.search.self_play import SelfPlaySettings
from tests.learning_connect_four.endings import (
    Ending,
    centre_first_mistake_rate,
    decisive_endings,
    mistake_rate,
)


@pytest.fixture(scope="module")
def endings() -> list[Ending]:
    return decisive_endings(80, seed=7)


def run_on(endings: list[Ending], *, epochs: int, learning_rate: float) -> AlphaZeroTrainer:
    starts = [ending.moves for ending in endings]
    return alphazero_on(starts, epochs=epochs, learning_rate=learning_rate, seed=0)


def finish(trainer: AlphaZeroTrainer) -> None:
    while not trainer.finished:
        list(trainer.advance())


@pytest.mark.slow(expected_s=30)
def test_endings_are_learned(endings: list[Ending]) -> None:
    trainer = run_on(endings, epochs=4, learning_rate=0.002)
    untrained = mistake_rate(trainer.best_network(), endings)
    finish(trainer)
    trained = mistake_rate(trainer.best_network(), endings)

    assert trained <= untrained / 2
    assert trained < centre_first_mistake_rate(endings)


@pytest.mark.slow(expected_s=10)
def test_without_steps_nothing_is_learned(endings: list[Ending]) -> None:
    """That the test above would notice: the same run, but for steps of length zero."""
    trainer = run_on(endings, epochs=2, learning_rate=1e-12)
    untrained = mistake_rate(trainer.best_network(), endings)
    finish(trainer)

    assert mistake_rate(trainer.best_network(), endings) > untrained / 2


def played(starts: list[str], games: int, **search) -> list[FinishedGame]:
    """Games of a player that knows nothing, with 16 simulations."""
    settings = SelfPlaySettings.from_data(
        {
            "search": {"simulations": 16, "resign_off_share": 1.0, **search},
            "parallel_games": 8,
            "exploration_rate": 0.2,
        }
    )
    playing = StartedSelfPlay(
        RulesDynamics(UniformEvaluator(), settings.search), settings, 3, starts
    )
    found: list[FinishedGame] = []
    while len(found) < games:
        found += playing.play_on()
    return found


def test_the_value_is_that_of_the_side_to_move_at_every_ply(endings: list[Ending]) -> None:
    results = set()
    for finished in played(["", "4", *(ending.moves for ending in endings[:14])], 32):
        rows = positions_learned(finished, "outcome", 1.0)
        boards = finished.game.boards()
        assert torch.equal(rows["own"], torch.from_numpy(boards.own[finished.opening :]))
        for ply, value in enumerate(rows["value"].tolist(), start=finished.opening):
            mover = 1 + ply % 2
            expected = 0.0 if finished.game.winner == 0 else 1.0
            assert value == (expected if finished.game.winner in (0, mover) else -expected)
            results.add(value)
    assert results == {-1.0, 0.0, 1.0}


def test_no_target_lies_on_a_full_column(endings: list[Ending]) -> None:
    full = explored = 0
    for finished in played([ending.moves for ending in endings[:16]], 32):
        rows = positions_learned(finished, "outcome", 1.0)
        legal = open_columns_of(rows["occupied"])
        full += int((~legal).sum())
        assert (rows["policy"][~legal] == 0.0).all()
        sums = rows["policy"].sum(dim=1)
        drawn = torch.from_numpy(finished.game.explored[finished.opening :])
        explored += int(drawn.sum())
        assert (sums[drawn] == 0.0).all()
        torch.testing.assert_close(sums[~drawn], torch.ones(int((~drawn).sum())))
    assert full > 100
    assert explored > 0


def test_what_is_given_is_not_learned_but_told(endings: list[Ending]) -> None:
    starts = [ending.moves for ending in endings[:4]]
    for finished in played(starts, 12):
        start = starts[finished.game.number % 4]
        assert finished.game.text.startswith(start)
        assert finished.opening == len(start)
        rows = positions_learned(finished, "search", 1.0)
        assert len(rows["own"]) == len(finished.game) - len(start)
        assert np.bitwise_count(rows["occupied"].numpy()).min() == len(start)
