"""The layer table says what the real network does, and takes no memory to say it."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from hamlet.brains import BrainSpec, blueprint, compile_brain, make_optimizer
from hamlet.brains.measuring import layer_table, learning_bytes
from hamlet.layout import ObservationLayout
from tests.brains.layouts import L1, WINDOW, town_layout
from tests.brains.specs import small

SCALAR = town_layout(5, "scalar")
BRAINS = [
    (small("feedforward"), L1),
    (small("feedforward", architecture__feedforward__dropout=0.5), L1),
    (small("feedforward", architecture__feedforward__layer_norm=False), SCALAR),
    (small("dueling"), L1),
    (small("dueling", architecture__dueling__dropout=0.1), WINDOW),
    (small("recurrent_spatial"), WINDOW),
    (
        small(
            "recurrent_spatial",
            architecture__recurrent_spatial__vision_encoder__kernel_sizes=[3, 2],
            architecture__recurrent_spatial__vision_encoder__strides=[2, 1],
            architecture__recurrent_spatial__vision_encoder__padding=[0, 1],
            architecture__recurrent_spatial__lstm__num_layers=3,
            architecture__recurrent_spatial__lstm__dropout=0.2,
        ),
        L1,
    ),
    (
        small(
            "recurrent_spatial", architecture__recurrent_spatial__vision_encoder={"type": "none"}
        ),
        L1,
    ),
]


def outputs_of_the_real_one(spec: BrainSpec, layout: ObservationLayout) -> dict[str, tuple]:
    """Shape of what each layer of the built network gives for one observation."""
    network, found = compile_brain(spec, layout).eval(), {}

    def hear(name: str, output: Any) -> None:
        tensor = output[0] if isinstance(output, tuple) else output
        before = 2 if name.startswith("lstm") else 1  # [T, B, ...] or [B, ...]
        found[name] = tuple(tensor.shape[before:])

    for name, module in network.named_modules():
        if not list(module.children()):
            module.register_forward_hook(lambda _m, _i, output, name=name: hear(name, output))
    network(torch.zeros(1, layout.size))
    return found


@pytest.mark.parametrize(("spec", "layout"), BRAINS)
def test_table_agrees_with_the_network_that_runs(spec: BrainSpec, layout: ObservationLayout):
    table = layer_table(blueprint(spec, layout))
    assert {layer.name: layer.output for layer in table}.items() <= outputs_of_the_real_one(
        spec, layout
    ).items()
    network = compile_brain(spec, layout)
    assert sum(layer.parameters for layer in table) == network.parameter_count
    with_weights = {name.rpartition(".")[0] for name, _ in network.named_parameters()}
    assert with_weights <= {layer.name for layer in table}


def test_dropout_that_drops_nothing_is_no_layer():
    names = {layer.type for layer in layer_table(blueprint(*BRAINS[5]))}
    assert "Dropout" not in names
    assert "Dropout" in {layer.type for layer in layer_table(blueprint(*BRAINS[1]))}


def test_numbers_worked_out_by_hand():
    table = layer_table(blueprint(small("feedforward"), L1))
    assert [(layer.type, layer.output, layer.parameters) for layer in table] == [
        ("Linear", (16,), 989 * 16 + 16),
        ("LayerNorm", (16,), 32),
        ("ReLU", (16,), 0),
        ("Linear", (8,), 16 * 8 + 8),
        ("LayerNorm", (8,), 16),
        ("ReLU", (8,), 0),
        ("Linear", (8,), 8 * 8 + 8),
    ]


@pytest.mark.parametrize(
    "optimizer",
    [
        {"type": "adam"},
        {"type": "adamw"},
        {"type": "rmsprop"},
        {"type": "sgd"},
        {"type": "sgd", "sgd_momentum": 0.9},
    ],
    ids=str,
)
def test_optimiser_keeps_as_much_as_is_said(optimizer: dict):
    spec = small("feedforward", optimizer=optimizer)
    network = compile_brain(spec, WINDOW)
    made = make_optimizer(spec, network.parameters())
    network(torch.ones(2, WINDOW.size))[0].sum().backward()
    made.step()
    state = [tensor for kept in made.state.values() for tensor in kept.values()]
    # Adam also counts its steps, in one number per tensor.
    numbers = sum(t.numel() for t in state if torch.is_tensor(t) and t.dim() > 0)
    said = learning_bytes(spec, network)
    assert said["optimiser"] == numbers * 4
    assert said["weights"] == said["gradients"] == said["target network"]
    assert said["weights"] == network.parameter_count * 4
