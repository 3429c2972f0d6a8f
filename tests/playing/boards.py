"""Registered versions that play Connect Four, small enough to be made in a moment."""

from __future__ import annotations

import torch

from hamlet.brains import BrainSpec, compile_brain
from hamlet.checkpoint import inference_bytes
from hamlet.envs.connect_four.layout import LAYOUT
from hamlet.model import HamletModel
from registry.artifacts.store import store_file
from registry.models import Classroom, ModelVersion, User
from registry.services import ensure_model
from registry.versions.services import register_version

BRAIN = {"architecture": {"type": "alphazero", "alphazero": {"blocks": 1, "channels": 8}}}
CREATED_AT = "2026-01-02T03:04:05Z"


def make_board_model(seed: int = 0) -> HamletModel:
    generator = torch.Generator().manual_seed(seed)
    return HamletModel(compile_brain(BrainSpec.from_data(BRAIN), LAYOUT, generator=generator))


def register_board_version(
    owner: User, classroom: Classroom | None, name: str = "dropper", seed: int = 0
) -> ModelVersion:
    content = inference_bytes(make_board_model(seed), created_at=CREATED_AT)
    artifact = store_file(content, "application/vnd.safetensors")
    model = ensure_model(name, "connect_four", owner, classroom)
    return register_version(model=model, artifact=artifact, user=owner)
