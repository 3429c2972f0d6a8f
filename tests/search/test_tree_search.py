"""What a tree search promises, whatever evaluates its leaves."""

from __future__ import annotations

import numpy as np
import pytest

from hamlet.envs.connect_four.position import IllegalMoveError
from hamlet.errors import HamletError, ShapeError
from hamlet.search.boards import Boards
from hamlet.search.evaluators import UniformEvaluator
from hamlet.search.rules_dynamics import RulesDynamics
from hamlet.search.search import Search
from hamlet.search.settings import SearchSettings
from tests.search.evaluators_for_tests import ByFormula, Watched, random_positions, searched

ROOTS = pytest.mark.parametrize("root", ["puct", "gumbel"])
LEAVES = pytest.mark.parametrize("leaves", [1, 5])


def columns_of(text: str) -> list[int]:
    return [int(digit) - 1 for digit in text]


def boards_of(*games: str) -> Boards:
    return Boards.after(columns_of(game) for game in games)


@ROOTS
@LEAVES
def test_visits_of_the_root_sum_to_the_simulations(root: str, leaves: int) -> None:
    settings = SearchSettings(simulations=60, root=root, leaves_per_wave=leaves)
    search, found = searched(ByFormula(), random_positions(9, 8, 1), settings, explore=True)
    assert (found.visits.sum(axis=1) == 60).all()
    assert search.simulations_done == 9 * 60
    assert not search.tree.pending.any()


@ROOTS
@LEAVES
def test_visits_sum_to_the_simulations_when_the_tree_is_kept(root: str, leaves: int) -> None:
    settings = SearchSettings(simulations=50, root=root, leaves_per_wave=leaves)
    search, _ = searched(ByFormula(), Boards.empty(4), settings, explore=True)
    kept = 0
    while search.active.any():
        rows = np.flatnonzero(search.active)
        search.play(rows, search.choose(np.ones(4)))
        if search.active.any():
            done = search.simulations_done
            found = search.run()
            assert (found.visits.sum(axis=1) == 50).all()
            assert (found.visits[~search.boards.rows(found.rows).legal()] == 0).all()
            kept += 50 * len(found.rows) - (search.simulations_done - done)
    assert kept > 0


def test_tree_that_is_not_kept_begins_anew() -> None:
    settings = SearchSettings(simulations=40, reuse_tree=False)
    search, _ = searched(ByFormula(), Boards.empty(3), settings)
    search.play(np.arange(3), search.choose())
    search.run()
    assert search.simulations_done == 2 * 3 * 40


@pytest.mark.parametrize("leaves", [1, 5])
def test_kept_subtree_holds_what_was_found_below_the_played_move(leaves: int) -> None:
    settings = SearchSettings(simulations=150, leaves_per_wave=leaves)
    search, _ = searched(ByFormula(), boards_of("44"), settings)
    child = search.tree.child[0, 0, 3]
    visits, total = (
        search.tree.visits[0, child].copy(),
        search.tree.total[0, child].copy(),
    )
    grandchild = search.tree.child[0, child, 2]
    below = search.tree.visits[0, grandchild].copy()
    search.play(np.array([0]), np.array([3]))
    assert (search.tree.visits[0, 0] == visits).all()
    assert (search.tree.total[0, 0] == total).all()
    assert (search.tree.visits[0, search.tree.child[0, 0, 2]] == below).all()
    after = boards_of("444")
    assert search.dynamics.own[0, 0] == after.own[0]
    assert search.dynamics.occupied[0, 0] == after.occupied[0]


@ROOTS
def test_finished_games_count_exactly_and_are_never_evaluated(root: str) -> None:
    watched = Watched(ByFormula())
    settings = SearchSettings(simulations=120, root=root, leaves_per_wave=3)
    search, _ = searched(watched, random_positions(30, 30, 2), settings)
    assert len(watched.asked) > 5
    for boards in watched.asked:
        assert not boards.ended().any()
    ended = search.tree.ended & (np.arange(search.tree.ended.shape[1]) < search.tree.used[:, None])
    boards = Boards(search.dynamics.own[ended], search.dynamics.occupied[ended])
    assert boards.ended().all()
    assert (search.tree.value[ended] == np.where(boards.results() > 0, -1.0, 0.0)).all()
    assert ended.sum() > 100


@ROOTS
def test_every_win_in_one_is_played_with_a_uniform_evaluator(root: str) -> None:
    boards = random_positions(400, 16, 3)
    wins = winning_columns(boards)
    boards, wins = boards.rows(np.flatnonzero(wins.any(axis=1))), wins[wins.any(axis=1)]
    assert len(boards) > 80
    search, _ = searched(UniformEvaluator(), boards, SearchSettings(simulations=200, root=root))
    assert wins[np.arange(len(boards)), search.choose()].all()


@ROOTS
def test_every_loss_in_one_is_blocked_with_a_uniform_evaluator(root: str) -> None:
    boards = random_positions(600, 14, 4)
    # As if the other side were to move: there it wins.
    threats = winning_columns(Boards(boards.own ^ boards.occupied, boards.occupied))
    forced = ~winning_columns(boards).any(axis=1) & (threats.sum(axis=1) == 1)
    boards, threats = boards.rows(np.flatnonzero(forced)), threats[forced]
    assert len(boards) > 80
    search, _ = searched(UniformEvaluator(), boards, SearchSettings(simulations=200, root=root))
    columns = search.choose()
    blocked = threats[np.arange(len(boards)), columns]
    # Where blocking loses at once too, no column is better than another.
    for row in np.flatnonzero(~blocked):
        after = boards.rows(np.array([row])).play(np.array([threats[row].argmax()]))
        assert winning_columns(after).any()
    assert blocked.mean() > 0.9


def winning_columns(boards: Boards) -> np.ndarray:
    wins = np.zeros((len(boards), 7), np.bool_)
    legal = boards.legal()
    for column in range(7):
        rows = np.flatnonzero(legal[:, column])
        after = boards.rows(rows).play(np.full(len(rows), column))
        wins[rows, column] = after.results() > 0
    return wins


@ROOTS
@pytest.mark.parametrize("symmetric", ["off", "random", "mean"])
def test_games_searched_together_equal_games_searched_alone(root: str, symmetric: str) -> None:
    settings = SearchSettings(
        simulations=64, root=root, symmetric_evaluation=symmetric, batch_limit=7
    )
    boards, seeds = random_positions(12, 6, 5), np.arange(12) + 1000
    together, found = searched(ByFormula(), boards, settings, explore=True, seeds=seeds)
    columns = together.choose(np.ones(12))
    for row in range(12):
        alone, only = searched(
            ByFormula(), boards.rows(np.array([row])), settings, explore=True, seeds=seeds[[row]]
        )
        assert (only.visits[0] == found.visits[row]).all()
        assert only.values[0] == found.values[row]
        assert alone.choose(np.ones(1))[0] == columns[row]


@ROOTS
def test_closed_columns_have_no_visits_and_no_prior(root: str) -> None:
    boards = boards_of("444444", "1111117777772", "44444422222")
    settings = SearchSettings(simulations=80, root=root)
    _, found = searched(ByFormula(), boards, settings, explore=True)
    closed = ~boards.legal()
    assert closed.sum() == 4
    assert (found.visits[closed] == 0).all()
    assert (found.policy[closed] == 0).all()
    assert (found.network_policy[closed] == 0).all()
    assert found.policy.sum(axis=1) == pytest.approx(np.ones(3), abs=1e-6)


@ROOTS
def test_mirrored_root_gives_mirrored_visits_without_noise(root: str) -> None:
    # An odd column in play keeps the images apart, so that nothing is decided by a tie.
    boards = random_positions(20, 7, 6)
    settings = SearchSettings(simulations=100, root=root)
    _, straight = searched(ByFormula(), boards, settings)
    _, turned = searched(ByFormula(), boards.mirror(), settings)
    assert (straight.visits == turned.visits[:, ::-1]).all()
    assert straight.values == pytest.approx(turned.values, abs=1e-6)


def test_noise_changes_the_search_only_when_asked_to_explore() -> None:
    settings = SearchSettings(simulations=60)
    boards = Boards.empty(5)
    _, quiet = searched(ByFormula(), boards, settings)
    assert (quiet.visits == quiet.visits[0]).all()
    _, noisy = searched(ByFormula(), boards, settings, explore=True)
    assert len(np.unique(noisy.visits, axis=0)) > 1
    assert (noisy.network_policy == quiet.network_policy).all()


def test_finished_position_is_refused_by_its_number() -> None:
    settings = SearchSettings(simulations=4)
    search = Search(RulesDynamics(UniformEvaluator(), settings), settings, 2)
    with pytest.raises(HamletError, match="position 1 is finished"):
        search.start(np.arange(2), boards_of("12", "1212121"), np.zeros(2, np.int64))


def test_illegal_move_is_refused() -> None:
    search, _ = searched(UniformEvaluator(), boards_of("444444"), SearchSettings(simulations=4))
    with pytest.raises(IllegalMoveError, match="column 3 is full"):
        search.play(np.array([0]), np.array([3]))


def test_evaluator_that_answers_with_nan_is_named() -> None:
    def broken(own, occupied):
        return np.zeros((len(own), 7), np.float32), np.full(len(own), np.nan, np.float32)

    with pytest.raises(HamletError, match="expected finite numbers"):
        searched(broken, Boards.empty(1), SearchSettings(simulations=4))


def test_evaluator_with_another_shape_is_named() -> None:
    def broken(own, occupied):
        return np.zeros((len(own), 6), np.float32), np.zeros(len(own), np.float32)

    with pytest.raises(ShapeError, match="expected \\[B, 7\\]"):
        searched(broken, Boards.empty(1), SearchSettings(simulations=4))


def test_no_call_of_the_evaluator_is_larger_than_the_limit() -> None:
    watched = Watched(ByFormula())
    settings = SearchSettings(simulations=20, batch_limit=8, leaves_per_wave=4)
    searched(watched, random_positions(10, 4, 7), settings)
    sizes = [len(boards) for boards in watched.asked]
    assert max(sizes) == 8


def test_one_wave_asks_for_one_leaf_of_each_game() -> None:
    watched = Watched(ByFormula())
    searched(watched, random_positions(10, 1, 7), SearchSettings(simulations=20))
    # The roots, then 20 waves: so early no game ends inside the tree.
    assert [len(boards) for boards in watched.asked] == [10] * 21


def test_search_that_is_stopped_keeps_what_it_has() -> None:
    settings = SearchSettings(simulations=1000)
    search = Search(RulesDynamics(ByFormula(), settings), settings, 1)
    search.start(np.array([0]), Boards.empty(1), np.zeros(1, np.int64))
    looks = iter(range(10_000))
    found = search.run(stop=lambda: next(looks) >= 29)
    assert found.visits.sum() == 30
    assert len(search.line(0)) > 1
    assert search.line(0)[0] == found.visits[0].argmax()


@ROOTS
def test_temperature_spreads_the_choice_and_zero_takes_the_most_visited(root: str) -> None:
    settings = SearchSettings(simulations=60, root=root, dirichlet_epsilon=0.0, gumbel_scale=0.02)
    boards = Boards.empty(300)
    chosen = {}
    for heat in (0.0, 1.0):
        search = Search(RulesDynamics(ByFormula(), settings), settings, 300, explore=True)
        search.start(np.arange(300), boards, np.arange(300) * 104729)
        found = search.run(np.full(300, heat))
        chosen[heat] = search.choose(np.full(300, heat))
    assert len(set(chosen[0.0].tolist())) == 1
    assert len(set(chosen[1.0].tolist())) > 2
    if root == "puct":
        shares = np.bincount(chosen[1.0], minlength=7) / 300
        assert shares == pytest.approx(found.visits[0] / 60, abs=0.1)
