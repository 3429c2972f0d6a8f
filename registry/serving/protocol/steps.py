"""What the routes of the Open Inference Protocol v2 do, whoever carries them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from django.db import DatabaseError, connection

import hamlet
from registry.accounts.models import User
from registry.artifacts.errors import ArtifactDamagedError
from registry.models import ModelVersion
from registry.names import LATEST
from registry.queries import VERSION_ORDER, visible_models
from registry.serving.prediction import Call, ask, find, load
from registry.serving.protocol.answers import (
    Reply,
    health,
    infer_reply,
    json_reply,
    model_metadata,
    server_metadata,
)
from registry.serving.protocol.requests import read_infer
from registry.serving.runners import Runner
from registry.versions.models import VersionStatus

MOST_LISTED = 1000


async def infer(
    runner: Runner, call: Call, model: str, asked: str | None, *, body: bytes, header_length: str
) -> Reply:
    """`POST /v2/models/{model}[/versions/{asked}]/infer`. Raises: as `predict_one`."""
    began = time.perf_counter()
    request = await runner.compute(call.size, lambda: read_infer(body, header_length))
    call.parse_s += time.perf_counter() - began
    target = await find(runner, call, model, asked or LATEST)
    request.check_outputs(target.signature)
    answer = await ask(
        runner,
        call,
        target,
        lambda: request.question(target.signature),
        wish=request.wish,
        named=list(request.inputs),
    )
    return await runner.compute(
        call.size, lambda: infer_reply(request, target, answer, call.request_id)
    )


async def describe_model(runner: Runner, call: Call, model: str, asked: str | None) -> Reply:
    """`GET /v2/models/{model}[/versions/{asked}]`. Raises: VersionNotFoundError, ConflictError."""
    target = await runner.target(call.caller, model, asked or LATEST)
    numbers = await runner.aside(numbers_of, call.caller.user, model)
    return model_metadata(target, numbers)


async def model_ready(runner: Runner, call: Call, model: str, asked: str | None) -> Reply:
    """`GET .../ready`: the version is loaded, now if it was not. Raises: as `describe_model`."""
    target = await runner.target(call.caller, model, asked or LATEST)
    try:
        await load(runner, target)
    except ArtifactDamagedError as error:
        return json_reply({"name": model, "ready": False, "error": str(error)}, 503)
    return json_reply({"name": model, "ready": True})


async def repository_index(runner: Runner, call: Call) -> Reply:
    """`POST /v2/repository/index`: the versions one may ask, as Triton lists them."""
    return json_reply(await runner.aside(list_versions, call.caller.user))


async def server_health(runner: Runner, *, ready: bool) -> Reply:
    """`GET /v2/health/live` and `/ready`. Ready needs the database."""
    return health(not ready or await runner.aside(database_answers))


def describe_server() -> Reply:
    """`GET /v2`."""
    return server_metadata(hamlet.__version__)


def error_reply(status: int, problem: Mapping[str, Any]) -> Reply:
    """A refusal in this protocol's words: `{"error": text}`; what is invalid is a 400 here."""
    errors = problem.get("errors", ())
    faults = "; ".join(f"{error['pointer']}: {error['detail']}" for error in errors)
    return json_reply({"error": faults or problem["detail"]}, 400 if status == 422 else status)


def numbers_of(user: User, model: str) -> list[str]:
    """Versions that answer, oldest first."""
    found = visible_models(user).filter(name=model).first()
    if found is None:
        return []
    versions = found.versions.exclude(card__status=VersionStatus.ARCHIVED).order_by(*VERSION_ORDER)
    return [one.number for one in reversed(versions.only("major", "minor", "patch")[:MOST_LISTED])]


def list_versions(user: User) -> list[dict[str, str]]:
    """Newest first."""
    versions = (
        ModelVersion.objects.filter(model__in=visible_models(user))
        .exclude(card__status=VersionStatus.ARCHIVED)
        .select_related("model")
        .defer("signature")
        .order_by("-created_at", "-id")
    )
    return [
        {"name": one.model.name, "version": one.number, "state": "READY", "reason": ""}
        for one in versions[:MOST_LISTED]
    ]


def database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True
