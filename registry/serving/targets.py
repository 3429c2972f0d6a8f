"""Which version a question goes to, and which file answers for it.

Everything that answering needs is in a `Target`, so that the database is asked once and not for
every question.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import AnonymousUser

from hamlet.signature import Signature
from registry.accounts.models import User
from registry.artifacts.models import Artifact
from registry.exports.models import Export, ExportFormat
from registry.models import ModelVersion
from registry.queries import aliases_of, find_version
from registry.serving.errors import ArchivedVersionError
from registry.versions.models import VersionCard, VersionStatus

ONNX_RUNTIME, PYTORCH = "onnxruntime", "pytorch"
MOST_SIGNATURES = 512


@dataclass(frozen=True)
class Servable:
    """The file that answers, and what runs it."""

    artifact: Artifact
    engine: str

    @property
    def sha256(self) -> str:
        return self.artifact.sha256

    @property
    def size_bytes(self) -> int:
        return self.artifact.size_bytes


@dataclass(frozen=True)
class Target:
    """One version of one model, as it was when it was looked up.

    Attributes:
        artifact_sha256: of the registered file; `servable` may be an export of it.
        state_names: inputs that are outputs too: what a recurrent model hands from call to call.
    """

    model_id: int
    version_id: int
    model: str
    number: str
    aliases: tuple[str, ...]
    artifact_sha256: str
    servable: Servable
    signature: Signature
    state_names: tuple[str, ...] = field(default=())

    def __str__(self) -> str:
        return f"{self.model} {self.number}"


def find_target(user: User | AnonymousUser, model: str, version_or_alias: str) -> Target:
    """Raises: VersionNotFoundError; ArchivedVersionError."""
    return target_of(find_version(user, model, version_or_alias))


def target_of(version: ModelVersion) -> Target:
    """Raises: ArchivedVersionError."""
    card = VersionCard.objects.filter(version_id=version.pk).only("status").first()
    if card is not None and card.status == VersionStatus.ARCHIVED:
        raise ArchivedVersionError(
            f"{version} is archived and answers no more. Ask another version, or let an "
            "instructor take it out of the archive."
        )
    signature = _signature_of(version)
    outputs = {spec.name for spec in signature.outputs}
    return Target(
        model_id=version.model_id,
        version_id=version.pk,
        model=version.model.name,
        number=version.number,
        aliases=tuple(aliases_of(version)),
        artifact_sha256=version.artifact_id,
        servable=servable_of(version),
        signature=signature,
        state_names=tuple(spec.name for spec in signature.inputs if spec.name in outputs),
    )


def servable_of(version: ModelVersion) -> Servable:
    """ONNX where there is one, since its runtime is the faster; the checkpoint otherwise."""
    if version.format == ModelVersion.Format.ONNX:
        return Servable(version.artifact, ONNX_RUNTIME)
    export = (
        Export.objects.filter(version_id=version.pk, format=ExportFormat.ONNX)
        .select_related("artifact")
        .first()
    )
    if export is not None:
        return Servable(export.artifact, ONNX_RUNTIME)
    return Servable(version.artifact, PYTORCH)


_signatures: OrderedDict[tuple[int, str], Signature] = OrderedDict()


def _signature_of(version: ModelVersion) -> Signature:
    """Read once: reading checks a whole document, and a version never changes."""
    key = (version.pk, version.artifact_id)
    if (found := _signatures.get(key)) is None:
        found = _signatures[key] = Signature.from_data(version.signature)
        if len(_signatures) > MOST_SIGNATURES:
            _signatures.popitem(last=False)
    return found


def describe_target(target: Target) -> dict[str, Any]:
    """The part of every answer that says who gave it."""
    return {
        "model": target.model,
        "version": target.number,
        "aliases": list(target.aliases),
        "artifact_sha256": target.artifact_sha256,
        "engine": target.servable.engine,
    }
