"""Skipping zeros and laying weights out flat changes speed, not numbers."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from hamlet.brains import BrainSpec, compile_brain
from hamlet.layout import Group, ObservationLayout
from hamlet.learning.backpropagation import written_out
from hamlet.learning.flat_parameters import FlatParameters
from hamlet.learning.sparse_input import SparseGridLinear, skip_zeros
from tests.learning.small_worlds import ACTIONS, BRAINS, layout_of, planes_layout, same

LAYOUT = planes_layout(cells=16, planes=4, others=3)


def grid_in_the_middle() -> ObservationLayout:
    groups = (
        Group("meters", 0, 2, (2,)),
        Group("grid", 2, 66, (4, 4, 4)),
        Group("clock", 66, 67, (1,)),
    )
    return ObservationLayout(groups, "planes", (), (), ACTIONS)


def sparse_observations(layout: ObservationLayout, rows: int = 5) -> torch.Tensor:
    drawn = torch.Generator().manual_seed(0)
    observations = torch.rand(rows, layout.size, generator=drawn)
    grid = layout.group("grid").slice
    observations[:, grid] = 0.0
    for row in range(rows - 1):  # the last row's grid stays empty
        observations[row, grid.start + 7 * row] = 1.0
        observations[row, grid.start + 2] = 0.5 + row  # not only ones
    return observations


@pytest.mark.parametrize("layout", [LAYOUT, grid_in_the_middle()], ids=["first", "middle"])
@pytest.mark.parametrize("brain", ["feedforward", "dueling"])
def test_values_and_gradients_are_those_of_the_dense_layer(
    layout: ObservationLayout, brain: str
) -> None:
    dense = compile_brain(BrainSpec.from_data(BRAINS[brain]), layout)
    sparse = copy.deepcopy(dense)
    skip_zeros(sparse, layout)
    assert any(isinstance(module, SparseGridLinear) for module in sparse.modules())
    FlatParameters(sparse).gradient.fill_(7.0)  # what stood there before must not matter
    observations = sparse_observations(layout)
    (dense(observations)[0] ** 2).sum().backward()
    with torch.no_grad():
        layers = written_out(sparse)
        found = layers.forward(observations)
        layers.backward(2 * found)
        assert torch.allclose(sparse(observations)[0], found, atol=1e-6)
    assert torch.allclose(dense(observations)[0], found, atol=1e-6)
    ours = dict(sparse.named_parameters())
    for name, parameter in dense.named_parameters():
        assert torch.allclose(parameter.grad, ours[name].grad, atol=1e-5), name


def test_a_grid_full_of_numbers_is_multiplied_densely() -> None:
    dense = nn.Linear(LAYOUT.size, 6)
    sparse = SparseGridLinear(dense, LAYOUT.group("grid"))
    observations = torch.rand(4, LAYOUT.size, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        assert sparse.find(observations) is None
        assert torch.allclose(dense(observations), sparse(observations), atol=1e-6)


def test_autograd_sees_the_dense_layer() -> None:
    dense = nn.Linear(LAYOUT.size, 6)
    sparse = SparseGridLinear(dense, LAYOUT.group("grid"))
    observations = sparse_observations(LAYOUT)
    for layer in (dense, sparse):
        layer(observations).square().sum().backward()
    assert torch.allclose(dense.weight.grad, sparse.weight.grad, atol=1e-5)


def test_names_and_values_of_the_weights_stay() -> None:
    network = compile_brain(BrainSpec.from_data(BRAINS["dueling"]), LAYOUT)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    skip_zeros(network, LAYOUT)
    assert same(dict(network.state_dict()), before)


def test_observations_without_planes_are_left_as_they_are() -> None:
    network = compile_brain(BrainSpec.from_data(BRAINS["dueling"]), layout_of(8))
    skip_zeros(network, layout_of(8))
    assert not any(isinstance(module, SparseGridLinear) for module in network.modules())


def test_one_flat_step_equals_a_step_of_each_weight() -> None:
    networks = [compile_brain(BrainSpec.from_data(BRAINS["dueling"]), layout_of(8)) for _ in "ab"]
    flat = FlatParameters(networks[0])
    optimizers = [
        torch.optim.Adam([flat.values], lr=0.01),
        torch.optim.Adam(networks[1].parameters(), lr=0.01),
    ]
    observations = torch.rand(6, 8, generator=torch.Generator().manual_seed(2))
    for _ in range(3):
        flat.clear_gradient()
        optimizers[1].zero_grad()
        for network in networks:
            (network(observations)[0] ** 2).sum().backward()
        flat.clip_gradient(0.1)
        torch.nn.utils.clip_grad_norm_(networks[1].parameters(), 0.1)
        for optimizer in optimizers:
            optimizer.step()
    for one, other in zip(*(network.parameters() for network in networks), strict=True):
        assert torch.allclose(one, other, atol=1e-6)


def test_a_short_gradient_is_not_stretched() -> None:
    flat = FlatParameters(nn.Linear(2, 1))
    flat.gradient.copy_(torch.tensor([0.3, 0.4, 0.0]))
    flat.clip_gradient(10.0)
    assert flat.gradient.tolist() == pytest.approx([0.3, 0.4, 0.0])
