"""Requests for runs that take a second: one room, a bed, a handful of neurons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from torch import Tensor

from hamlet.checkpoint import load_training, read_checkpoint
from hamlet.recording import decode_episode
from registry.artifacts.store import open_artifact
from registry.models import Checkpoint, User
from training import services
from training.models import Run

LEVEL = {
    "version": 1,
    "name": "tiny",
    "title": "Tiny",
    "description": "",
    "grid": {"width": 3, "height": 3},
    "view": "full",
    "affordances": ["Bed"],
    "active_meters": ["energy", "money"],
    "disabled_actions": ["MEDITATE"],
    "temporal": {"enabled": False, "start_hour": 0},
    "max_steps": 12,
    "episode_budget": 40,
    "extrinsic": {"kind": "multiplicative", "meters": ["energy"]},
}
BRAIN = {
    "architecture": {"type": "feedforward", "feedforward": {"hidden_layers": [8]}},
    "replay": {"capacity": 128, "batch_size": 8},
}
TRAINING = {
    "num_envs": 2,
    "learning_starts": 16,
    "checkpoint_every": 10,
    "intrinsic": {"embedding": 8, "train_every": 16},
}

# Every episode lives through its 12 steps, so it climbs as soon as the dwell allows.
CLIMBING = {
    "checkpoint_every": 20,
    "epsilon": {"start": 0.1, "decay": 0.9},
    "curriculum": {"enabled": True, "dwell_steps": 300},
}


def tiny_request(**fields: Any) -> dict[str, Any]:
    request = {"level": LEVEL, "brain": BRAIN, "training": TRAINING, "seed": 7, "episodes": 40}
    return {**request, **fields}


def queue_tiny(user: User, **fields: Any) -> Run:
    return services.queue_run(user, tiny_request(**fields))


def final_weights(run: Run) -> dict[str, list]:
    """Every weight of the registered version, as exact numbers."""
    run.refresh_from_db()
    assert run.status == "succeeded", (run.status, run.reason)
    checkpoint = read_checkpoint(open_artifact(run.version.artifact))
    return {name: tensor.tolist() for name, tensor in checkpoint.tensors.items()}


def last_training_state(run: Run) -> dict[str, Any]:
    """All of the last training checkpoint's state: replay, optimiser, generators and counters.

    Without what the clock on the wall says: how fast it went, and when it was recorded.
    """
    newest = Checkpoint.objects.filter(run_id=run.pk, kind="training").order_by("-at").first()
    state, _ = load_training(open_artifact(newest.artifact))
    keeper = state["execution"]["keeper"]
    recordings = (
        None if saved is None else decode_episode(saved.numpy().tobytes())
        for saved in keeper["waiting"]
    )
    keeper["waiting"] = [episode and replace(episode, ended_at=0.0) for episode in recordings]
    return plain(state)


def plain(value: Any) -> Any:
    """Tensors as lists of numbers, at any depth."""
    if isinstance(value, Mapping):
        return {key: plain(part) for key, part in value.items() if key != "env_steps_per_s"}
    if isinstance(value, list):
        return [plain(part) for part in value]
    return value.tolist() if isinstance(value, Tensor) else value
