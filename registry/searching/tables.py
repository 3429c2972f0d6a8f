"""What models and versions are searched by. Runs stand above: training.searching."""

from __future__ import annotations

from decimal import Decimal

from hamlet.systems import SYSTEMS
from registry.models import Alias, ModelVersion, VersionStatus
from registry.searching.fields import (
    JsonMap,
    JsonText,
    JsonTree,
    Names,
    SearchFields,
    Text,
    Time,
    VersionNumber,
)

OF_VERSIONS = "these belong to versions; search those instead"

MODELS = SearchFields(
    of="models",
    fields={
        "name": Text("name"),
        "system": Text("system", choices=tuple(SYSTEMS)),
        "owner": Text("owner__username", example="ada"),
        "class": Text("classroom__name", example="Monday"),
        "description": Text("description", example="%coins%"),
        "created": Time("created_at"),
        "alias": Names(Alias, "model"),
        "tags": JsonMap("tags", str),
    },
    words="name",
    elsewhere=dict.fromkeys(
        ("metrics", "params", "version", "status", "format", "level", "lineage"), OF_VERSIONS
    ),
    examples=(
        ("rover", "models whose name has “rover” in it"),
        ("system = 'town' AND created > '2026-11-01'", "the newer ones of the town"),
        ("EXISTS alias AND NOT alias = 'production'", "with an alias, but not in service"),
        ("tags.team LIKE 'blue%' OR owner = 'ada'", "by a tag, or by who owns them"),
    ),
)

VERSIONS = SearchFields(
    of="versions",
    fields={
        "name": Text("model__name"),
        "version": VersionNumber(),
        "status": Text("card__status", choices=tuple(VersionStatus.values)),
        "alias": Names(Alias, "version"),
        "system": Text("model__system", choices=tuple(SYSTEMS)),
        "level": JsonText("lineage", ("level",)),
        "format": Text("format", choices=tuple(ModelVersion.Format.values)),
        "owner": Text("model__owner__username", example="ada"),
        "class": Text("model__classroom__name", example="Monday"),
        "created": Time("created_at"),
        "metrics": JsonMap("metrics", Decimal),
        "params": JsonTree("parameters"),
        "tags": JsonMap("card__tags", str),
        "lineage": JsonTree("lineage"),
    },
    words="model__name",
    elsewhere={"description": "that is a field of models; search those instead"},
    examples=(
        ("metrics.survival >= 300 AND status = 'validated'", "good ones that passed their check"),
        ("params.brain.architecture.type = 'dueling'", "by what they were made with"),
        ("alias IN ('best', 'production')", "what these aliases name now"),
        ("name LIKE 'town-%' AND version >= '2.0.0'", "by name and number"),
        ("NOT EXISTS metrics.survival", "those without the metric"),
    ),
)
