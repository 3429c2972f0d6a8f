"""Real inference checkpoints, small enough to be made by the dozen."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from hamlet.brains import BrainSpec, compile_brain
from hamlet.checkpoint import save_inference
from hamlet.layout import Group, ObservationLayout
from hamlet.model import HamletModel
from registry.artifacts.store import store_file
from registry.checkpoints import record_checkpoint
from registry.models import Checkpoint

METERS = ("energy", "hygiene", "satiation", "money", "mood", "social", "health", "fitness")
ACTIONS = ("UP", "DOWN", "LEFT", "RIGHT", "INTERACT", "WAIT", "REST", "MEDITATE")
CREATED_AT = "2026-01-02T03:04:05Z"
DENSE = """\
# A small brain.
version: "1.0"
architecture:
  type: feedforward
  feedforward: {hidden_layers: [8]}
"""
WIDER = DENSE.replace("[8]", "[9]")
RECURRENT = """\
architecture:
  type: recurrent_spatial
  recurrent_spatial:
    vision_encoder: {type: none}
    position_encoder: {hidden_sizes: [4]}
    meter_encoder: {hidden_sizes: [4]}
    underfoot_encoder: {hidden_sizes: [4]}
    clock_encoder: {hidden_sizes: [4]}
    lstm: {hidden_size: 6}
    q_head: {hidden_sizes: [4]}
"""


def make_layout(cells: int = 3) -> ObservationLayout:
    """The town's groups around a small grid: cells x cells + 29 numbers."""
    sizes = (("grid", (cells, cells)), ("position", (2,)), ("meters", (8,)))
    sizes += (("underfoot", (15,)), ("clock", (4,)))
    groups, start = [], 0
    for name, shape in sizes:
        size = shape[0] * (shape[1] if len(shape) > 1 else 1)
        groups.append(Group(name, start, start + size, shape))
        start += size
    return ObservationLayout(tuple(groups), "scalar", ("Bed",), METERS, ACTIONS)


def make_model(brain: str = DENSE, *, seed: int = 0, cells: int = 3) -> HamletModel:
    generator = torch.Generator().manual_seed(seed)
    network = compile_brain(BrainSpec.from_yaml(brain), make_layout(cells), generator=generator)
    return HamletModel(network, {"training_episode": 100 + seed, "level": "L0"})


def checkpoint_bytes(brain: str = DENSE, *, seed: int = 0, cells: int = 3) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        model = make_model(brain, seed=seed, cells=cells)
        save_inference(path, model, created_at=CREATED_AT)
        return path.read_bytes()


def store_checkpoint(
    run_id: uuid.UUID, kind: str, at: int, content: bytes, metadata: Mapping[str, Any] | None = None
) -> Checkpoint:
    """As a worker saves one: the file first, then the row."""
    artifact = store_file(content, "application/vnd.safetensors")
    return record_checkpoint(run_id, kind, at, artifact, metadata)


def observation(model: HamletModel, seed: int = 0) -> list[float]:
    generator = torch.Generator().manual_seed(seed)
    size: Any = model.network.layout.size
    return torch.rand(size, generator=generator).tolist()
