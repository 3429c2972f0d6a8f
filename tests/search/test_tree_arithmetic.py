"""Trees small enough to be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from hamlet.search.boards import Boards
from hamlet.search.gumbel import best_scored, improved_policy, mixed_value, plan
from hamlet.search.puct import node_value, puct_edge
from hamlet.search.rules_dynamics import RulesDynamics
from hamlet.search.search import Search
from hamlet.search.settings import SearchSettings
from hamlet.search.tree import Wave, add_node, back_up, empty_tree, expand, mark, rule_of

TEN = SearchSettings(simulations=10)


def tree_of_three_plies(settings: SearchSettings = TEN):
    """Root 0 -column 3-> node 1 -column 2-> node 2 -column 4-> node 3."""
    tree = empty_tree(1, settings)
    for parent, column in ((-1, -1), (0, 3), (1, 2), (2, 4)):
        node = add_node(tree, 0, parent, column)
        tree.legal[0, node] = True
        tree.prior[0, node] = 1 / 7
        tree.evaluated[0, node] = True
    return tree


def test_value_is_negated_at_each_ply() -> None:
    tree = tree_of_three_plies()
    for node, value in ((1, 0.5), (2, -0.25), (3, -1.0)):
        tree.value[0, node] = value
        back_up(tree, 0, node)
    # Of node 1: 0.5 is the opponent's; of node 2, ours: -0.25; of node 3, who lost: the opponent.
    assert tree.total[0, 0, 3] == pytest.approx(-0.5 - 0.25 + 1.0)
    assert tree.total[0, 1, 2] == pytest.approx(0.25 - 1.0)
    assert tree.total[0, 2, 4] == pytest.approx(1.0)
    assert tree.visits[0, 0, 3] == 3
    assert tree.visits[0, 1, 2] == 2
    assert tree.visits[0, 2, 4] == 1
    assert node_value(tree, 0, 0) == pytest.approx((0.0 + 0.25) / 4)


def test_rewards_on_the_way_are_negated_with_the_values() -> None:
    tree = tree_of_three_plies()
    tree.value[0, 3] = 0.25
    tree.reward[0, 2, 4] = 0.5
    tree.reward[0, 1, 2] = -0.125
    back_up(tree, 0, 3)
    assert tree.total[0, 2, 4] == pytest.approx(0.5 - 0.25)
    assert tree.total[0, 1, 2] == pytest.approx(-0.125 - 0.25)
    assert tree.total[0, 0, 3] == pytest.approx(0.375)


def test_no_result_is_worth_more_than_a_win() -> None:
    tree = tree_of_three_plies()
    tree.value[0, 3] = -0.8
    tree.reward[0, 2, 4] = 1.0
    back_up(tree, 0, 3)
    assert tree.total[0, 2, 4] == 1.0
    assert tree.total[0, 1, 2] == -1.0


def test_bound_of_an_edge_is_worked_out_as_published() -> None:
    settings = SearchSettings(simulations=10, c_puct=1.5, fpu_reduction=0.2)
    tree = tree_of_three_plies(settings)
    tree.prior[0, 0] = [0.05, 0.1, 0.3, 0.3, 0.15, 0.05, 0.05]
    tree.value[0, 0] = 0.1
    tree.visits[0, 0, 3], tree.total[0, 0, 3] = 3, -0.6
    tree.visits[0, 0, 4], tree.total[0, 0, 4] = 1, 0.5
    # Root: (0.1 - 0.6 + 0.5) / 5 = 0, so untried edges begin at -0.2; weight 1.5 * sqrt(5).
    weight = 1.5 * 5**0.5
    bounds = [-0.2 + weight * prior for prior in (0.05, 0.1, 0.3)]
    bounds += [-0.2 + weight * 0.3 / 4, 0.5 + weight * 0.15 / 2, -0.2 + weight * 0.05]
    assert puct_edge(tree, rule_of(settings), 0, 0) == int(np.argmax(bounds)) == 2
    tree.prior[0, 0, 2] = 0.25  # now below column 4
    assert -0.2 + weight * 0.25 < bounds[4]
    assert puct_edge(tree, rule_of(settings), 0, 0) == 4


def test_first_choice_follows_the_prior_and_equal_ones_the_centre() -> None:
    settings = SearchSettings(simulations=10)
    tree = tree_of_three_plies(settings)
    assert puct_edge(tree, rule_of(settings), 0, 0) == 3
    tree.prior[0, 0, 6] = 0.2
    assert puct_edge(tree, rule_of(settings), 0, 0) == 6
    tree.legal[0, 0, 6] = False
    assert puct_edge(tree, rule_of(settings), 0, 0) == 3


def test_simulations_that_wait_send_the_next_one_elsewhere_and_leave_no_trace() -> None:
    settings = SearchSettings(simulations=10, leaves_per_wave=2)
    tree = tree_of_three_plies(settings)
    rule = rule_of(settings)
    mark(tree, 0, 3, 1)
    assert tree.pending[0, 0, 3] == tree.pending[0, 1, 2] == tree.pending[0, 2, 4] == 1
    assert puct_edge(tree, rule, 0, 0) == 2
    wave = Wave(np.zeros(1, np.int32), np.array([3], np.int32))
    left = np.array([5])
    logits = np.log(np.array([[1, 2, 3, 4, 3, 2, 1]], np.float32))
    assert expand(tree, rule, wave, 1, logits, np.array([0.5], np.float32), left) == -1
    assert not tree.pending.any()
    assert left[0] == 4
    assert tree.prior[0, 3] == pytest.approx(np.array([1, 2, 3, 4, 3, 2, 1]) / 16)
    assert tree.total[0, 0, 3] == pytest.approx(-0.5)


def test_logits_of_closed_columns_take_no_share() -> None:
    settings = SearchSettings(simulations=10)
    tree = tree_of_three_plies(settings)
    tree.legal[0, 3, :5] = False
    logits = np.zeros((1, 7), np.float32)
    logits[0, :5] = np.nan  # whatever a network says of a closed column
    wave = Wave(np.zeros(1, np.int32), np.array([3], np.int32))
    value = np.zeros(1, np.float32)
    assert expand(tree, rule_of(settings), wave, 1, logits, value, np.array([5])) == -1
    assert tree.prior[0, 3].tolist() == [0, 0, 0, 0, 0, 0.5, 0.5]


def test_halving_gives_each_phase_the_same_share() -> None:
    wanted = np.zeros(48, np.int32)
    plan(8, 48, wanted)
    # 3 phases of 16: 8 columns twice, 4 columns 4 times, 2 columns 8 times.
    phases = [
        [0] * 8 + [1] * 8,
        [visit for visit in range(2, 6) for _ in range(4)],
        [visit for visit in range(6, 14) for _ in range(2)],
    ]
    assert wanted.tolist() == [visit for phase in phases for visit in phase]


@pytest.mark.parametrize(("actions", "simulations"), [(1, 9), (2, 1), (7, 3), (7, 16), (3, 100)])
def test_halving_plans_every_simulation_for_a_column_that_is_there(actions, simulations) -> None:
    wanted = np.full(simulations, -1, np.int32)
    plan(actions, simulations, wanted)
    counts = np.zeros(actions, int)
    for visit in wanted:
        open_ones = np.flatnonzero(counts == visit)
        assert len(open_ones)
        counts[open_ones[0]] += 1
    assert counts.sum() == simulations


def test_columns_never_tried_are_completed_with_the_mixed_value() -> None:
    settings = SearchSettings(simulations=10, root="gumbel", gumbel_visits=2.0, gumbel_scale=3.0)
    tree = tree_of_three_plies(settings)
    tree.value[0, 0] = 0.2
    tree.prior[0, 0] = [0.1, 0.1, 0.1, 0.4, 0.1, 0.1, 0.1]
    tree.visits[0, 0, 3], tree.total[0, 0, 3] = 3, 1.5
    tree.visits[0, 0, 0], tree.total[0, 0, 0] = 1, -1.0
    # (0.2 + 4 * (0.4 * 0.5 + 0.1 * -1) / 0.5) / 5
    assert mixed_value(tree, 0, 0) == pytest.approx(0.2)
    policy = np.empty(7)
    improved_policy(tree, rule_of(settings), 0, 0, tree.prior[0, 0], policy)
    values = np.array([-1.0, 0.2, 0.2, 0.5, 0.2, 0.2, 0.2])
    expected = tree.prior[0, 0] * np.exp((2.0 + 3) * 3.0 * (values + 1) / 2)
    assert policy == pytest.approx(expected / expected.sum(), rel=1e-5)


def test_gumbel_root_plays_the_best_scored_of_the_columns_that_are_due() -> None:
    settings = SearchSettings(simulations=10, root="gumbel", gumbel_visits=1.0)
    tree = tree_of_three_plies(settings)
    tree.scores[0] = [9, 1, 2, 3, 2.5, 8, 0]
    tree.visits[0, 0, 0], tree.before[0, 0] = 4, 2
    tree.visits[0, 0, 5], tree.total[0, 0, 5] = 1, -1.0
    rule = rule_of(settings)
    assert best_scored(tree, rule, 0, 2) == 0
    assert best_scored(tree, rule, 0, 1) == 5
    assert best_scored(tree, rule, 0, 0) == 3


def test_improved_policy_prefers_a_win_that_the_prior_did_not_see() -> None:
    def blind(own, occupied):
        logits = np.tile(np.array([-3, 0, 0, 1, 0, 0, 0], np.float32), (len(own), 1))
        return logits, np.zeros(len(own), np.float32)

    settings = SearchSettings(simulations=16, root="gumbel")
    search = Search(RulesDynamics(blind, settings), settings, 1)
    search.start(np.array([0]), Boards.after([[0, 1, 0, 1, 0, 1]]), np.zeros(1, np.int64))
    found = search.run()
    assert found.network_policy[0].argmax() == 3
    assert found.policy[0].argmax() == 0
    assert search.choose()[0] == 0
