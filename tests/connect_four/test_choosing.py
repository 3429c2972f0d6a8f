"""A policy over legal columns, and the move that is played from it."""

import numpy as np
import pytest

from hamlet.envs.connect_four.choosing import chosen_columns, policy_over_legal
from hamlet.errors import HamletError, ShapeError

ALL = np.ones((1, 7), dtype=bool)


def test_illegal_columns_get_exactly_nothing_and_the_rest_sums_to_one():
    draw = np.random.default_rng(1)
    logits = draw.normal(0, 30, (500, 7)).astype(np.float32)
    legal = draw.random((500, 7)) < 0.6
    legal[:, 0] |= ~legal.any(axis=1)
    policy = policy_over_legal(logits, legal)
    assert (policy[~legal] == 0).all()
    assert np.allclose(policy.sum(axis=1), 1, atol=1e-12)
    assert (policy[legal] >= 0).all()


def test_probabilities_are_those_worked_by_hand():
    logits = np.log(np.array([[1.0, 2, 5, 9, 1, 1, 1]]))
    legal = np.array([[True, True, True, False, False, False, False]])
    assert np.allclose(policy_over_legal(logits, legal), [[1 / 8, 2 / 8, 5 / 8, 0, 0, 0, 0]])


def test_huge_logits_do_not_overflow():
    policy = policy_over_legal(np.array([[1e30, 1e30, -1e30, 0, 0, 0, 0]]), ALL)
    assert policy[0, :3].tolist() == [0.5, 0.5, 0]


def test_illegal_column_may_hold_anything():
    legal = np.array([[True, False, False, False, False, False, False]])
    policy = policy_over_legal(np.array([[0, np.nan, np.inf, 0, 0, 0, 0]]), legal)
    assert policy.tolist() == [[1, 0, 0, 0, 0, 0, 0]]


def test_finished_game_has_no_policy():
    assert policy_over_legal(np.ones((1, 7)), ~ALL).tolist() == [[0] * 7]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_network_that_answers_without_a_number_is_refused(bad):
    logits = np.zeros((2, 7))
    logits[1, 4] = bad
    with pytest.raises(HamletError, match=r"logits\[1\].*expected finite numbers"):
        policy_over_legal(logits, np.ones((2, 7), dtype=bool))


def test_likeliest_legal_column_is_played():
    policy = np.array([[0.1, 0.2, 0.1, 0.3, 0.1, 0.1, 0.1]])
    assert chosen_columns(policy, ALL).tolist() == [3]
    legal = np.array([[True, True, True, False, True, True, True]])
    assert chosen_columns(policy, legal).tolist() == [1]


@pytest.mark.parametrize(
    ("open_columns", "played"),
    [([0, 1, 2, 3, 4, 5, 6], 3), ([0, 1, 2, 4, 5, 6], 2), ([0, 4, 5], 4), ([0, 1, 5, 6], 1)],
)
def test_ties_go_to_the_centre(open_columns, played):
    legal = np.isin(np.arange(7), open_columns)[None]
    assert chosen_columns(np.zeros((1, 7)), legal).tolist() == [played]


def test_legal_column_without_probability_beats_an_illegal_one():
    legal = np.array([[False, False, False, False, False, False, True]])
    assert chosen_columns(np.array([[0.9, 0, 0, 0, 0, 0, -np.inf]]), legal).tolist() == [6]


def test_position_without_legal_column_has_no_move():
    with pytest.raises(HamletError, match="position 1: no column is legal"):
        chosen_columns(np.zeros((2, 7)), np.array([[True] * 7, [False] * 7]))


@pytest.mark.parametrize("shape", [(7,), (2, 6)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ShapeError, match="expected"):
        policy_over_legal(np.zeros(shape), np.ones(shape, dtype=bool))
