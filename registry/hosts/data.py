"""Workers and queues as plain data: one shape for the page and the API."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import AnonymousUser
from redis import RedisError

from registry.accounts.models import User
from registry.hosts.queries import QueueState, Worker, queue_states, shown_workers
from registry.models import Export, ModelVersion
from registry.queries import visible_models

# Who may put work on the workers may look at them: instructors and admins.
PERMISSION = "training.add_run"


def overview(user: User | AnonymousUser) -> dict[str, Any]:
    """Workers and queues. `known` is false while Valkey, which knows the workers, is away."""
    try:
        heard, known = shown_workers(), True
    except RedisError:
        heard, known = [], False
    names = names_of(user, {digest for worker in heard for digest in worker.loaded})
    return {
        "known": known,
        "workers": [worker_data(worker, names) for worker in heard],
        "queues": [queue_data(state) for state in queue_states(heard)],
    }


def names_of(user: User | AnonymousUser, digests: Iterable[str]) -> dict[str, list[str]]:
    """Versions that the user may see, such as `walker 1.0.0`, by the file that answers for them:
    the registered one, or its export."""
    wanted = list(digests)
    if not wanted:
        return {}
    seen = ModelVersion.objects.filter(model__in=visible_models(user)).select_related("model")
    exports = Export.objects.filter(version__in=seen).select_related("version__model")
    pairs = [(version.artifact_id, version) for version in seen.filter(artifact__in=wanted)]
    pairs += [
        (export.artifact_id, export.version) for export in exports.filter(artifact__in=wanted)
    ]
    found: dict[str, list[str]] = {}
    for digest, version in pairs:
        found.setdefault(digest, []).append(str(version))
    return found


def worker_data(worker: Worker, names: dict[str, list[str]]) -> dict[str, Any]:
    versions = sorted({name for digest in worker.loaded for name in names.get(digest, ())})
    return {
        "name": worker.name,
        "host": worker.host,
        "queues": list(worker.queues),
        "age_s": round(worker.age_s, 1),
        "silent": worker.silent,
        "devices": None if worker.devices is None else list(worker.devices),
        "running": worker.running,
        "limit": worker.limit,
        "versions": versions,
        "loaded_files": len(worker.loaded),
        "software": dict(worker.software),
    }


def queue_data(state: QueueState) -> dict[str, Any]:
    return {
        "name": state.name,
        "purpose": state.purpose,
        "device": state.device,
        "messages": state.messages,
        "served_by": list(state.served_by),
        "waiting": [
            {"noun": found.noun, "count": found.count, "oldest_s": round(found.oldest_s, 1)}
            for found in state.waiting
        ],
    }
