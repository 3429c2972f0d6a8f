"""What a worker does with a check: look into the file, write down what it found, and say so.

Done twice, it is done once: the row of the model is locked while the outcome is written.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from hamlet.schema import canonical_json
from registry import holder
from registry.aliases.services import lock
from registry.artifacts.errors import ArtifactDamagedError
from registry.artifacts.store import artifact_path
from registry.audit import actions
from registry.audit.services import record
from registry.exports.models import ExportFormat
from registry.models import ModelVersion
from registry.names import subject_of
from registry.versions import lifecycle
from registry.versions.errors import FileRejectedError
from registry.versions.models import VersionCheck, VersionStatus

logger = logging.getLogger(__name__)
MOST_ATTEMPTS = 5
# Of the largest file, with its exports; a worker that is silent for longer has lost its check.
LONGEST_CHECK = timedelta(minutes=15)


def run_check(check_id: int) -> None:
    """Look into the file of a version in a process of its own, and move the version by it."""
    check = claim(check_id)
    if check is None:
        return  # done, deleted with its version, or another worker is at it
    if check.attempts > MOST_ATTEMPTS:
        end_check(check, {}, f"{MOST_ATTEMPTS} workers ended while they checked this file")
        return
    try:
        report, problem = look_into(check.version)
        if not problem:
            report["exports"] = make_exports(check.version)
        end_check(check, report, problem)
    except Exception:
        VersionCheck.objects.filter(pk=check_id).update(lease_holder="")  # the next may try
        raise


@transaction.atomic
def claim(check_id: int) -> VersionCheck | None:
    """Take an open check that no living worker has, and count it: a file that ends its workers
    is tried so often, no more."""
    checks = VersionCheck.objects.select_related("version__model", "version__artifact")
    check = checks.select_for_update(of=("self",)).filter(pk=check_id, ended_at=None).first()
    if check is None:
        return None
    late = check.begun_at is None or check.begun_at < timezone.now() - LONGEST_CHECK
    if check.lease_holder and not late and not holder.is_gone(check.lease_holder):
        return None
    check.attempts += 1
    check.begun_at, check.lease_holder = timezone.now(), holder.this_process()
    check.save(update_fields=["attempts", "begun_at", "lease_holder"])
    return check


def look_into(version: ModelVersion) -> tuple[dict[str, Any], str]:
    """Returns: (what was found, what is wrong; empty if nothing is)."""
    from registry.versions.inspecting import inspect_file

    try:
        found = inspect_file(artifact_path(version.artifact, verify=True), expect=version.format)
    except (FileRejectedError, ArtifactDamagedError) as error:
        return {}, str(error)
    if canonical_json(found.signature) != canonical_json(version.signature):
        return found.report, "the file's signature is not the one it was registered with"
    return found.report, ""


@transaction.atomic
def end_check(check: VersionCheck, report: dict[str, Any], problem: str) -> bool:
    """Returns: false if somebody else ended it first."""
    lock(check.version.model)
    open_check = VersionCheck.objects.filter(pk=check.pk, ended_at=None)
    if not open_check.exists():
        return False
    open_check.update(ended_at=Now(), passed=not problem, problem=problem, report=report)
    version = check.version
    status = lifecycle.status_of(version)
    if not problem and status == VersionStatus.REGISTERED:
        lifecycle.move(version, VersionStatus.VALIDATED, user=check.asked_by, reason="checked")
    elif problem and status in (VersionStatus.VALIDATED, VersionStatus.STAGED):
        lifecycle.move(version, VersionStatus.REGISTERED, user=check.asked_by, reason=problem[:200])
    record(
        actions.VERSION_CHECKED,
        actor=check.asked_by,
        kind="version",
        subject=subject_of(version),
        classroom_id=version.model.classroom_id,
        details={"passed": not problem, "problem": problem},
    )
    return True


def make_exports(version: ModelVersion) -> dict[str, Any]:
    """Write the version for other engines; ONNX Runtime answers here too, as it is faster.

    Returns: for each form the largest relative difference, or the problem. Without an export
    PyTorch answers, so a form that cannot be written is no fault of the version.
    """
    from registry.exports.services import ExportError, ensure_export

    if version.format != ModelVersion.Format.HAMLET:
        return {}
    found: dict[str, Any] = {}
    for form in ExportFormat.values:
        try:
            found[form] = {"relative": ensure_export(version, form).parity_relative}
        except ExportError as error:
            logger.warning("%s", error)
            found[form] = {"problem": str(error)}
    return found
