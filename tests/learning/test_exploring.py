"""Epsilon, choosing among legal actions, and how mixed the behaviour is."""

from __future__ import annotations

import math

import pytest
import torch

from hamlet.learning.epsilon import (
    EpsilonSchedule,
    behaviour_entropy,
    epsilon_greedy,
    greedy_actions,
)

Q_VALUES = torch.tensor([[1.0, 9.0, 5.0, 7.0]])
MASK = torch.tensor([[True, False, True, True]])


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_epsilon_falls_once_per_episode_to_its_minimum() -> None:
    schedule = EpsilonSchedule(1.0, 0.5, 0.2)
    values = []
    for _ in range(4):
        schedule.episode_finished()
        values.append(schedule.value)
    assert values == [0.5, 0.25, 0.2, 0.2]


def test_greedy_takes_the_best_legal_action() -> None:
    assert greedy_actions(Q_VALUES, MASK).tolist() == [3]


def test_without_epsilon_every_choice_is_greedy() -> None:
    actions, greedy = epsilon_greedy(Q_VALUES.repeat(500, 1), MASK.repeat(500, 1), 0.0, generator())
    assert (actions == 3).all()
    assert greedy.all()


def test_exploring_draws_each_legal_action_equally_often_and_no_other() -> None:
    actions, greedy = epsilon_greedy(
        Q_VALUES.repeat(30_000, 1), MASK.repeat(30_000, 1), 1.0, generator()
    )
    assert not greedy.any()
    shares = torch.bincount(actions, minlength=4) / 30_000
    # The standard deviation of a third over 30,000 draws is 0.0027.
    assert shares.tolist() == pytest.approx([1 / 3, 0.0, 1 / 3, 1 / 3], abs=0.012)


def test_epsilon_is_the_share_of_drawn_actions() -> None:
    _, greedy = epsilon_greedy(Q_VALUES.repeat(20_000, 1), MASK.repeat(20_000, 1), 0.3, generator())
    assert greedy.float().mean().item() == pytest.approx(0.7, abs=0.015)


def test_how_many_numbers_are_drawn_does_not_depend_on_epsilon() -> None:
    after = []
    for epsilon in (0.0, 0.5, 1.0):
        drawing = generator(4)
        epsilon_greedy(Q_VALUES.repeat(3, 1), MASK.repeat(3, 1), epsilon, drawing)
        after.append(torch.rand(1, generator=drawing).item())
    assert after[0] == after[1] == after[2]


def test_entropy_runs_from_certain_to_even() -> None:
    even = behaviour_entropy(4, 1.0)
    assert even.tolist() == pytest.approx([0.0, 0.0, 1.0, 1.0, 1.0])
    assert behaviour_entropy(4, 0.0).tolist() == [0.0] * 5


def test_entropy_of_epsilon_greedy_worked_by_hand() -> None:
    # Two legal actions at epsilon 0.5: chances 3/4 and 1/4.
    expected = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25)) / math.log(2)
    assert behaviour_entropy(8, 0.5)[2].item() == pytest.approx(expected, rel=1e-6)
