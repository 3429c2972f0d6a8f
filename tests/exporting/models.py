"""Small models of every family, and inputs for them."""

from __future__ import annotations

from typing import Any

import torch

from hamlet.brains import compile_brain
from hamlet.model import HamletModel
from tests.brains.layouts import TINY
from tests.brains.specs import small

FAMILIES = ("feedforward", "dueling", "recurrent_spatial")
METADATA = {"level": "L0", "env_steps": 1000}
TWO_LAYERS = {"architecture__recurrent_spatial__lstm": {"hidden_size": 6, "num_layers": 2}}


def model_of(family: str = "dueling", seed: int = 1, **changes: Any) -> HamletModel:
    generator = torch.Generator().manual_seed(seed)
    network = compile_brain(small(family, **changes), TINY, generator=generator)
    return HamletModel(network, METADATA)


def observations(rows: int, seed: int = 3) -> torch.Tensor:
    return torch.rand(rows, TINY.size, generator=torch.Generator().manual_seed(seed))
