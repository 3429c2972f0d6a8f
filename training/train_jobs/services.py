"""The file that came of a job of training, in the form that is asked for."""

from __future__ import annotations

from registry.artifacts.models import Artifact
from registry.downloads import export_name, file_name
from registry.exports.models import ExportFormat
from registry.models import ModelVersion, User
from registry.queries import find_version, may_change_model
from registry.versions.models import VersionCheck, VersionStatus
from registry.versions.queries import checks_of, exports_of
from registry.versions.services import ask_check
from training.models import Run, RunStatus
from training.train_jobs.errors import ModelNotReadyError

SAFETENSORS = "safetensors"
FORMATS = (SAFETENSORS, *ExportFormat.values)


def file_of(run: Run, form: str, user: User) -> tuple[Artifact, str]:
    """The stored file of the version that a run made, and the name it is sent under.

    Where another engine's form is not written yet, a check is asked for that writes it, if the
    user may ask for one.

    Args: form: of FORMATS.
    Raises: ModelNotReadyError until there is such a file; VersionNotFoundError if the user may
        not see the model.
    """
    if run.status != RunStatus.SUCCEEDED:
        why = f": {run.reason}" if run.reason else ""
        raise ModelNotReadyError(
            f"The job is {run.status}{why}; {run.done} of {run.total} epochs are done. There is a "
            "file once it is completed."
        )
    if run.version is None:
        raise ModelNotReadyError("The version that this job made was deleted. Train another one.")
    version = find_version(user, run.version.model.name, run.version.number)
    if form == SAFETENSORS:
        return version.artifact, file_name(version)
    export = exports_of(version).filter(format=form).first()
    if export is None:
        raise ModelNotReadyError(why_missing(version, form, user))
    return export.artifact, export_name(version, form)


def why_missing(version: ModelVersion, form: str, user: User) -> str:
    """Why there is no such export and what to do; asks for the check that writes it."""
    check = checks_of(version).first()
    if check is not None and check.ended_at is None:
        return f"{version} is being written as {form}. Ask again in some seconds."
    if fault := fault_of(check, form):
        return f"{version} cannot be had as {form}: {fault} Take format={SAFETENSORS}."
    if version.card.status == VersionStatus.ARCHIVED:
        return f"{version} is archived and has no {form} file. Take format={SAFETENSORS}."
    if not may_change_model(user, version.model):
        return (
            f"{version} has no {form} file. Who may change {version.model.name} has one written "
            "by checking the version again."
        )
    ask_check(version, user)
    return f"{version} is being written as {form} now. Ask again in some seconds."


def fault_of(check: VersionCheck | None, form: str) -> str:
    """What kept the last check from writing the form; empty where nothing did."""
    if check is None:
        return ""
    if not check.passed:
        return check.problem or "its check failed."
    return check.report.get("exports", {}).get(form, {}).get("problem", "")
