"""LAMB by hand, the optimisers a config names, and how their rate goes down."""

import math

import pytest
import torch

from hamlet.learning.board_optimizing import (
    add_l2,
    learning_rate_at,
    make_board_optimizer,
    schedule_factor,
)
from hamlet.learning.lamb import Lamb
from tests.learning.small_boards import config


def test_the_first_steps_of_lamb_are_as_by_hand():
    weight = torch.nn.Parameter(torch.tensor([3.0, 4.0]))
    optimizer = Lamb([weight], lr=0.1, eps=0.0, weight_decay=0.0)
    weight.grad = torch.tensor([2.0, -5.0])
    optimizer.step()
    # Adam's first direction is (1, -1), of length sqrt 2; the weights have length 5.
    step = 0.1 * 5 / math.sqrt(2)
    assert weight.tolist() == pytest.approx([3 - step, 4 + step], abs=1e-6)


def test_decay_is_a_part_of_the_direction():
    weight = torch.nn.Parameter(torch.tensor([3.0, 4.0]))
    optimizer = Lamb([weight], lr=0.1, eps=0.0, weight_decay=0.5)
    weight.grad = torch.tensor([2.0, 2.0])
    optimizer.step()
    # Direction (1 + 1.5, 1 + 2).
    ratio = 5 / math.hypot(2.5, 3.0)
    assert weight.tolist() == pytest.approx([3 - 0.25 * ratio, 4 - 0.3 * ratio], abs=1e-6)


def test_weights_of_0_take_the_step_as_it_is():
    weight = torch.nn.Parameter(torch.zeros(2))
    optimizer = Lamb([weight], lr=0.1, eps=0.0, weight_decay=0.0)
    weight.grad = torch.tensor([1.0, 1.0])
    optimizer.step()
    assert weight.tolist() == pytest.approx([-0.1, -0.1])


def test_each_parameter_is_a_layer_of_its_own():
    small, large = (torch.nn.Parameter(torch.full((2,), size)) for size in (0.1, 10.0))
    optimizer = Lamb([small, large], lr=0.01, weight_decay=0.0)
    small.grad = large.grad = torch.ones(2)
    optimizer.step()
    shares = [1 - layer[0].item() / size for layer, size in ((small, 0.1), (large, 10.0))]
    assert shares[0] == pytest.approx(shares[1], rel=1e-3)


def test_l2_adds_the_gradient_of_the_sum_of_squares():
    weight, still = (torch.nn.Parameter(torch.tensor([3.0, -4.0])) for _ in range(2))
    loss = 0.25 * weight.square().sum()
    loss.backward()
    expected = weight.grad.clone()
    weight.grad = torch.ones(2)
    add_l2([weight, still], 0.25)
    assert torch.allclose(weight.grad, 1 + expected)
    assert still.grad is None


@pytest.mark.parametrize(
    ("name", "kind", "settings"),
    [
        ("adam", torch.optim.Adam, {"weight_decay": 0}),
        ("adamw", torch.optim.AdamW, {"weight_decay": 0.03}),
        ("sgd", torch.optim.SGD, {"momentum": 0.9, "nesterov": True, "weight_decay": 0}),
        ("rmsprop", torch.optim.RMSprop, {"weight_decay": 0}),
        ("lamb", Lamb, {"weight_decay": 0.03}),
    ],
)
def test_the_config_names_the_optimiser_and_its_settings(name, kind, settings):
    regularization = {"l2": 0.1, "dropout": None, "weight_decay": 0.03}
    wanted = config(optimizer=name, regularization=regularization, learning_rate=0.7)
    optimizer = make_board_optimizer(wanted, [torch.nn.Parameter(torch.ones(2))])
    assert type(optimizer) is kind
    found = optimizer.param_groups[0]
    assert {key: found[key] for key in settings} == settings
    assert found["lr"] == 0.7


@pytest.mark.parametrize(
    ("scheduler", "factors"),
    [
        (None, {0: 1.0, 99: 1.0}),
        ("cosine", {0: 1.0, 25: 0.5 + math.sqrt(0.125), 50: 0.5, 100: 0.0}),
        ("step", {0: 1.0, 29: 1.0, 30: 0.1, 60: 0.01}),
        ("exponential", {0: 1.0, 1: 0.95, 10: 0.95**10}),
    ],
)
def test_schedules_go_down_by_epochs(scheduler, factors):
    for epochs_done, factor in factors.items():
        assert schedule_factor(scheduler, epochs_done, 100) == pytest.approx(factor)
    wanted = config(scheduler=scheduler, learning_rate=0.2, epochs=100)
    for epochs_done, factor in factors.items():
        for update in (0, 4):  # all five updates of an epoch have one rate
            rate = learning_rate_at(wanted, 5 * epochs_done + update, 5)
            assert rate == pytest.approx(0.2 * factor)


def test_a_rate_rises_before_it_falls():
    wanted = config(scheduler="cosine", learning_rate=1.0, epochs=10)
    rates = [learning_rate_at(wanted, update, 10, 0.1) for update in range(100)]
    assert rates[:10] == pytest.approx([(update + 1) / 10 for update in range(10)])
    assert max(rates) == rates[9]
    assert all(first >= second for first, second in zip(rates[9:], rates[10:], strict=False))
