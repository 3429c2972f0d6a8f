"""Derivatives written out equal those that autograd finds."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from hamlet.brains import BrainSpec, compile_brain
from hamlet.learning.backpropagation import written_out
from hamlet.learning.flat_parameters import FlatParameters
from tests.learning.small_worlds import BRAINS, layout_of

LAYOUT = layout_of(7)


def brain(kind: str, **block: object) -> BrainSpec:
    spec = copy.deepcopy(BRAINS[kind])
    spec["architecture"][kind] |= block
    return BrainSpec.from_data(spec)


@pytest.mark.parametrize("kind", ["feedforward", "dueling"])
@pytest.mark.parametrize("activation", ["relu", "gelu", "swish", "tanh", "elu"])
@pytest.mark.parametrize("layer_norm", [True, False])
def test_every_brain_that_can_be_described(kind: str, activation: str, layer_norm: bool) -> None:
    spec = brain(kind, activation=activation, layer_norm=layer_norm)
    networks = [compile_brain(spec, LAYOUT) for _ in "ab"]
    FlatParameters(networks[1]).gradient.fill_(-3.0)
    observations = torch.randn(9, LAYOUT.size, generator=torch.Generator().manual_seed(0))
    pulls = torch.randn(9, len(LAYOUT.actions), generator=torch.Generator().manual_seed(1))

    expected, _ = networks[0](observations)
    (expected * pulls).sum().backward()
    with torch.no_grad():
        layers = written_out(networks[1])
        found = layers.forward(observations)
        layers.backward(pulls)

    assert torch.allclose(found, expected, atol=1e-6)
    ours = dict(networks[1].named_parameters())
    for name, parameter in networks[0].named_parameters():
        assert torch.allclose(parameter.grad, ours[name].grad, atol=1e-5), name


def test_dropout_lets_the_slope_pass_where_the_number_did() -> None:
    networks = [compile_brain(brain("dueling", dropout=0.5), LAYOUT) for _ in "ab"]
    for network in networks:
        network.train()
        network.dropout_generator.manual_seed(11)
    FlatParameters(networks[1])
    observations = torch.randn(9, LAYOUT.size, generator=torch.Generator().manual_seed(0))
    expected, _ = networks[0](observations)
    expected.square().sum().backward()
    with torch.no_grad():
        layers = written_out(networks[1])
        found = layers.forward(observations)
        layers.backward(2 * found)
    assert torch.allclose(found, expected, atol=1e-6)
    ours = dict(networks[1].named_parameters())
    for name, parameter in networks[0].named_parameters():
        assert torch.allclose(parameter.grad, ours[name].grad, atol=1e-5), name


def test_a_layer_nobody_wrote_down_is_refused() -> None:
    with pytest.raises(TypeError, match="Bilinear"):
        written_out(nn.Sequential(nn.Linear(2, 2), nn.Bilinear(2, 2, 2)))
    with pytest.raises(TypeError, match="Conv2d"):
        written_out(nn.Conv2d(1, 1, 1))
