"""After the run of a night: its version is proposed, by an alias that puts nothing into service.

The alias `candidate` names the newest proposal of a model. Who deploys decides about it.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from registry.aliases.services import move_alias
from registry.errors import RegistryError
from registry.models import ModelVersion
from registry.versions.lifecycle import status_of
from registry.versions.models import VersionStatus
from registry.versions.queries import checks_of
from training.models import Run, RunStatus
from training.retraining.models import Night, NightOutcome
from training.retraining.queries import unsettled

logger = logging.getLogger(__name__)

CANDIDATE = "candidate"
# A failed run may be tried again for so long, and its version is proposed then.
MAY_COME_BACK = timedelta(days=7)


def settle_all() -> list[Night]:
    """Look at every night whose run may have ended. Returns: those that were proposed."""
    return [night for night in unsettled() if settle(night) == NightOutcome.PROPOSED]


@transaction.atomic
def settle(night: Night) -> str:
    """Note what came of the run. Returns: what became of the night."""
    if not Night.objects.select_for_update().filter(pk=night.pk, settled_at=None).exists():
        return ""  # somebody else was at it in this moment
    run = night.run
    if run is None:
        return end(night, NightOutcome.FAILED, "its run was deleted")
    if run.status == RunStatus.FAILED:
        return fail(night, run)
    if run.status == RunStatus.CANCELLED:
        return end(night, NightOutcome.FAILED, "its run was cancelled")
    if run.status != RunStatus.SUCCEEDED:
        return go_on(night)
    if run.version is None:
        return end(night, NightOutcome.FAILED, "the version that its run made was deleted")
    return propose(night, run.version)


def propose(night: Night, version: ModelVersion) -> str:
    """Once a version is checked, the alias moves to it."""
    status = status_of(version)
    if status == VersionStatus.ARCHIVED:
        return end(night, NightOutcome.FAILED, f"{version} was archived before it was proposed")
    if status == VersionStatus.REGISTERED:
        check = checks_of(version).first()
        if check is None or check.ended_at is None:
            return NightOutcome.TRAINING  # it is being checked
        reason = f"{version} did not pass its check: {check.problem}"
        return end(night, NightOutcome.FAILED, reason, version)
    try:
        with transaction.atomic():
            reason = f"learned from {night.games_count} games, night of {night.night}"
            move_alias(version.model, CANDIDATE, version, reason=reason)
    except RegistryError as error:
        return end(night, NightOutcome.FAILED, f"{version} was not proposed: {error}", version)
    return end(night, NightOutcome.PROPOSED, "", version)


def fail(night: Night, run: Run) -> str:
    reason = f"its run failed: {run.reason}"
    if run.ended_at and timezone.now() - run.ended_at > MAY_COME_BACK:
        return end(night, NightOutcome.FAILED, reason)
    Night.objects.filter(pk=night.pk).update(outcome=NightOutcome.FAILED, reason=reason[:2000])
    return NightOutcome.FAILED


def go_on(night: Night) -> str:
    """It trains, also after it had failed."""
    waits = Night.objects.filter(pk=night.pk).exclude(outcome=NightOutcome.TRAINING)
    waits.update(outcome=NightOutcome.TRAINING, reason="")
    return NightOutcome.TRAINING


def end(night: Night, outcome: str, reason: str, version: ModelVersion | None = None) -> str:
    logger.info("%s: %s %s", night, outcome, reason)
    Night.objects.filter(pk=night.pk).update(
        outcome=outcome, reason=reason[:2000], version=version, settled_at=Now()
    )
    return outcome
