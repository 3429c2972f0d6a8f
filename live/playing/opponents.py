"""Whom a person may play against: versions within sight, and players that need no network."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.models import AnonymousUser

from registry.exports.models import Export, ExportFormat
from registry.models import ModelVersion, User
from registry.queries import visible_models
from registry.versions.models import VersionStatus

PLAY = "registry.predict_modelversion"  # who may ask models may play against them
SYSTEM = "connect_four"
MOST_VERSIONS = 200


@dataclass(frozen=True)
class Named:
    """A player that is a program and no network."""

    name: str
    title: str
    words: str


NAMED = (
    Named("random", "Random", "any open column"),
    Named("one_ply", "One ply", "wins where it can, blocks where it must, else random"),
    Named("minimax", "Minimax", "looks five plies ahead"),
    Named("mcts", "MCTS", "plays on at random a thousand times"),
    Named("solver", "Solver", "plays perfectly"),
)


def playable_versions(user: User | AnonymousUser) -> list[ModelVersion]:
    """The newest versions of this game that the user may see and that answer, newest first.

    Each has `onnx_sha256`: of its ONNX file, or None while it has none.
    """
    models = visible_models(user).filter(system=SYSTEM)
    versions = list(
        ModelVersion.objects.filter(model__in=models)
        .exclude(card__status=VersionStatus.ARCHIVED)
        .select_related("model", "artifact")
        .order_by("-created_at", "-pk")[:MOST_VERSIONS]
    )
    written = Export.objects.filter(version__in=versions, format=ExportFormat.ONNX)
    files = dict(written.values_list("version_id", "artifact_id"))
    for version in versions:
        version.onnx_sha256 = files.get(version.pk)
    return versions
