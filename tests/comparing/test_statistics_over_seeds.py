"""Seeds of one setting: found by their parameters, told by mean and Student's t."""

from __future__ import annotations

import math
import random

import pytest

from registry.comparing.seeds import seed_groups, student_interval, student_quantile, student_within
from registry.comparing.subjects import Subject


def subject(seed: object, metrics: dict | None = None, **parameters: object) -> Subject:
    return Subject(f"k{seed}", f"run {seed}", "/", {"seed": seed, **parameters}, metrics or {})


# The two-sided 95 % column of the tables of Student's t that every textbook prints.
@pytest.mark.parametrize(
    ("freedom", "expected"),
    [
        (1, 12.706),
        (2, 4.303),
        (3, 3.182),
        (4, 2.776),
        (5, 2.571),
        (9, 2.262),
        (10, 2.228),
        (29, 2.045),
        (30, 2.042),
        (60, 2.000),
        (120, 1.980),
        (199, 1.972),
    ],
)
def test_quantiles_are_those_of_the_printed_tables(freedom, expected):
    assert student_quantile(freedom) == pytest.approx(expected, abs=5e-4)


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 7, 8, 30])
def test_probability_is_the_integral_of_the_density(freedom):
    scale = math.gamma((freedom + 1) / 2) / math.sqrt(freedom * math.pi) / math.gamma(freedom / 2)
    steps, t = 20_000, 1.7
    width = 2 * t / steps
    middles = (-t + width * (step + 0.5) for step in range(steps))
    area = sum(scale * (1 + x * x / freedom) ** (-(freedom + 1) / 2) * width for x in middles)
    assert student_within(t, freedom) == pytest.approx(area, abs=1e-7)


def test_interval_of_three_numbers_worked_by_hand():
    # Mean 2, standard deviation 1, so 4.3027 / sqrt(3) = 2.4841 to both sides.
    found = student_interval([1.0, 2.0, 3.0])
    assert (found.mean, found.low, found.high) == pytest.approx((2.0, -0.4841, 4.4841), abs=1e-4)


def test_interval_holds_the_true_mean_as_often_as_it_says():
    draw = random.Random(5)
    held = 0
    for _ in range(2000):
        found = student_interval([draw.gauss(3.0, 2.0) for _ in range(4)])
        held += found.low <= 3.0 <= found.high
    assert 0.935 <= held / 2000 <= 0.965


def test_only_seeds_of_one_setting_are_taken_together():
    subjects = [
        subject(1, {"loss": 1.0}, gamma=0.9),
        subject(2, {"loss": 9.0}, gamma=0.8),
        subject(2, {"loss": 2.0}, gamma=0.9),
        subject(3, {"loss": 3.0, "rare": 5.0}, gamma=0.9),
        subject(7, {"loss": 3.0}, gamma=0.7),
    ]
    (group,) = seed_groups(subjects)
    assert group.members == (0, 2, 3)
    assert group.seeds == (1, 2, 3)
    interval, count = group.intervals["loss"]
    assert (interval.mean, count) == (2.0, 3)
    assert "rare" not in group.intervals, "one value says nothing about chance"


def test_the_same_seed_twice_counts_once():
    subjects = [subject(1, {"loss": 1.0}), subject(1, {"loss": 1.0}), subject(2, {"loss": 3.0})]
    (group,) = seed_groups(subjects)
    assert group.members == (0, 2)
    assert group.intervals["loss"][1] == 2


def test_without_a_seed_there_is_no_group():
    assert seed_groups([subject(None), subject(None), subject(True), subject("1")]) == []


def test_what_is_no_number_is_left_out():
    subjects = [
        subject(1, {"loss": float("nan"), "note": "x"}),
        subject(2, {"loss": 1.0}),
        subject(3, {"loss": 2.0}),
    ]
    interval, count = seed_groups(subjects)[0].intervals["loss"]
    assert (interval.mean, count) == (1.5, 2)
