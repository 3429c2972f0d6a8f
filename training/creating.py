"""The row of a new run, with its files and its first event, in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from hamlet.errors import Problem, SpecError
from hamlet.schema import content_hash
from registry.models import User
from registry.services import ensure_model
from training import dispatch, inputs
from training.models import Run, RunEvent, RunStatus
from training.run_requests import RunRequest


def body_hash(request: Mapping[str, Any]) -> str:
    """Raises: SpecError if the request holds what JSON cannot say."""
    try:
        return content_hash(request)
    except (TypeError, ValueError) as error:
        message = f"holds what JSON cannot say ({error}); expected plain, finite values"
        raise SpecError([Problem("(document)", message)]) from None


@transaction.atomic
def create_run(
    user: User | None, wanted: RunRequest, request: Mapping[str, Any], key: str | None = None
) -> Run:
    """Write the rows of a request found good and wake a worker once they are committed.

    Args: user: who owns the run; None where nobody does.
    Raises: NameTakenError, SpecError.
    """
    run = Run.objects.create(
        name=wanted.name,
        system=wanted.system.name,
        level=wanted.level,
        spec=wanted.spec.to_data(),
        spec_hash=wanted.spec.hash,
        brain=wanted.brain,
        owner=user,
        classroom=wanted.classroom,
        model=ensure_model(wanted.model_name, wanted.system.name, user, wanted.classroom),
        queue=wanted.queue,
        idempotency_key=key,
        request_hash=body_hash(request),
        total=wanted.spec.budget,
        unit=wanted.system.unit,
        queued_at=Now(),
        created_at=Now(),
    )
    inputs.protect(run, wanted.system.files_of(wanted.spec))
    RunEvent.objects.create(run=run, new_status=RunStatus.QUEUED, actor=user, happened_at=Now())
    run.refresh_from_db()
    dispatch.send_when_committed(run)
    return run
