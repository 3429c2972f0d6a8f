"""Checkpoint files made by hand, right ones and wrong ones."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

import torch

from hamlet.brains import compile_brain
from hamlet.model import HamletModel
from hamlet.runspec import RunSpec
from hamlet.schema import canonical_json
from tests.brains.layouts import TINY
from tests.brains.specs import small

CREATED = "2026-03-01T12:00:00Z"
RUN_SPEC = RunSpec(
    system="town", trainer="dqn", seed=3, budget=10, content={"level": {"name": "L0"}}
)
METADATA = {
    "training_episode": 100,
    "epsilon": 0.1,
    "curriculum_stage": 5,
    "level": "L0",
    "level_hash": "sha256:0",
}


def model_of(family: str = "dueling", seed: int = 1) -> HamletModel:
    generator = torch.Generator().manual_seed(seed)
    return HamletModel(compile_brain(small(family), TINY, generator=generator), METADATA)


def split(data: bytes) -> tuple[dict[str, Any], bytes]:
    """(header as data, raw numbers) of a safetensors file."""
    end = 8 + int.from_bytes(data[:8], "little")
    return json.loads(data[8:end]), data[end:]


def join(header: dict[str, Any] | bytes, numbers: bytes) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + numbers


def signed(header: dict[str, Any], numbers: bytes) -> bytes:
    """A file whose digest fits, as someone would make it who means to deceive."""
    tensors = {name: entry for name, entry in header.items() if name != "__metadata__"}
    metadata = {k: v for k, v in header.get("__metadata__", {}).items() if k != "digest"}
    head = canonical_json({"metadata": metadata, "tensors": tensors}).encode()
    digest = "sha256:" + hashlib.sha256(head + numbers).hexdigest()
    return join({"__metadata__": {**metadata, "digest": digest}, **tensors}, numbers)


def with_header(
    data: bytes,
    change: Callable[[dict[str, Any]], Any],
    *,
    spell: Callable[[str], str] = str,
) -> bytes:
    """The file with its inner JSON header changed, as data and then as text, and a digest that
    fits."""
    outer, numbers = split(data)
    inner = json.loads(outer["__metadata__"]["header"])
    change(inner)
    outer["__metadata__"]["header"] = spell(json.dumps(inner))
    return signed(outer, numbers)
