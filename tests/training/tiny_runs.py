"""Requests for runs that take a second: one room, a bed, a handful of neurons."""

from __future__ import annotations

from typing import Any

from hamlet.checkpoint import read_checkpoint
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
    """All of the last training checkpoint's state: replay, optimiser, generators and counters."""
    newest = Checkpoint.objects.filter(run_id=run.pk, kind="training").order_by("-at").first()
    checkpoint = read_checkpoint(open_artifact(newest.artifact))
    tensors = {name: tensor.tolist() for name, tensor in checkpoint.tensors.items()}
    return {"form": checkpoint.form, **tensors}
