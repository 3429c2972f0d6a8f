"""What every compiled network has in common, and how its first weights are drawn."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from hamlet.brains.blocks import Dropout
from hamlet.layout import ObservationLayout
from hamlet.signature import TensorSpec

if TYPE_CHECKING:
    from hamlet.brains.spec import BrainSpec


class CompiledBrain(nn.Module):
    """A network built from a brain spec for one observation layout.

    Attributes:
        spec, layout: what it was built from.
        dropout_generator: draws every dropout mask. Its state belongs into a training checkpoint.

    The network holds no state between calls: recurrent families take the hidden state as an
    argument and return the next one. `input_specs`, `output_specs` and `answer` are what a
    model of this brain takes and gives by name.
    """

    is_recurrent = False

    def __init__(self, spec: BrainSpec, layout: ObservationLayout) -> None:
        super().__init__()
        self.spec = spec
        self.layout = layout
        self.dropout_generator = torch.Generator()

    @property
    def hash(self) -> str:
        """Of the brain spec, `sha256:<hex>`."""
        return self.spec.hash

    @property
    def device(self) -> torch.device:
        return next(self.parameters()).device

    @property
    def parameter_count(self) -> int:
        return sum(parameter.numel() for parameter in self.parameters())

    def input_specs(self) -> tuple[TensorSpec, ...]:
        raise NotImplementedError

    def output_specs(self) -> tuple[TensorSpec, ...]:
        raise NotImplementedError

    def answer(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Outputs by name for inputs by name, which are checked already."""
        raise NotImplementedError

    def seed_dropout(self, generator: torch.Generator) -> None:
        """Take the seed of the dropout masks from `generator` and hand it to every layer."""
        seed = torch.randint(2**62, (), generator=generator, device=generator.device)
        self.dropout_generator.manual_seed(int(seed))
        for module in self.modules():
            if isinstance(module, Dropout):
                module.generator = self.dropout_generator


def initialise(network: nn.Module, generator: torch.Generator) -> None:
    """Draw all parameters from `generator`, which stands on the network's device.

    The distributions are PyTorch's own defaults: uniform within 1/sqrt(inputs) of a unit, for
    an LSTM within 1/sqrt(hidden size), and norms that change nothing. They are drawn here since
    PyTorch draws them from the global generator. A module of ours with parameters or buffers of
    its own says in `draw(generator)` how they begin.
    Raises: TypeError for a layer with parameters that nobody said how to draw.
    """
    with torch.no_grad():
        for name, module in network.named_modules():
            own = list(module.parameters(recurse=False))
            if hasattr(module, "draw"):
                module.draw(generator)
                continue
            if isinstance(module, nn.LayerNorm | nn.BatchNorm2d):
                module.weight.fill_(1.0)
                module.bias.fill_(0.0)
                if isinstance(module, nn.BatchNorm2d):
                    module.reset_running_stats()
                continue
            if isinstance(module, nn.Linear | nn.Conv2d):
                bound = 1.0 / math.sqrt(module.weight[0].numel())
            elif isinstance(module, nn.LSTM):
                bound = 1.0 / math.sqrt(module.hidden_size)
            elif own or list(module.buffers(recurse=False)):
                raise TypeError(f"{name} is a {type(module).__name__}: say how it is drawn")
            for parameter in own:
                parameter.uniform_(-bound, bound, generator=generator)
