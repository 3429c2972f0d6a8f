"""Uniform replay keeps the newest transitions exactly, in little memory."""

from __future__ import annotations

import pytest
import torch

from hamlet.errors import CheckpointError, ShapeError
from hamlet.learning.replay import UniformReplay
from tests.learning.small_worlds import layout_of, planes_layout, same, transitions


def test_everything_stored_comes_back_exactly() -> None:
    replay = UniformReplay(8, layout_of(4))
    stored = transitions(5, terminated=torch.tensor([True, False, False, True, False]))
    rows = replay.add(stored)
    assert same(vars(replay.rows(rows)), vars(stored))


def test_planes_are_kept_as_bytes_and_other_numbers_as_floats() -> None:
    layout = planes_layout(cells=4, planes=3, others=2)
    grid = torch.tensor([[0.0, 1.0] * 6, [1.0, 0.0] * 6])
    rest = torch.tensor([[0.123456789, 1e-7], [-3.5, 0.0]])
    observations = torch.cat((grid, rest), dim=1)
    replay = UniformReplay(4, layout)
    rows = replay.add(transitions(2, observations=observations, next_observations=observations))
    assert torch.equal(replay.rows(rows).observations, observations)
    state = replay.state_dict()["observations"]
    assert (state["grid"].dtype, state["grid"].shape) == (torch.uint8, (2, 12))
    assert (state["rest"].dtype, state["rest"].shape) == (torch.float32, (2, 2))


def test_when_full_the_oldest_give_way() -> None:
    replay = UniformReplay(4, layout_of(1))
    for begin in (0.0, 3.0):
        values = torch.arange(begin, begin + 3)
        replay.add(transitions(3, 1, extrinsic=values))
    assert len(replay) == 4
    kept = replay.rows(torch.arange(4)).extrinsic
    assert sorted(kept.tolist()) == [2.0, 3.0, 4.0, 5.0]
    # The fifth and sixth went around the end of the ring, onto the first and second.
    assert kept.tolist() == [4.0, 5.0, 2.0, 3.0]


def test_draws_come_evenly_from_what_is_stored() -> None:
    replay = UniformReplay(100, layout_of(1))
    replay.add(transitions(10, 1, extrinsic=torch.arange(10.0)))
    drawn = replay.sample(20_000, torch.Generator().manual_seed(1)).extrinsic
    counts = torch.bincount(drawn.long(), minlength=100)
    assert counts[10:].sum() == 0
    # 2,000 expected each, standard deviation 42.
    assert counts[:10].min() > 1800
    assert counts[:10].max() < 2200


def test_same_generator_draws_the_same() -> None:
    replay = UniformReplay(50, layout_of(2))
    replay.add(transitions(50, 2))
    draws = [
        replay.sample(16, torch.Generator().manual_seed(9)).extrinsic.clone() for _ in range(2)
    ]
    assert torch.equal(*draws)


def test_more_at_once_than_fit_are_refused() -> None:
    with pytest.raises(ShapeError, match="found 5 transitions; expected at most 4"):
        UniformReplay(4, layout_of(4)).add(transitions(5))


def test_observations_of_another_width_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"\[rows, 3\]"):
        UniformReplay(8, layout_of(3)).add(transitions(2, size=4))


def test_saved_state_holds_only_what_was_stored() -> None:
    replay = UniformReplay(1000, layout_of(4))
    replay.add(transitions(3))
    state = replay.state_dict()
    assert state["columns"]["actions"].shape == (3,)
    again = UniformReplay(1000, layout_of(4))
    again.load_state_dict(state)
    assert len(again) == 3
    assert same(again.state_dict(), state)


def test_state_of_a_larger_replay_is_refused() -> None:
    replay = UniformReplay(10, layout_of(4))
    replay.add(transitions(10))
    with pytest.raises(
        CheckpointError, match="filled: found 10; expected a whole number from 0 to 5"
    ):
        UniformReplay(5, layout_of(4)).load_state_dict(replay.state_dict())
    with pytest.raises(CheckpointError, match=r"observations\.rest"):
        UniformReplay(10, layout_of(3)).load_state_dict(replay.state_dict())
