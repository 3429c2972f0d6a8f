"""Real things of one class, one of each kind, for the rows of the access table to call with."""

from __future__ import annotations

from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.utils import timezone

from hamlet.recording import Episode, encode_episode
from registry.accounts.models import Classroom, Scope, User
from registry.accounts.services import issue_token
from registry.artifacts.store import store_file
from registry.models import RegisteredModel
from registry.services import ensure_model, move_alias, register_version, save_brain_spec
from tests.registry.checkpoints import DENSE, checkpoint_bytes, store_checkpoint
from training import services as training
from training.models import Replay, Run

SAFETENSORS = "application/vnd.safetensors"
REQUEST = {"system": "town", "level": "L0", "episodes": 5}


def build(student: User, instructor: User, classroom: Classroom) -> dict[str, Any]:
    """Make the things. Returns: route parameters by the names that routes give them."""
    token, _ = issue_token(student, "notebook", [Scope.READ])
    model = ensure_model("walker", "town", instructor, classroom)
    artifact = store_file(checkpoint_bytes(), SAFETENSORS)
    version = register_version(model=model, artifact=artifact, user=instructor)
    move_alias(model, "best", version, instructor)
    save_brain_spec("small", DENSE, instructor)
    run = training.queue_run(instructor, {**REQUEST, "classroom": classroom.pk})
    paused = training.queue_run(instructor, {**REQUEST, "classroom": classroom.pk, "seed": 1})
    paused = training.pause_run(paused, instructor)
    checkpoint = store_checkpoint(run.pk, "inference", 3, checkpoint_bytes(), {})
    replay = keep_episode(run)
    return {
        "name": model.name,
        "number": version.number,
        "alias": "best",
        "token_id": token.pk,
        "run_id": run.pk,
        "paused_run_id": paused.pk,
        "at": checkpoint.at,
        "checkpoint_id": checkpoint.pk,
        "replay_number": replay.number,
        "content_type_id": ContentType.objects.get_for_model(RegisteredModel).pk,
        "object_id": model.pk,
    }


def keep_episode(run: Run) -> Replay:
    episode = Episode(
        number=1,
        start={"epsilon": 1.0},
        columns={"x": [0, 1], "y": [0, 0]},
        end={"reason": "energy"},
        ended_at=timezone.now().timestamp(),
    )
    return Replay.objects.create(
        run=run,
        number=episode.number,
        reasons=["every 100th"],
        survival_steps=episode.steps,
        score=1.0,
        artifact=store_file(encode_episode(episode), "application/octet-stream"),
        ended_at=timezone.now(),
    )
