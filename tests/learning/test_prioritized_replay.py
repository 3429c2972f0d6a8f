"""Prioritised replay draws by surprise, exactly as often as it says."""

from __future__ import annotations

import pytest
import torch

from hamlet.learning.prioritized import PrioritizedReplay, SumTree
from tests.learning.small_worlds import layout_of, same, transitions


def filled(errors: list[float], *, alpha: float = 0.6, capacity: int = 16) -> PrioritizedReplay:
    """A replay in which row i was last wrong by errors[i]."""
    replay = PrioritizedReplay(capacity, layout_of(2), alpha=alpha)
    rows = replay.add(transitions(len(errors), 2))
    replay.update_priorities(rows, torch.tensor(errors))
    return replay


def chances(replay: PrioritizedReplay) -> torch.Tensor:
    """The exact chance of each row in one draw."""
    return replay.tree.values(torch.arange(len(replay))) / replay.tree.total


def test_tree_finds_the_leaf_at_each_position_of_the_running_sum() -> None:
    tree = SumTree(5)
    tree.update(torch.arange(5), torch.tensor([2.0, 0.0, 1.0, 4.0, 3.0]))
    assert tree.total == 10.0
    positions = torch.tensor([0.0, 1.999, 2.0, 2.5, 3.0, 6.999, 7.0, 9.999])
    assert tree.find(positions).tolist() == [0, 0, 2, 2, 3, 3, 4, 4]


def test_tree_never_finds_an_empty_leaf() -> None:
    tree = SumTree(7)
    tree.update(torch.arange(7), torch.tensor([0.0, 0.1, 0.0, 0.2, 0.0, 0.3, 0.0]))
    just_below = torch.nextafter(tree.total, torch.zeros((), dtype=torch.float64))
    positions = torch.stack((torch.zeros((), dtype=torch.float64), just_below, tree.total))
    assert set(tree.find(positions).tolist()) <= {1, 3, 5}


def test_tree_keeps_exact_sums_through_many_updates() -> None:
    tree = SumTree(64)
    generator = torch.Generator().manual_seed(0)
    for _ in range(300):
        rows = torch.randint(64, (16,), generator=generator)
        tree.update(rows, torch.rand(16, generator=generator))
    leaves = tree.values(torch.arange(64))
    fresh = SumTree(64)
    fresh.update(torch.arange(64), leaves)
    assert torch.equal(tree.nodes[1:], fresh.nodes[1:])
    assert tree.total.item() == pytest.approx(leaves.sum().item())


def test_priorities_follow_the_formula() -> None:
    replay = filled([0.0, 1.0, -2.0], alpha=0.5)
    raw = torch.tensor([1e-6, 1.000001, 2.000001], dtype=torch.float64) ** 0.5
    expected = raw / raw.sum()
    assert torch.allclose(chances(replay), expected, rtol=1e-6)


def test_sampling_frequencies_match_the_exact_distribution() -> None:
    replay = filled([0.1, 0.5, 1.0, 2.0, 4.0, 0.0, 3.0, 0.25, 1.5, 0.75])
    exact = chances(replay)
    generator = torch.Generator().manual_seed(3)
    draws = 4000
    counts = torch.zeros(10)
    for _ in range(draws):
        rows, _ = replay.sample_rows(64, generator, beta=0.4)
        counts += torch.bincount(rows, minlength=10)
    found = counts.double() / counts.sum()
    # 256,000 draws: the standard deviation of a share is at most 0.001.
    assert torch.allclose(found, exact, atol=0.004)
    assert counts[5] < counts[0]


def test_new_transitions_stand_at_the_highest_priority_so_far() -> None:
    replay = filled([0.5, 3.0], alpha=1.0)
    row = replay.add(transitions(1, 2))
    leaves = replay.tree.values(torch.arange(3))
    assert leaves[row].item() == leaves.max().item() == pytest.approx(3.0, rel=1e-5)


def test_importance_weights_are_divided_by_their_maximum() -> None:
    replay = filled([1.0, 3.0], alpha=1.0)
    rows, weights = replay.sample_rows(64, torch.Generator().manual_seed(0), beta=0.5)
    # P = 1/4 and 3/4, so (2 P) ** -0.5 = sqrt(2) and sqrt(2/3): divided by the first, 1 and 0.577.
    assert weights[rows == 0].tolist() == pytest.approx([1.0] * int((rows == 0).sum()))
    assert weights[rows == 1][0].item() == pytest.approx(3**-0.5, rel=1e-5)
    assert weights.dtype == torch.float32


def test_full_correction_makes_every_transition_count_alike() -> None:
    replay = filled([0.2, 1.0, 5.0])
    _, weights = replay.sample_rows(2000, torch.Generator().manual_seed(0), beta=1.0)
    rows, _ = replay.sample_rows(2000, torch.Generator().manual_seed(0), beta=1.0)
    shares = torch.zeros(3).index_add_(0, rows, weights)
    assert torch.allclose(shares / shares.sum(), torch.full((3,), 1 / 3), atol=0.01)


def test_overwritten_transitions_lose_their_priority() -> None:
    replay = filled([9.0, 0.1], alpha=1.0, capacity=2)
    replay.update_priorities(torch.tensor([1]), torch.tensor([0.2]))
    replay.add(transitions(1, 2))
    replay.update_priorities(torch.tensor([0]), torch.tensor([0.2]))
    assert chances(replay).tolist() == pytest.approx([0.5, 0.5])


def test_saved_priorities_come_back_bit_for_bit() -> None:
    replay = filled([0.3, 0.7, 2.0])
    again = PrioritizedReplay(16, layout_of(2), alpha=0.6)
    again.load_state_dict(replay.state_dict())
    assert torch.equal(again.tree.nodes, replay.tree.nodes)
    assert same(again.state_dict(), replay.state_dict())
