"""What runs are searched by; the language itself is in registry.searching."""

from __future__ import annotations

from decimal import Decimal

from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet

from hamlet.systems import SYSTEMS
from registry.accounts.models import User
from registry.searching.fields import JsonMap, JsonTree, Number, SearchFields, Text, Time
from training.models import Run, RunStatus
from training.queries import visible_runs

# The envelope of a RunSpec; all else that was chosen stands in its content.
ENVELOPE: dict[str, tuple[str, ...]] = {"seed": (), "budget": (), "trainer": ()}

RUNS = SearchFields(
    of="runs",
    fields={
        "name": Text("name"),
        "status": Text("status", choices=tuple(RunStatus.values)),
        "system": Text("system", choices=tuple(SYSTEMS)),
        "level": Text("level", example="L1"),
        "owner": Text("owner__username", example="ada"),
        "class": Text("classroom__name", example="Monday"),
        "model": Text("model__name"),
        "brain": Text("brain__name", example="small"),
        "reason": Text("reason", example="%memory%"),
        "created": Time("created_at"),
        "started": Time("started_at"),
        "ended": Time("ended_at"),
        "done": Number("done"),
        "total": Number("total"),
        "metrics": JsonMap("latest_metrics", Decimal),
        "params": JsonTree("spec", below=("content",), elsewhere=ENVELOPE),
    },
    words="name",
    elsewhere={
        "tags": "tags belong to models and versions; give runs a telling name",
        "alias": "aliases name versions; search those instead",
        "version": "numbers belong to versions; search those instead",
        "format": "files belong to versions; search those instead",
        "seed": "it stands among the parameters, as params.seed",
        "budget": "it stands among the parameters, as params.budget",
    },
    examples=(
        ("status = 'succeeded' AND level = 'L1'", "finished runs of a level"),
        ("metrics.mean_survival >= 300", "by the newest value of a metric"),
        ("params.brain.q_learning.gamma < 0.99 AND params.seed IN (1, 2, 3)", "by settings"),
        ("created > '2026-11-01' AND NOT status IN ('failed', 'cancelled')", "recent and sound"),
    ),
)

# What a row of a list does not show, and what is long.
UNLISTED = (
    "spec",
    "latest_metrics",
    "brain__yaml_text",
    "brain__data",
    "model__description",
    "model__tags",
    "version__signature",
    "version__lineage",
    "version__parameters",
    "version__metrics",
    "version__model__description",
    "version__model__tags",
)


def listed_runs(user: User | AnonymousUser) -> QuerySet[Run]:
    """`visible_runs` for a list: reading fifty specs would take longer than all the rest."""
    return visible_runs(user).defer(*UNLISTED)
