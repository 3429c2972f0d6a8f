"""Real things of one class, one of each kind, for the rows of the access table to call with."""

from __future__ import annotations

import json
import uuid
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.utils import timezone

from hamlet.recording import Episode, encode_episode
from registry.accounts.models import Classroom, Scope, User
from registry.accounts.services import issue_token
from registry.aliases.services import move_alias
from registry.artifacts.store import store_file
from registry.jobs import leases, lifecycle
from registry.jobs import services as jobs
from registry.jobs.models import Job, JobStatus
from registry.models import RegisteredModel, Webhook, WebhookDelivery
from registry.services import ensure_model, save_brain_spec
from registry.versions.services import register_version
from registry.webhooks.keeping import create_webhook
from tests.access import world_of_admin, world_of_predictions
from tests.registry.checkpoints import DENSE, checkpoint_bytes, store_checkpoint
from training import services as training
from training.datasets import services as datasets
from training.games import services as games
from training.models import Game, Replay, Run

SAFETENSORS = "application/vnd.safetensors"
REQUEST = {"system": "town", "level": "L0", "episodes": 5}


def build(student: User, instructor: User, classroom: Classroom) -> dict[str, Any]:
    """Make the things. Returns: route parameters by the names that routes give them."""
    token, _ = issue_token(student, "notebook", [Scope.READ])
    model = ensure_model("walker", "town", instructor, classroom)
    ensure_model("dropper", "connect_four", instructor, classroom)
    artifact = store_file(checkpoint_bytes(), SAFETENSORS)
    version = register_version(model=model, artifact=artifact, user=instructor)
    move_alias(model, "best", version, instructor)
    world_of_admin.build(version, instructor)
    save_brain_spec("small", DENSE, instructor)
    run = training.queue_run(instructor, {**REQUEST, "classroom": classroom.pk})
    paused = training.queue_run(instructor, {**REQUEST, "classroom": classroom.pk, "seed": 1})
    paused = training.pause_run(paused, instructor)
    checkpoint = store_checkpoint(run.pk, "inference", 3, checkpoint_bytes(), {})
    replay = keep_episode(run)
    asked = {"model": model.name, "observation": [[0.0] * 38] * 2}
    ended = jobs.queue_job(student, asked)[0]
    jobs.cancel_job(ended)
    webhook, delivery = keep_webhook(instructor)
    world_of_predictions.note(student, version)
    game = keep_game(instructor, classroom)
    return {
        "asked_once": world_of_predictions.ASKED_ONCE,
        "webhook_id": webhook.pk,
        "delivery_id": delivery.pk,
        "job_id": jobs.queue_job(student, asked)[0].pk,
        "done_job_id": answered(jobs.queue_job(student, asked)[0]).pk,
        "ended_job_id": ended.pk,
        "search_id": keep_search(instructor, classroom).pk,
        "name": model.name,
        "number": version.number,
        "alias": "best",
        "token_id": token.pk,
        "run_id": run.pk,
        "paused_run_id": paused.pk,
        "at": checkpoint.at,
        "checkpoint_id": checkpoint.pk,
        "replay_number": replay.number,
        "game_id": game.uid,
        "content_type_id": ContentType.objects.get_for_model(RegisteredModel).pk,
        "object_id": model.pk,
    }


def answered(job: Job) -> Job:
    """As a worker leaves a job."""
    lease = leases.claim(job.pk)
    content = {
        "model": job.version.model.name,
        "version": job.version.number,
        "artifact_sha256": job.version.artifact_id,
        "engine": "pytorch",
        "outputs": {"actions": [1, 2]},
        "rows": 2,
    }
    answer = store_file(json.dumps(content).encode(), "application/json")
    changes = {"token": lease.token, "answer": answer, "done": 2}
    lifecycle.move(job.pk, JobStatus.RUNNING, JobStatus.SUCCEEDED, **changes)
    return job


def keep_search(owner: User, classroom: Classroom) -> Job:
    """A search of the instructor's that waits, as reading its request leaves it."""
    request = {
        "run": {"config": {}, "system": "connect_four"},
        "space": [{"path": "learning_rate", "kind": "uniform", "among": [0.001, 0.1]}],
        **{"name": "tuning", "model": "tuned", "seed": 1, "num_samples": 3},
        **{"max_concurrent": 2, "early_stopping": "median"},
    }
    of = {"kind": "hypersearch", "owner": owner, "classroom": classroom, "queue": "inference"}
    return Job.objects.create(**of, request=request, total=3)


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


def keep_game(owner: User, classroom: Classroom) -> Game:
    """A game of the class, and the dataset `friday` that is to be built from it."""
    moves = [{"position": column} for column in (3, 2, 3, 2, 3, 2, 3)]
    players = {"red": {"type": "ai"}, "yellow": {"type": "ai"}}
    sent = {"players": players, "moves": moves, "result": {"winner": "Red"}}
    game, _ = games.record_game(owner, {**sent, "classroom": classroom.name})
    datasets.build_dataset(owner, {"name": "friday", "classroom": classroom.name})
    return game


def keep_webhook(owner: User) -> tuple[Webhook, WebhookDelivery]:
    """A webhook, and a message that did not arrive. Nothing is ever sent: nothing is committed."""
    fields = {"name": "hook", "url": "https://hooks.example/", "events": ["alias.moved"]}
    webhook, _ = create_webhook(owner, fields)
    delivery = WebhookDelivery.objects.create(
        webhook=webhook, event_id=uuid.uuid4(), event="alias.moved", body="{}", status="failed"
    )
    return webhook, delivery
