"""Write a version for another engine, once: whoever asks again gets the file that is there."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path
from typing import Any

from django.db import IntegrityError, transaction

from hamlet.errors import HamletError
from registry.accounts.models import User
from registry.aliases.services import lock
from registry.artifacts.store import open_artifact, store_file
from registry.audit import actions
from registry.audit.services import record
from registry.errors import RegistryError
from registry.exports.models import Export, ExportFormat
from registry.models import ModelVersion
from registry.names import subject_of

logger = logging.getLogger(__name__)
MEDIA_TYPES = {
    ExportFormat.ONNX: "application/x-onnx",
    ExportFormat.TORCHSCRIPT: "application/x-torchscript",
}
SUFFIXES = {ExportFormat.ONNX: ".onnx", ExportFormat.TORCHSCRIPT: ".pt"}


class ExportError(RegistryError):
    """The version cannot be written in that form; says why. Answered with 422."""


def ensure_export(version: ModelVersion, wanted: str, user: User | None = None) -> Export:
    """The export of a version, made if it is not there. Takes seconds.

    Raises: ExportError, also where the other engine's answers differ too much.
    """
    if found := Export.objects.filter(version=version, format=wanted).first():
        return found
    if version.format != ModelVersion.Format.HAMLET:
        raise ExportError(
            f"{version} was registered as {version.get_format_display()}; download that file. "
            "Only inference checkpoints are written in other forms."
        )
    with tempfile.TemporaryDirectory(prefix="hamlet-export-") as folder:
        path = Path(folder) / f"model{SUFFIXES[ExportFormat(wanted)]}"
        report = write(version, wanted, path)
        artifact = store_file(path, MEDIA_TYPES[ExportFormat(wanted)], move=True)
    try:
        with transaction.atomic():
            lock(version.model)
            export = Export.objects.create(
                version=version,
                format=wanted,
                artifact=artifact,
                parity_relative=report["parity"]["relative"],
                report=report,
            )
            record(
                actions.VERSION_EXPORTED,
                actor=user,
                kind="version",
                subject=subject_of(version),
                classroom_id=version.model.classroom_id,
                details={"format": wanted, "artifact_sha256": artifact.pk},
            )
    except IntegrityError:  # somebody else made it in this moment
        return Export.objects.get(version=version, format=wanted)
    return export


def write(version: ModelVersion, wanted: str, path: Path) -> dict[str, Any]:
    """Returns: plain data of the library's report. Raises: ExportError."""
    from hamlet.export import export_onnx, export_torchscript
    from hamlet.model import HamletModel

    exporting = export_onnx if wanted == ExportFormat.ONNX else export_torchscript
    content = open_artifact(version.artifact)
    try:
        model = HamletModel.load_from_checkpoint(content)
        return exporting(model, path).to_data()
    except HamletError as error:
        raise ExportError(f"{version} cannot be written as {wanted}: {error}") from error
    except Exception as error:  # exporters of PyTorch raise whatever they meet
        logger.exception("%s as %s", version, wanted)
        said = " ".join(f"{type(error).__name__}: {error}".split())[:500]
        raise ExportError(f"{version} cannot be written as {wanted}: {said}") from error
