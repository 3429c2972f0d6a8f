"""How large a network is: its layers one by one, and the memory that learning with it takes.

Everything is worked out from a blueprint, which takes no memory for weights, so a network is
measured before anybody builds it.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass

from torch import nn

from hamlet.brains.blocks import Dropout
from hamlet.brains.network import CompiledBrain
from hamlet.brains.spec import BrainSpec

FLOAT_BYTES = 4
Shape = tuple[int, ...]
# How a board network learns stands in the configuration of its run; most take this one.
USUAL_OPTIMIZER = {"type": "adam"}
# Numbers that an optimiser keeps for each parameter, beside its gradient; sgd one with momentum.
MOMENTS = {"adam": 2, "adamw": 2, "rmsprop": 1, "sgd": 0}


@dataclass(frozen=True)
class Layer:
    """One layer of a network.

    Attributes:
        name: where it stands in the network, as in its state dict.
        type: name of its class.
        output: shape of what it gives for one observation, without the batch.
        parameters: numbers that are learnt in it.
    """

    name: str
    type: str
    output: Shape
    parameters: int


def layer_table(network: CompiledBrain) -> list[Layer]:
    """Every layer that does something, in the order of the network's parts."""
    layers: list[Layer] = []
    for name, part in network.named_children():
        layers += walk(part, name, None)
    return layers


def walk(module: nn.Module, name: str, shape: Shape | None) -> Generator[Layer, None, Shape | None]:
    """Yields: the layers inside. Returns: the shape after the last, for what follows it.

    Args: shape: of what comes in; None where the first layer's own sizes tell.
    """
    shape = getattr(module, "planes", shape)  # of a module that says what comes in
    children = list(module.named_children())
    if not children:
        if isinstance(module, Dropout) and module.rate == 0.0:
            return shape
        shape = shape_after(module, shape)
        yield Layer(name, type(module).__name__, shape or (), parameters_of(module))
        return shape
    came_in = shape
    # A network inside of another reads the observation anew, as its own parts do.
    shape = None if isinstance(module, CompiledBrain) else shape
    in_a_row = not isinstance(module, nn.ModuleDict | CompiledBrain)
    for inner, child in children:
        after = yield from walk(child, f"{name}.{inner}", shape)
        shape = after if in_a_row else shape
    return came_in if getattr(module, "keeps_shape", False) else shape


def shape_after(module: nn.Module, shape: Shape | None) -> Shape | None:
    """What a single layer gives for an input of this shape, without the batch."""
    if isinstance(module, nn.Linear):
        tokens = shape[:-1] if shape is not None and shape[-1] == module.in_features else ()
        return (*tokens, module.out_features)
    if isinstance(module, nn.LSTM):
        return (module.hidden_size,)
    if isinstance(module, nn.LayerNorm) and (shape is None or len(shape) == 1):
        return tuple(module.normalized_shape)
    if isinstance(module, nn.Conv2d) and shape is not None:
        sides = zip(shape[1:], module.kernel_size, module.stride, module.padding, strict=True)
        return (module.out_channels, *((n + 2 * p - k) // s + 1 for n, k, s, p in sides))
    if isinstance(module, nn.Flatten) and shape is not None:
        return (math.prod(shape),)
    return shape  # activations and dropout keep it


def parameters_of(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def learning_bytes(spec: BrainSpec, network: CompiledBrain) -> dict[str, int]:
    """Bytes that a learner keeps for the network itself, by what they are for.

    Replay and activations come on top; they depend on the training settings too.
    """
    weights = network.parameter_count * FLOAT_BYTES
    optimizer = spec.data.get("optimizer", USUAL_OPTIMIZER)
    moments = MOMENTS[optimizer["type"]] or (1 if optimizer["sgd_momentum"] else 0)
    return {
        "weights": weights,
        "target network": weights if "q_learning" in spec.data else 0,
        "gradients": weights,
        "optimiser": moments * weights,
    }
