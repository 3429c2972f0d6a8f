"""What self-play leaves behind to learn from."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hamlet.envs.connect_four.position import RED, YELLOW
from hamlet.errors import CheckpointError
from hamlet.learning.connect_four.position_buffer import PositionBuffer
from hamlet.learning.connect_four.targets import outcomes, value_targets


def rows(values: list[float]) -> dict[str, torch.Tensor]:
    """Positions that are told apart by their values."""
    count = len(values)
    return {
        "own": torch.arange(count),
        "occupied": torch.arange(count),
        "policy": torch.full((count, 7), 1 / 7),
        "value": torch.tensor(values),
    }


def kept(buffer: PositionBuffer) -> list[float]:
    """Values from the newest to the oldest."""
    return buffer.newest(torch.arange(len(buffer))).value.tolist()


@pytest.mark.parametrize(
    ("winner", "first_ply", "expected"),
    [
        (RED, 0, [1, -1, 1, -1, 1]),
        (YELLOW, 0, [-1, 1, -1, 1, -1]),
        (RED, 1, [-1, 1, -1, 1, -1]),
        (0, 0, [0, 0, 0, 0, 0]),
    ],
)
def test_the_result_changes_its_sign_with_every_ply(winner, first_ply, expected) -> None:
    assert outcomes(winner, first_ply, 5).tolist() == expected


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("outcome", [1.0, -1.0, 1.0]),
        ("discounted", [0.5**3, -(0.5**2), 0.5]),
        ("search", [0.25, 0.5, -0.5]),
        ("mixed", [0.625, -0.25, 0.25]),
    ],
)
def test_value_targets_of_a_game_of_three_moves(kind: str, expected: list[float]) -> None:
    found = np.array([0.25, 0.5, -0.5], np.float32)

    assert value_targets(kind, RED, 0, found, 0.5).tolist() == pytest.approx(expected)


def test_the_oldest_positions_are_forgotten_first() -> None:
    buffer = PositionBuffer(4)
    buffer.add(rows([0.1, 0.2, 0.3]))
    buffer.add(rows([0.4, 0.5]))

    assert kept(buffer) == pytest.approx([0.5, 0.4, 0.3, 0.2])


def test_a_growing_buffer_keeps_more_and_forgets_nothing_that_it_still_has() -> None:
    buffer = PositionBuffer(5)
    buffer.limit = 2
    buffer.add(rows([0.1, 0.2, 0.3]))
    assert kept(buffer) == pytest.approx([0.3, 0.2])

    buffer.limit = 4
    buffer.add(rows([0.4, 0.5]))
    assert kept(buffer) == pytest.approx([0.5, 0.4, 0.3, 0.2])


def test_more_positions_than_fit_leave_the_newest() -> None:
    buffer = PositionBuffer(2)
    buffer.add(rows([0.1, 0.2, 0.3, 0.4, 0.5]))

    assert kept(buffer) == pytest.approx([0.5, 0.4])


def test_policies_are_kept_to_three_digits_and_sum_to_one() -> None:
    policy = torch.rand(64, 7).softmax(dim=1)
    policy[:, 2] = 0.0
    policy /= policy.sum(dim=1, keepdim=True)
    buffer = PositionBuffer(64)
    buffer.add({**rows([0.0] * 64), "policy": policy})

    found = buffer.newest(torch.arange(63, -1, -1)).policy
    torch.testing.assert_close(found, policy, atol=1e-3, rtol=0)
    torch.testing.assert_close(found.sum(dim=1), torch.ones(64))
    assert (found[:, 2] == 0.0).all()


def test_a_ply_without_a_policy_stays_without_one() -> None:
    buffer = PositionBuffer(1)
    buffer.add({**rows([0.5]), "policy": torch.zeros(1, 7)})

    assert buffer.newest(torch.zeros(1, dtype=torch.int64)).policy.tolist() == [[0.0] * 7]


def test_a_buffer_taken_up_again_draws_the_same_positions() -> None:
    buffer = PositionBuffer(5)
    buffer.limit = 3
    buffer.add(rows([0.1, 0.2, 0.3, 0.4]))
    other = PositionBuffer(5)
    other.load_state_dict(buffer.state_dict())
    for each in (buffer, other):
        each.limit = 5
        each.add(rows([0.5]))

    drawn = [each.sample(64, torch.Generator().manual_seed(3)) for each in (buffer, other)]
    assert torch.equal(drawn[0].value, drawn[1].value)
    assert kept(other) == kept(buffer)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("value", 2.0),
        ("policy", float("nan")),
        ("occupied", -1),
        ("own", 1 << 40),
    ],
)
def test_a_damaged_buffer_is_refused(name: str, value: float) -> None:
    buffer = PositionBuffer(4)
    buffer.add(rows([0.1, 0.2]))
    state = buffer.state_dict()
    state["columns"][name][0] = value

    with pytest.raises(CheckpointError, match=f"columns.{name}"):
        PositionBuffer(4).load_state_dict(state)
