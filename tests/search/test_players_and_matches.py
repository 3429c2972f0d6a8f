"""The pool of players, matches between them and the gate of the arena."""

from __future__ import annotations

import numpy as np
import pytest

from hamlet.envs.connect_four.position import IllegalMoveError, Position
from hamlet.errors import HamletError, SpecError
from hamlet.search.arena import GateDecision, Match, MatchGame, arena_gate, play_match
from hamlet.search.boards import Boards
from hamlet.search.evaluators import UniformEvaluator
from hamlet.search.openings import as_columns, balanced_openings, random_openings
from hamlet.search.players import NetworkPlayer, opponent_named, player_named
from hamlet.search.rollouts import search_by_rollouts
from hamlet.search.settings import SearchSettings
from hamlet.search.solver import shared_solver
from tests.search.evaluators_for_tests import random_positions

QUICK = {"mcts": {"simulations": 60}, "minimax": {"depth": 2}}
POOL = ["random", "one_ply", "minimax", "mcts", "solver"]


def made(name: str):
    return player_named(name, **QUICK.get(name, {}))


def generator() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.mark.parametrize("name", POOL)
def test_player_chooses_open_columns_and_repeats_itself_by_its_seed(name: str) -> None:
    boards = random_positions(20, 30, 1)
    player = made(name)
    columns = player.choose(boards, generator())
    assert boards.legal()[np.arange(20), columns].all()
    assert (made(name).choose(boards, generator()) == columns).all()
    assert player.name == name
    assert player.title


@pytest.mark.parametrize("name", ["one_ply", "minimax", "mcts"])
def test_player_wins_in_one_else_blocks(name: str) -> None:
    boards = Boards.after([[0, 1, 0, 1, 0, 1], [3, 3, 3, 0, 3, 0, 6, 0], [6, 0, 6, 0, 6]])
    player = player_named(name, **({"simulations": 500} if name == "mcts" else {}))
    columns = player.choose(boards, generator())
    assert columns[0] == 0
    assert columns[2] == 6


def test_solver_takes_any_of_the_columns_that_perfect_play_allows() -> None:
    boards = random_positions(25, 30, 4)
    solver = shared_solver()
    player = made("solver")
    chosen = [player.choose(boards, np.random.default_rng(seed)) for seed in range(5)]
    for row, position in enumerate(boards.positions()):
        allowed = solver.best_columns(position)
        assert {int(columns[row]) for columns in chosen} <= set(allowed)
    assert (np.array(chosen) != chosen[0]).any()


def test_random_player_takes_each_open_column_as_often() -> None:
    boards = Boards.after([[3] * 6] * 6000)
    counts = np.bincount(made("random").choose(boards, generator()), minlength=7)
    assert counts[3] == 0
    assert np.abs(counts[[0, 1, 2, 4, 5, 6]] - 1000).max() < 120


def test_unknown_player_and_wrong_settings_are_refused() -> None:
    with pytest.raises(HamletError, match="found player 'minmax'.*did you mean minimax"):
        player_named("minmax")
    with pytest.raises(HamletError, match="the player random cannot be made"):
        player_named("random", depth=3)
    with pytest.raises(SpecError, match="depth"):
        player_named("minimax", depth=0)
    with pytest.raises(HamletError, match="simulations: found 0"):
        player_named("mcts", simulations=0)


def test_finished_position_is_refused() -> None:
    over = Boards.after([[0, 1], [0, 1, 0, 1, 0, 1, 0]])
    for name in ("random", "one_ply", "mcts"):
        with pytest.raises(HamletError, match="position 1 is finished"):
            made(name).choose(over, generator())


def test_opponent_is_a_function_of_one_position() -> None:
    reply = opponent_named("one_ply", seed=3)
    assert reply(Position.after([6, 0, 6, 0, 6])) == 6


class Likes:
    """An evaluator with a favourite column."""

    def __init__(self, column: int) -> None:
        self.column = column

    def __call__(self, own, occupied):
        logits = np.zeros((len(own), 7), np.float32)
        logits[:, self.column] = 2.0
        return logits, np.zeros(len(own), np.float32)


def test_network_plays_its_favourite_and_with_search_what_wins() -> None:
    boards = Boards.after([[0, 1, 0, 1, 0, 1], [5] * 6])
    raw = NetworkPlayer(Likes(5))
    assert raw.choose(boards, generator()).tolist() == [5, 3]
    ahead = NetworkPlayer(Likes(5), SearchSettings(simulations=100, batch_limit=1))
    assert ahead.choose(boards, generator())[0] == 0
    assert "100 simulations" in ahead.title


def test_network_with_temperature_draws_from_its_policy() -> None:
    player = NetworkPlayer(Likes(5), temperature=1.0)
    columns = player.choose(Boards.empty(4000), generator())
    share = np.exp(2) / (6 + np.exp(2))
    assert np.bincount(columns, minlength=7)[5] / 4000 == pytest.approx(share, abs=0.03)


def test_rollouts_find_the_win_and_count_every_simulation() -> None:
    boards = Boards.after([[0, 1, 0, 1, 0, 1], [3] * 6])
    found = search_by_rollouts(boards, 400, np.array([1, 2]))
    assert found.visits.sum(axis=1).tolist() == [400, 400]
    assert found.best_columns()[0] == 0
    assert found.column_values[0, 0] == 1.0
    assert found.values[0] > 0.8
    assert found.visits[1, 3] == 0
    assert np.isnan(found.column_values[1, 3])


def test_rollouts_searched_together_equal_rollouts_searched_alone() -> None:
    boards, seeds = random_positions(8, 10, 2), np.arange(8) * 7 + 3
    together = search_by_rollouts(boards, 200, seeds)
    for row in range(8):
        alone = search_by_rollouts(boards.rows(np.array([row])), 200, seeds[[row]])
        assert (alone.visits[0] == together.visits[row]).all()


def test_random_playouts_of_the_empty_board_are_worth_what_random_games_are() -> None:
    """Random play wins 55.6 % and draws 0.25 % for the first player: a mean of about 0.114."""
    found = search_by_rollouts(Boards.empty(64), 60, np.arange(64), exploration=1000.0)
    assert found.values.mean() == pytest.approx(0.114, abs=0.05)


def test_every_opening_is_played_from_both_seats() -> None:
    openings = random_openings(10, plies=3, seed=1)
    match = play_match(made("random"), made("one_ply"), openings, seed=5)
    assert len(match.games) == 20
    for opening, pair in zip(openings, zip(*[iter(match.games)] * 2, strict=True), strict=True):
        assert [game.red for game in pair] == [0, 1]
        assert all(game.moves.startswith(opening) for game in pair)
    for game in match.games:
        position = Position.after(as_columns(game.moves))
        assert position.ended
        assert position.winner == game.winner
    assert play_match(made("random"), made("one_ply"), openings, seed=5) == match


def test_better_player_wins_the_match_and_the_gate() -> None:
    openings = random_openings(30, plies=3, seed=1)
    decision = arena_gate(made("mcts"), made("random"), openings, seed=1, games=60)
    assert decision.accepted
    assert decision.match.mean().low > 0.5
    refused = arena_gate(made("random"), made("mcts"), openings, seed=1, games=60)
    assert not refused.accepted
    assert refused.to_data()["losses"] > 40


def test_results_are_those_of_the_first_named_player() -> None:
    games = [MatchGame("", 0, red, winner) for red in (0, 1) for winner in (1, 2, 0)]
    assert [game.result() for game in games] == [1, -1, 0, -1, 1, 0]
    assert [game.result(1) for game in games] == [-1, 1, 0, 1, -1, 0]
    assert Match(games).counts(red=0) == {"wins": 1, "draws": 1, "losses": 1}


@pytest.mark.parametrize(("above", "accepted"), [(0.001, False), (0.0, True)])
def test_gate_opens_at_the_mean_that_is_needed(above: float, accepted: bool) -> None:
    player, openings = made("random"), random_openings(64, plies=4, seed=1)
    match = play_match(player, player, openings, seed=1)
    needed = match.mean().mean + above
    decision = arena_gate(player, player, openings, seed=1, needed=needed)
    assert decision == GateDecision(accepted, match, needed)
    assert len(match.games) == 128


def test_matches_that_cannot_be_are_refused() -> None:
    player = made("random")
    with pytest.raises(HamletError, match="found 128 games with 3 openings"):
        arena_gate(player, player, ["", "4", "44"], seed=1)
    with pytest.raises(HamletError, match="found the opening '48'"):
        play_match(player, player, ["48"], seed=1)
    with pytest.raises(HamletError, match="opening 1212121: the game is over"):
        play_match(player, player, ["1", "1212121"], seed=1)
    with pytest.raises(HamletError, match="opening 4444444: ply 6: column 3 is full"):
        play_match(player, player, ["4444444"], seed=1)


def test_player_that_chooses_a_closed_column_is_named() -> None:
    class Stubborn:
        name, title = "stubborn", "Stubborn"

        def choose(self, boards, generator):
            return np.full(len(boards), 3)

    with pytest.raises(IllegalMoveError, match="Stubborn chose .*: column 3 is full"):
        play_match(Stubborn(), Stubborn(), ["44444"], seed=1)


def test_random_openings_differ_up_to_mirror_images() -> None:
    openings = random_openings(100, plies=4, seed=3)
    keys = {Position.after(as_columns(opening)).canonical_key for opening in openings}
    assert len(keys) == 100
    with pytest.raises(HamletError, match="found 4 openings of 1 plies; expected 5"):
        random_openings(5, plies=1)


def test_shipped_openings_differ_and_are_in_play() -> None:
    openings = balanced_openings()
    positions = [Position.after(as_columns(opening)) for opening in openings]
    assert len({position.canonical_key for position in positions}) == len(openings) >= 64
    assert not any(position.ended for position in positions)


@pytest.mark.slow(expected_s=40)
def test_shipped_openings_are_balanced_by_perfect_play() -> None:
    late = [opening for opening in balanced_openings() if len(opening) >= 10]
    solver = shared_solver()
    scores = [solver.solve(Position.after(as_columns(opening))) for opening in late[:40]]
    assert len(scores) == 40
    assert set(scores) <= {-1, 0, 1}


def test_uniform_evaluator_gives_every_network_player_a_match() -> None:
    settings = SearchSettings(simulations=16, batch_limit=8)
    player = NetworkPlayer(UniformEvaluator(), settings)
    match = play_match(player, made("random"), random_openings(8, plies=2), seed=2)
    assert match.mean().mean > 0
