"""n steps become one transition, cut at the end of an episode."""

from __future__ import annotations

import pytest
import torch

from hamlet.learning.nstep import NStepFold
from hamlet.learning.transitions import Transitions, sparse_reward
from tests.learning.small_worlds import ACTIONS, transitions

# What is legal at step t: action t is not.
MASKS = [[action != t for action in range(len(ACTIONS))] for t in range(5)]


def steps_of(
    fold: NStepFold,
    rewards: list[list[float]],
    *,
    died: tuple[int, ...] = (),
    cut: tuple[int, ...] = (),
) -> list[Transitions]:
    """Feed step t with rewards[t] (one per environment); environment 0 ends at `died` or `cut`."""
    folded = []
    for t, row in enumerate(rewards):
        count = len(row)
        ends = torch.zeros(count, dtype=torch.bool)
        ends[0] = True
        none = torch.zeros(count, dtype=torch.bool)
        folded.append(
            fold.add(
                transitions(
                    count,
                    1,
                    observations=torch.full((count, 1), float(t)),
                    next_observations=torch.full((count, 1), float(t + 1)),
                    masks=torch.tensor([MASKS[t]] * count),
                    extrinsic=torch.tensor(row),
                    intrinsic=torch.ones(count),
                    shaping=torch.zeros(count),
                    terminated=ends if t in died else none,
                    truncated=ends if t in cut else none,
                )
            )
        )
    return folded


def test_three_steps_are_discounted_and_summed() -> None:
    fold = NStepFold(3, 0.5, num_envs=1, observation_size=1, actions=len(ACTIONS))
    folded = steps_of(fold, [[1.0], [2.0], [4.0], [8.0]])
    assert [len(part) for part in folded] == [0, 0, 1, 1]
    first, second = folded[2], folded[3]
    assert first.extrinsic.tolist() == [1 + 0.5 * 2 + 0.25 * 4]
    assert first.intrinsic.tolist() == [1.75]
    assert (first.observations.item(), first.next_observations.item()) == (0.0, 3.0)
    assert (first.masks.tolist(), second.masks.tolist()) == (MASKS[0:1], MASKS[1:2])
    assert first.steps.tolist() == [3]
    assert second.extrinsic.tolist() == [2 + 0.5 * 4 + 0.25 * 8]


def test_the_end_of_an_episode_sets_all_waiting_transitions_free_oldest_first() -> None:
    fold = NStepFold(3, 0.5, num_envs=1, observation_size=1, actions=len(ACTIONS))
    folded = steps_of(fold, [[1.0], [2.0], [4.0], [8.0], [16.0]], died=(3,))
    last = folded[3]
    assert last.observations.flatten().tolist() == [1.0, 2.0, 3.0]
    assert last.steps.tolist() == [3, 2, 1]
    assert last.extrinsic.tolist() == [2 + 2 + 2, 4 + 4, 8]
    assert last.terminated.tolist() == [True] * 3
    # The next episode begins with nothing waiting.
    assert len(folded[4]) == 0


def test_truncation_is_marked_as_such() -> None:
    fold = NStepFold(2, 0.9, num_envs=1, observation_size=1, actions=len(ACTIONS))
    folded = steps_of(fold, [[1.0], [1.0], [1.0]], cut=(2,))
    assert folded[2].truncated.tolist() == [True, True]
    assert folded[2].terminated.tolist() == [False, False]
    assert folded[2].steps.tolist() == [2, 1]


def test_environments_do_not_mix() -> None:
    fold = NStepFold(2, 1.0, num_envs=2, observation_size=1, actions=len(ACTIONS))
    folded = steps_of(fold, [[1.0, 10.0], [2.0, 20.0], [4.0, 40.0]], died=(0,))
    assert folded[0].env_rows.tolist() == [0]
    assert folded[0].extrinsic.tolist() == [1.0]
    # Environment 1 goes on while environment 0 began anew.
    assert folded[1].env_rows.tolist() == [1]
    assert folded[1].extrinsic.tolist() == [30.0]
    assert folded[2].env_rows.tolist() == [0, 1]
    assert folded[2].extrinsic.tolist() == [6.0, 60.0]


def test_the_sparse_reward_of_a_cut_transition_is_discounted_to_the_step_of_death() -> None:
    terminated = torch.tensor([True, True, True, False])
    rewards = sparse_reward(terminated, torch.tensor([1, 2, 3, 3]), 0.5)
    assert rewards.tolist() == [-1.0, -0.5, -0.25, 0.0]


def test_folding_goes_on_from_a_saved_state() -> None:
    folds = [
        NStepFold(3, 0.9, num_envs=1, observation_size=1, actions=len(ACTIONS)) for _ in range(2)
    ]
    whole = steps_of(folds[0], [[1.0], [2.0], [3.0], [4.0]])
    steps_of(folds[1], [[1.0], [2.0]])
    again = NStepFold(3, 0.9, num_envs=1, observation_size=1, actions=len(ACTIONS))
    again.load_state_dict(folds[1].state_dict())
    resumed = steps_of(again, [[3.0], [4.0]])
    assert resumed[1].extrinsic.tolist() == pytest.approx(whole[3].extrinsic.tolist())
