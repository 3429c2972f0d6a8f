"""Bootstrap intervals: right in size, same for one seed, sharper when paired."""

from __future__ import annotations

import math

import pytest
import torch

from hamlet.errors import ShapeError
from hamlet.evaluation.statistics import mean_interval, paired_difference


def normal(count: int, seed: int, *, mean: float = 0.0) -> torch.Tensor:
    return torch.randn(count, generator=torch.Generator().manual_seed(seed)) + mean


def test_interval_is_as_wide_as_theory_says() -> None:
    values = normal(400, 0)
    found = mean_interval(values)
    half = 1.96 * float(values.std()) / math.sqrt(400)
    assert found.mean == pytest.approx(float(values.mean()), abs=1e-6)
    assert found.high - found.mean == pytest.approx(half, rel=0.06)
    assert found.mean - found.low == pytest.approx(half, rel=0.06)


def test_intervals_hold_the_true_mean_about_as_often_as_they_claim() -> None:
    held = 0
    for seed in range(200):
        found = mean_interval(normal(60, seed, mean=5.0), seed=seed, resamples=800)
        held += found.low <= 5.0 <= found.high
    # 95 % of 200 is 190; the percentile bootstrap is a little short at 60 values.
    assert 178 <= held <= 198


def test_the_seed_fixes_the_interval() -> None:
    values = normal(50, 1)
    assert mean_interval(values, seed=4) == mean_interval(values, seed=4)
    assert mean_interval(values, seed=4) != mean_interval(values, seed=5)


def test_equal_values_leave_no_doubt() -> None:
    found = mean_interval(torch.full((20,), 3))
    assert (found.low, found.mean, found.high) == (3.0, 3.0, 3.0)


def test_pairing_takes_the_luck_of_the_map_out() -> None:
    luck = normal(300, 2) * 100
    ours, theirs = luck + 1.0 + normal(300, 3) * 0.1, luck
    paired = paired_difference(ours, theirs)
    assert paired.low > 0.9
    assert paired.high < 1.1
    alone = mean_interval(ours)
    assert alone.high - alone.low > 50 * (paired.high - paired.low)


def test_differences_of_whole_numbers_and_flags_are_exact() -> None:
    found = paired_difference(torch.tensor([True, True, False]), torch.tensor([False, True, True]))
    assert found.mean == 0.0


def test_nothing_and_unequal_episodes_are_refused() -> None:
    with pytest.raises(ShapeError, match="some"):
        mean_interval(torch.zeros(0))
    with pytest.raises(ShapeError, match="same episodes"):
        paired_difference(torch.zeros(3), torch.zeros(4))
