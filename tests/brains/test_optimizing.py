"""Losses, schedules and optimisers by hand-worked numbers."""

import pytest
import torch

from hamlet.brains import make_loss, make_optimizer, make_scheduler
from tests.brains.specs import SMALL, changed

PREDICTED = torch.tensor([0.0, 0.0, 0.0])
TARGET = torch.tensor([0.5, -1.0, 3.0])


def spec_of(**changes):
    data = {name.replace("__", "."): value for name, value in changes.items()}
    return changed(SMALL["dueling"], data)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"type": "mse"}, [0.25, 1.0, 9.0]),
        # Square up to delta, d^2/2; then the line delta (d - delta/2).
        ({"type": "huber"}, [0.125, 0.5, 2.5]),
        ({"type": "huber", "huber_delta": 2.0}, [0.125, 0.5, 4.0]),
        # The same divided by delta.
        ({"type": "smooth_l1", "huber_delta": 2.0}, [0.0625, 0.25, 2.0]),
    ],
)
def test_each_element_has_its_loss(fields, expected):
    assert make_loss(spec_of(loss=fields))(PREDICTED, TARGET).tolist() == pytest.approx(expected)


def rates(schedule, updates):
    spec = spec_of(optimizer__learning_rate=0.8, optimizer__schedule=schedule)
    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = make_optimizer(spec, [weight])
    scheduler = make_scheduler(spec, optimizer)
    found = []
    for _ in range(updates):
        found.append(optimizer.param_groups[0]["lr"])
        weight.grad = torch.ones(1)
        optimizer.step()
        scheduler.step()
    return found


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ({"type": "constant"}, [0.8, 0.8, 0.8]),
        ({"type": "step_decay", "step_size": 2, "gamma": 0.5}, [0.8, 0.8, 0.4, 0.4, 0.2]),
        ({"type": "exponential", "gamma": 0.5}, [0.8, 0.4, 0.2]),
        # Half a cosine from 0.8 to 0.2 in 4 updates, and there it stays.
        (
            {"type": "cosine", "t_max": 4, "eta_min": 0.2},
            [0.8, 0.5 + 0.3 * 2**-0.5, 0.5, 0.5 - 0.3 * 2**-0.5, 0.2, 0.2, 0.2],
        ),
    ],
)
def test_the_learning_rate_follows_its_schedule(schedule, expected):
    assert rates(schedule, len(expected)) == pytest.approx(expected)


def test_sgd_steps_down_the_gradient_with_decay_and_momentum():
    fields = {"type": "sgd", "learning_rate": 0.1, "sgd_momentum": 0.5, "weight_decay": 0.2}
    weight = torch.nn.Parameter(torch.tensor([1.0]))
    optimizer = make_optimizer(spec_of(optimizer=fields), [weight])
    weight.grad = torch.tensor([2.0])
    optimizer.step()
    assert weight.item() == pytest.approx(1.0 - 0.1 * 2.2)
    optimizer.step()  # gradient 2 + 0.2 x 0.78, momentum 0.5 x 2.2
    assert weight.item() == pytest.approx(0.78 - 0.1 * (2.156 + 1.1))


def test_the_first_step_of_adam_is_the_learning_rate():
    weight = torch.nn.Parameter(torch.tensor([1.0, 1.0]))
    optimizer = make_optimizer(spec_of(optimizer__learning_rate=0.01), [weight])
    weight.grad = torch.tensor([5.0, -0.001])
    optimizer.step()
    assert weight.tolist() == pytest.approx([0.99, 1.01], abs=1e-5)


@pytest.mark.parametrize("kind", ["adam", "adamw", "sgd", "rmsprop"])
def test_an_optimiser_taken_up_again_goes_on_bit_for_bit(kind):
    spec = spec_of(optimizer={"type": kind, "learning_rate": 0.01})
    gradients = torch.rand(6, 50, generator=torch.Generator().manual_seed(1))

    def advance(weight, optimizer, scheduler, steps):
        for gradient in steps:
            weight.grad = gradient.clone()
            optimizer.step()
            scheduler.step()

    def fresh(values):
        weight = torch.nn.Parameter(values.clone())
        optimizer = make_optimizer(spec, [weight])
        return weight, optimizer, make_scheduler(spec, optimizer)

    whole = fresh(torch.zeros(50))
    advance(*whole, gradients)
    first = fresh(torch.zeros(50))
    advance(*first, gradients[:3])
    second = fresh(first[0].detach())
    second[1].load_state_dict(first[1].state_dict())
    second[2].load_state_dict(first[2].state_dict())
    advance(*second, gradients[3:])
    assert torch.equal(second[0], whole[0])
